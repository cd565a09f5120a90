import CLacunaSQLite

/// The write-ahead log: looking through it, and copying it into the database.
extension Connection {
    /// As many as SQLite's unix VFS writes with one call: less than 128 KiB.
    private static let prewrittenFrames = 31
    /// Of SQLite's default page, and its header.
    private static let frameBytes: Int64 = 4_096 + 24

    /// Whether closing copies the log into the database and removes it, where this is the last connection. Only the writing
    /// process does, and only once it has found the log sound; not after an I/O error, when the log may be the only copy.
    package func checkpointsOnClose(_ value: Bool) {
        unsafe lacuna_sqlite3_db_config_flag(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, value ? 0 : 1)
    }

    /// Throws `damaged` where the log has rotted; `cancelled` where `isCancelled` says so before its end. A read, and the first
    /// one: it opens the log.
    func checkLog(_ isCancelled: () -> Bool) throws(VectorStoreError) {
        _ = try first("PRAGMA application_id") { $0.integer(0) }
        if !PlantedBug.logNotChecked.isPlanted { try unsafe WriteAheadLog(handle)?.check(isCancelled) }
    }

    /// The memory that tells of other connections' commits. A read must have come before.
    var sharedLog: SharedLog? { unsafe SharedLog(handle) }

    /// The log's length, whatever is in it.
    func logBytes() throws(VectorStoreError) -> Int64 { try unsafe WriteAheadLog(handle)?.size() ?? 0 }

    /// Sees to it that the next few frames overwrite zeros, which makes syncing them cheaper than a longer file: for commits of
    /// a few pages, and only a way of being faster. In a write transaction, so that nobody else writes to the log. One that
    /// was begun anew is long enough.
    func prewriteLog() {
        guard logFrames > 0, let log = unsafe WriteAheadLog(handle), let size = try? log.size(),
            size <= Int64(logFrames + Self.prewrittenFrames / 8) * Self.frameBytes
        else { return }
        try? log.zero(from: size, count: Self.prewrittenFrames * Int(Self.frameBytes))
    }

    /// Writes the log's bytes once more where they are, and syncs them, while nobody else can write to it.
    func rewriteLog() throws(VectorStoreError) {
        try run(TransactionKind.write.rawValue)
        defer { rollBack() }
        try unsafe WriteAheadLog(handle)?.rewrite()
    }

    /// From now on SQLite takes no frame of the log to be in the database: the next checkpoint copies all of them, also what
    /// an earlier one has copied. SQLite syncs the database only once the whole log is there, and should that fail, the
    /// kernel may hold what was copied before as if it were written.
    ///
    /// - Throws: `busy` where a foreign program is checkpointing.
    func forgetCheckpoints() throws(VectorStoreError) {
        try run(TransactionKind.write.rawValue)
        defer { rollBack() }
        let code = unsafe lacuna_sqlite3_forget_checkpoints(handle)
        if code == SQLITE_OK { return }
        let message = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) } ?? "error"
        throw VectorStoreError(SQLiteError(code: code, message: message, sql: nil))
    }

    /// From now on commits don't checkpoint: whoever owns the connection does, between them.
    func checkpointsItself() {
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

    enum Checkpoint {
        /// Copies what no reader is in the way of.
        case passive
        /// Copies everything, and sees to it that the next commit begins the log anew.
        case restart
        /// The same, and cuts it to nothing.
        case truncate

        fileprivate var mode: Int32 {
            switch self {
            case .passive: SQLITE_CHECKPOINT_PASSIVE
            case .restart: SQLITE_CHECKPOINT_RESTART
            case .truncate: SQLITE_CHECKPOINT_TRUNCATE
            }
        }
    }

    /// Copies the log into the database; false if somebody was in the way for longer than is waited for.
    func checkpoint(_ checkpoint: Checkpoint) throws(VectorStoreError) -> Bool {
        var frames: Int32 = 0
        var copied: Int32 = 0
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, checkpoint.mode, &frames, &copied)
        if code & 0xff == SQLITE_BUSY { return false }
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
        if checkpoint != .passive { logFrames = 0 }
        return copied == frames
    }
}
