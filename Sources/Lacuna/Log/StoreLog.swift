/// The one owner of the index's write-ahead log, in the process that writes.
///
/// The log is copied into the database (a checkpoint) at these times, and never by a commit itself:
///
/// - before a write, if the log has grown by 16 MiB since it was last copied, or is longer than the handle's limits:
///   ``limit(endingTransaction:)``;
/// - on a full disk, by an erasure, and after a crash: ``empty(waitingForReaders:)``;
/// - when the last connection closes, before which ``beginCheckpoint()`` is called.
///
/// Before and after each checkpoint, the ``MarkKeeper`` records which commits were made.
///
/// It is not thread-safe: it is used only in the writer's turn.
package final class StoreLog {
    let mark: MarkKeeper
    /// The handle's limits.
    var limits = LogLimit()
    private let index: StoreIndex
    private let paths: StorePaths
    /// The number of the log's frames when it was last copied.
    private var copiedFrames = 0

    /// 16 MiB. More frequent checkpoints would cost more: a batch of random ids changes most pages of the index, and
    /// each checkpoint writes them all again.
    private static let checkpointFrames = 4_000
    private static let longFrames = 8_000
    private static let readersMilliseconds: Int32 = 20

    init(
        _ index: StoreIndex,
        _ paths: StorePaths,
        _ mark: MarkKeeper
    ) {
        self.index = index
        self.paths = paths
        self.mark = mark
    }

    var connection: Connection { index.connection }

    /// The length of the log's file, read by its name: closing a descriptor of our own would drop this process's locks
    /// on the log.
    func fileBytes() throws(VectorStoreError) -> Int64 {
        try mapped(paths.directory.status(StorePaths.logName))?.size ?? 0
    }

    // MARK: Commits

    /// Called before a transaction begins.
    func begin() throws(VectorStoreError) {
        if !PlantedBug.logNameNotSynced.isPlanted { try mark.syncLogName() }
    }

    /// Called after a transaction, which may have had nothing to commit; `commits` is the connection's count of commits
    /// from before it.
    func end(after commits: Int) throws(VectorStoreError) {
        if connection.commits != commits { mark.beginsLog = false }
        try mark.committed(index.record)
    }

    /// Called in a transaction of a few pages: makes syncing them cheaper.
    func prewrite() { connection.prewriteLog() }

    // MARK: Checkpoints

    /// Copies the log into the database if it has grown by 16 MiB since it was last copied, so that the next commit can
    /// begin it anew. If the log is long because readers without a pause prevent that, this waits a short time for
    /// them.
    func keepShort() throws(VectorStoreError) {
        if connection.logFrames < copiedFrames { copiedFrames = 0 }
        if connection.logFrames - copiedFrames < Self.checkpointFrames { return }
        let isLong = connection.logFrames >= Self.longFrames
        _ = try checkpoint(isLong ? .restart : .passive, waitingForReaders: isLong)
        copiedFrames = connection.logFrames
    }

    /// Copies the log into the database, and cuts it, as far as readers allow. Waits for readers only if told to, and
    /// not for long. Returns whether the whole log is in the database and cut to length 0.
    func empty(waitingForReaders waits: Bool = false) throws(VectorStoreError) -> Bool {
        try checkpoint(.truncate, waitingForReaders: waits)
    }

    /// Sets whether closing the connection copies the log into the database. After an I/O error it must not: the log
    /// may hold commits that are nowhere else, and stays as it is for the next open.
    func checkpointsOnClose(_ value: Bool) { connection.checkpointsOnClose(value) }

    /// Returns whether it copied the whole log.
    private func checkpoint(
        _ kind: Connection.Checkpoint,
        waitingForReaders waits: Bool
    ) throws(VectorStoreError) -> Bool {
        let record = try beginCheckpoint()
        let isComplete = try connection.waiting(milliseconds: waits ? Self.readersMilliseconds : 0) {
            () throws(VectorStoreError) in
            try connection.checkpoint(kind)
        }
        if isComplete { mark.endCheckpoint(record) }
        return isComplete
    }

    /// Called before each checkpoint, and before the last connection is closed, which makes one. Returns the last
    /// commit's record.
    @discardableResult
    func beginCheckpoint() throws(VectorStoreError) -> StoreRecord {
        let record = try index.record()
        try mark.beginCheckpoint(record, logIsEmpty: connection.logBytes() == 0)
        return record
    }

    // MARK: Taking over

    /// Takes over the log that an earlier writer has left, up to step 3 of ``Recovery``'s table; `file` is the record's
    /// data file. An empty log needs nothing.
    ///
    /// - Returns: Whether there was a log. If so, it must be emptied before anything is done that relies on it.
    /// - Throws: `damaged`, with nothing changed, if rows that only the log may name don't match their checksums;
    ///   `diskFull` if the log or these rows can't be written again: then nothing may be added to the log.
    func takeOver(_ file: DataFile, _ record: StoreRecord) throws(VectorStoreError) -> Bool {
        if try connection.logBytes() == 0 {
            mark.endCheckpoint(record)
            return false
        }
        do throws(VectorStoreError) { try writeAgain(file, record) } catch {
            guard error.code == .diskFull else { throw error }
            throw VectorStoreError(
                .diskFull,
                """
                the store can only be read: the last writer's log must be written once more, in its place, before anything \
                else is, and the file system has no room for that
                """,
                remedy: "free some disk space and try again",
                cause: error
            )
        }
        if !PlantedBug.checkpointBelieved.isPlanted { try connection.forgetCheckpoints() }
        return true
    }

    private func writeAgain(_ file: DataFile, _ record: StoreRecord) throws(VectorStoreError) {
        let first = mark.firstRowOfLog(record)
        if !PlantedBug.rowsOfLogNotChecked.isPlanted { try index.checkRows(of: file, record, from: first) }
        // The directory is synced before the log is written: SQLite syncs it too, but doesn't report whether that
        // worked.
        try mark.syncLogName()
        if !PlantedBug.logNotWrittenAgain.isPlanted { try connection.writeLogAgain() }
        if !PlantedBug.rowsNotWrittenAgain.isPlanted {
            try file.writeAgain(record.layout.offsets(first..<record.nextSlot))
        }
    }
}
