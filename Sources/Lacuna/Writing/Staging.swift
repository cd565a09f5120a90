/// Keeps for a rewrite or a re-embedding the rows that writes have changed since it began.
///
/// Used only in the writer's turn (``Writer/turn(_:)``), like the connection.
package final class Staging {
    /// The generation of the new file; nil if neither is under way.
    private(set) var target: Int64?
    /// Whether the target is that of a re-embedding. Its staged rows outlast this process, so each write notes in the
    /// index what it does to them: ``RowWriter``.
    private(set) var isReembedding = false
    /// The number of rows of a rewrite's target that are committed.
    var stagedRows = 0
    /// The slots of the current file whose rows have died since the rewrite began.
    private(set) var died = SlotBits()
    /// The slots of the rewrite's target whose rows have died since they were staged.
    private(set) var targetDied = SlotBits()

    /// Called when a rewrite begins. There is no re-embedding then.
    func begin(target: Int64) {
        self.target = target
        isReembedding = false
        stagedRows = 0
        died = SlotBits()
        targetDied = SlotBits()
    }

    /// Called when a re-embedding begins, or when a store is opened that has one. There is no rewrite until it ends.
    func begin(reembedding target: Int64) {
        begin(target: target)
        isReembedding = true
    }

    func retarget(_ target: Int64) { self.target = target }

    func end() {
        target = nil
        isReembedding = false
    }

    /// Notes that a transaction was committed in which the rows in these slots died.
    func note(died slots: [Slot], ofTarget targetSlots: [Slot]) {
        if target == nil || isReembedding { return }
        for slot in slots { died.insert(slot) }
        for slot in targetSlots { targetDied.insert(slot) }
        stagedRows -= targetSlots.count
    }
}
