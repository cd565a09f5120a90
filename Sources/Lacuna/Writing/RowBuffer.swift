/// Memory for rows that wait to be written, which one transaction hands to the next. To allocate it anew, and to let
/// the kernel clear its pages, would be a tenth of the cost of a large batch. Used only in the writer's turn.
package final class RowBuffer {
    private var room: [Float] = []

    func take() -> [Float] {
        defer { room = [] }
        return room
    }

    func giveBack(_ rows: inout [Float]) {
        swap(&rows, &room)
        room.removeAll(keepingCapacity: true)
    }
}
