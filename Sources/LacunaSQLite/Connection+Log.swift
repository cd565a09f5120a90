import CLacunaSQLite
package import LacunaPlatform

/// Checks the write-ahead log, and copies it into the database.
extension Connection {
    /// This is the number of frames that SQLite's unix VFS writes with one call of less than 128 KiB.
    private static let prewrittenFrames = 31
    /// A frame is one of SQLite's default pages and a header.
    private static let frameBytes: Int64 = 4_096 + 24

    /// Sets whether closing the last connection copies the log into the database and removes it. Only the writing
    /// process lets it, once it has found the log sound; and not after an I/O error, when the log may be the only copy.
    package func checkpointsOnClose(_ value: Bool) {
        unsafe lacuna_sqlite3_db_config_flag(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, value ? 0 : 1)
    }

    /// Checks the log. Throws `damaged` if the log is damaged, and `cancelled` if `isCancelled` says so before the
    /// log's end. This must be the first read, because it opens the log.
    package func checkLog(_ isCancelled: () -> Bool) throws(VectorStoreError) {
        _ = try first("PRAGMA application_id") { $0.integer(0) }
        if !PlantedBug.logNotChecked.isPlanted { try unsafe WriteAheadLog(handle)?.check(isCancelled) }
    }

    /// The shared memory, which shows other connections' commits. A read must have come before.
    package var sharedLog: SharedLog? { unsafe SharedLog(handle) }

    /// The length of the log's file, whatever is in it.
    package func logBytes() throws(VectorStoreError) -> Int64 { try unsafe WriteAheadLog(handle)?.size() ?? 0 }

    /// Writes zeros for the next few frames to overwrite, because syncing overwritten bytes is cheaper than syncing a
    /// longer file. This only makes commits of a few pages faster. It must run in a write transaction, so that nobody
    /// else writes to the log. A log that was begun anew is long enough already.
    package func prewriteLog() {
        guard logFrames > 0, let log = unsafe WriteAheadLog(handle), let size = try? log.size(),
            size <= Int64(logFrames + Self.prewrittenFrames / 8) * Self.frameBytes
        else { return }
        try? log.zero(from: size, count: Self.prewrittenFrames * Int(Self.frameBytes))
    }

    /// Writes the log's bytes again in place, and syncs them, while nobody else can write to the log.
    package func writeLogAgain() throws(VectorStoreError) {
        try run(TransactionKind.write.rawValue)
        defer { rollBack() }
        try unsafe WriteAheadLog(handle)?.writeAgain()
    }

    /// From now on SQLite assumes that no frame of the log is in the database: the next checkpoint copies all of them,
    /// even those that an earlier one has copied. SQLite syncs the database only once the whole log was copied; if that
    /// sync fails, the kernel may treat copied pages as written that are not.
    ///
    /// - Throws: `busy` if another program is checkpointing.
    package func forgetCheckpoints() throws(VectorStoreError) {
        try run(TransactionKind.write.rawValue)
        defer { rollBack() }
        let code = unsafe lacuna_sqlite3_forget_checkpoints(handle)
        if code == SQLITE_OK { return }
        let message = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) } ?? "error"
        throw VectorStoreError(SQLiteError(code: code, message: message, sql: nil))
    }

    /// From now on commits don't checkpoint: the connection's owner does, between commits.
    package func checkpointsItself() {
        unsafe sqlite3_wal_hook(
            handle,
            { context, _, _, frames in
                guard let context = unsafe context else { return SQLITE_OK }
                let connection = unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue()
                connection.logFrames = Int(frames)
                connection.commits += 1
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    package enum Checkpoint {
        /// Copies the frames that no reader is in the way of.
        case passive
        /// Copies everything, and makes the next commit begin the log anew.
        case restart
        /// Does the same, and truncates the log to nothing.
        case truncate

        fileprivate var mode: Int32 {
            switch self {
            case .passive: SQLITE_CHECKPOINT_PASSIVE
            case .restart: SQLITE_CHECKPOINT_RESTART
            case .truncate: SQLITE_CHECKPOINT_TRUNCATE
            }
        }
    }

    /// Copies the log into the database. Returns false if somebody was in the way for longer than the connection waits.
    package func checkpoint(_ checkpoint: Checkpoint) throws(VectorStoreError) -> Bool {
        var frames: Int32 = 0
        var copied: Int32 = 0
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, checkpoint.mode, &frames, &copied)
        if code & 0xff == SQLITE_BUSY { return false }
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
        if checkpoint != .passive { logFrames = 0 }
        return copied == frames
    }
}
