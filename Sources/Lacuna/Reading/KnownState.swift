/// The state that a handle knew when it was suspended. If the handle finds the same state when it is resumed, what it
/// remembers still holds.
///
/// Meanwhile SQLite's count of the log's changes may have begun anew: it lies in memory that nobody may have shared. So
/// the number that was known is kept by an offset to the new count.
struct KnownState: Sendable {
    private let stamp: StoreStamp
    let record: StoreRecord
    private let uncounted: UInt32?

    /// - Parameters:
    ///   - stamp: It was taken before the record was read.
    ///   - uncounted: See ``Snapshot/uncountedChanges``.
    init(_ stamp: StoreStamp, _ record: StoreRecord, uncounted: UInt32?) {
        self.stamp = stamp
        self.record = record
        self.uncounted = uncounted
    }

    /// The offset with which the counts of this state and of the one that was just read are the same number; nil if
    /// somebody has written meanwhile, or that isn't known.
    func offset(to now: StoreRecord, uncounted count: UInt32?) throws(VectorStoreError) -> UInt32? {
        guard let uncounted, let count, record.uuid == now.uuid, record.commitSequence == now.commitSequence,
            try !stamp.hasMoved()
        else { return nil }
        return uncounted &- count
    }
}

extension StoreIndex {
    /// The newest record, and the number of the log's changes beyond its commits; nil in place of the number if a commit
    /// was made meanwhile. For the connection that writes.
    func countedRecord() throws(VectorStoreError) -> (record: StoreRecord, uncounted: UInt32?) {
        let before = connection.sharedLog?.version
        let record = try record()
        let version = connection.sharedLog?.version
        return (record, before == version ? version?.changes(beyond: record.commitSequence) : nil)
    }
}
