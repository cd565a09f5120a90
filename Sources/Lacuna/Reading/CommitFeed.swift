/// A connection with which a handle that only reads follows the commits of the writing process, and the epoch's locks,
/// which keep the rows of its state in their slots.
///
/// `@unchecked Sendable`: one thread at a time uses it, under the lock of its ``RowIDs``.
final class CommitFeed: @unchecked Sendable {
    /// A state of the store, with the facts by which the changes of later commits can be found.
    struct Known: Sendable {
        let record: StoreRecord
        let dead: SlotBits
        /// See ``Snapshot/uncountedChanges``.
        let uncounted: UInt32
    }

    /// The changes of the commits since a state.
    struct Change {
        let known: Known
        let version: LogVersion
        let died: [Slot]
        let added: [(key: RowKey, slot: Slot, isLive: Bool)]
    }

    let index: StoreIndex
    let log: SharedLog
    private var locks: EpochLocks
    private var held: [Int64] = []

    /// More changes cost more than reading all rows from the index anew.
    private static let changeLimit = 100_000
    private static let attempts = 100

    /// Nil if there is no log, by which commits are noticed.
    init?(_ directory: Directory) throws(VectorStoreError) {
        index = try StoreIndex.openForReading(directory, .readOnly)
        guard let log = index.connection.sharedLog else { return nil }
        self.log = log
        locks = try mapped(EpochLocks(directory, creates: false))
    }

    // MARK: States

    /// Begins to read one state; ``end()`` ends it.
    func begin() throws(VectorStoreError) -> (Known, LogVersion) {
        for _ in 0..<Self.attempts {
            let version = log.version
            try index.connection.run(Connection.TransactionKind.read.rawValue)
            let record = try index.record()
            // If no commit came between, the version belongs to this state.
            if version == log.version {
                let dead = try index.deadSlots(record.generation)
                let uncounted = version.changes(beyond: record.commitSequence)
                return (Known(record: record, dead: dead, uncounted: uncounted), version)
            }
            end()
        }
        throw VectorStoreError(.busy, "other commits were made again and again while the store was read")
    }

    func end() { index.connection.rollBack() }

    /// The changes since a state; nil if the index doesn't have them, or if reading all rows anew costs less.
    func changes(since known: Known) throws(VectorStoreError) -> Change? {
        let version = log.version
        try index.connection.run(Connection.TransactionKind.read.rawValue)
        defer { end() }
        let record = try index.record()
        guard record.generation == known.record.generation, record.moved == known.record.moved,
            record.commitSequence >= known.record.commitSequence, record.nextSlot >= known.record.nextSlot,
            known.record.nextSlot.distance(to: record.nextSlot) <= Self.changeLimit
        else { return nil }
        let uncounted = version.changes(beyond: record.commitSequence)
        // If a commit came between, the caller sees another version, and tries again.
        if version == log.version && uncounted != known.uncounted { return nil }
        var dead = known.dead
        try index.readDeadSlots(record.generation, after: known.record.commitSequence, into: &dead)
        let new = known.record.nextSlot..<record.nextSlot
        var added: [(key: RowKey, slot: Slot, isLive: Bool)] = []
        try index.forEachKey(in: new, record.generation, record.codec) { slot, key in
            added.append((key, slot, !dead.contains(slot)))
        }
        guard added.count == new.count, Int64(dead.count) == record.deadRows else { return nil }
        return Change(
            known: Known(record: record, dead: dead, uncounted: known.uncounted),
            version: version,
            died: dead.slots(since: known.dead),
            added: added
        )
    }

    // MARK: The epoch's locks

    /// Takes the epoch's lock; returns whether it is held. It fails only for a moment, while a writer has the lock.
    func hold(_ epoch: Int64) throws(VectorStoreError) -> Bool {
        if held.contains(epoch) { return true }
        guard locks.isNamed(epoch), try mapped(locks.lock(epoch, exclusive: false, within: 0)) else { return false }
        held.append(epoch)
        return true
    }

    var holdsAny: Bool { !held.isEmpty }

    /// Releases the locks of epochs whose rows nobody reads any more, except the newest if that is kept.
    func release(_ readers: ReadStripes, keepingNewest: Bool) {
        let newest = held.max()
        held.removeAll { epoch in
            if keepingNewest && epoch == newest { return false }
            guard readers.areDrained(through: epoch, within: 0) else { return false }
            locks.unlock(epoch)
            return true
        }
    }
}
