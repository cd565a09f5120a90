/// Keeps for a rewrite under way the rows that writes have changed since it began.
///
/// Used only in the writer's turn (``Writer/turn(_:)``), like the connection.
package final class Staging {
    /// The generation of the rewrite's new file; nil if no rewrite is under way.
    private(set) var target: Int64?
    /// The number of rows of the target generation that are committed.
    var stagedRows = 0
    /// The slots of the current file whose rows have died since the rewrite began.
    private(set) var died = SlotBits()
    /// The slots of the target whose rows have died since they were staged.
    private(set) var targetDied = SlotBits()

    func begin(target: Int64) {
        self.target = target
        stagedRows = 0
        died = SlotBits()
        targetDied = SlotBits()
    }

    func retarget(_ target: Int64) { self.target = target }

    func end() { target = nil }

    /// Notes that a transaction was committed in which the rows in these slots died.
    func note(died slots: [Slot], ofTarget targetSlots: [Slot]) {
        if target == nil { return }
        for slot in slots { died.insert(slot) }
        for slot in targetSlots { targetDied.insert(slot) }
        stagedRows -= targetSlots.count
    }
}
