/// What a rewrite that is under way needs to hear of every write.
///
/// Touched only in the writer's turn (``Writer/turn(_:)``), like the connection.
package final class Staging {
    /// The generation of the rewrite's new file; nil where none is under way.
    private(set) var target: Int64?
    /// Rows of the target generation that are committed.
    var stagedRows = 0
    /// Slots of the current file that have died since it began.
    private(set) var died = SlotBits()
    /// Slots of the target whose rows have died since they were staged.
    private(set) var targetDied = SlotBits()

    func begin(target: Int64) {
        self.target = target
        stagedRows = 0
        died = SlotBits()
        targetDied = SlotBits()
    }

    func retarget(_ target: Int64) { self.target = target }

    func end() { target = nil }

    /// A transaction has been committed in which these slots have died.
    func note(died slots: [Slot], ofTarget targetSlots: [Slot]) {
        if target == nil { return }
        for slot in slots { died.insert(slot) }
        for slot in targetSlots { targetDied.insert(slot) }
        stagedRows -= targetSlots.count
    }
}
