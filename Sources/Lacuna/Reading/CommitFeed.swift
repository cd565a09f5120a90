/// A connection by which a handle that only reads follows the commits of the writing process, and the epoch's locks that keep
/// the rows of its state where they are.
///
/// `@unchecked Sendable`: one thread at a time uses it, under the lock of the ``RowIDs`` that it belongs to.
final class CommitFeed: @unchecked Sendable {
    /// A state of the store, as far as it tells what later commits have changed.
    struct Known: Sendable {
        let record: StoreRecord
        let dead: SlotBits
        /// See ``Snapshot/uncountedChanges``.
        let uncounted: UInt32
    }

    /// What the commits since a state have changed.
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

    /// More changes than that are cheaper to read from the index anew.
    private static let changeLimit = 100_000
    private static let attempts = 100

    /// Nil where there is no log to tell of commits.
    init?(_ directory: Directory) throws(VectorStoreError) {
        index = try StoreIndex.openForReading(directory, .readOnly)
        guard let log = index.connection.sharedLog else { return nil }
        self.log = log
        locks = try mapped(EpochLocks(directory, creates: false))
    }

    // MARK: States

    /// Begins to read one state, which lasts until ``end()``.
    func begin() throws(VectorStoreError) -> (Known, LogVersion) {
        for _ in 0..<Self.attempts {
            let version = log.version
            try index.connection.run(Connection.TransactionKind.read.rawValue)
            let record = try index.record()
            // Of this state, if no commit came between.
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

    /// The changes since a state; nil if the index doesn't tell them, or if reading all rows anew costs less.
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
        // Where a commit came between, the caller sees another version, and tries again.
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

    /// Whether the epoch's lock is held: a writer that wants it for itself has it for a moment only.
    func hold(_ epoch: Int64) throws(VectorStoreError) -> Bool {
        if held.contains(epoch) { return true }
        guard locks.isNamed(epoch), try mapped(locks.lock(epoch, exclusive: false, within: 0)) else { return false }
        held.append(epoch)
        return true
    }

    var holdsAny: Bool { !held.isEmpty }

    /// Lets the locks go of epochs whose rows nobody reads any more, but for the newest where that is kept.
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
