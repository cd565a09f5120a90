/// Memory for rows that wait to be written, which one transaction hands to the next. To allocate it anew, and to let
/// the kernel clear its pages, would be a tenth of the cost of a large batch. Used only in the writer's turn.
package final class RowBuffer {
    private var room: [UInt8] = []

    func take() -> [UInt8] {
        defer { room = [] }
        return room
    }

    func giveBack(_ rows: inout [UInt8]) {
        swap(&rows, &room)
        room.removeAll(keepingCapacity: true)
    }
}
