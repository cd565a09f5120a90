import CSQLite
import Synchronization

/// One connection to `index.sqlite`. Not thread-safe: whoever owns it sees to it that one thread at a time uses it.
@safe
package final class Connection {
    /// How the database file is opened.
    package enum Mode: Sendable {
        case create
        case readWrite
        case readOnly
        /// For a directory that can't be written, and only beside no write-ahead log or an empty one: SQLite looks at
        /// neither locks nor log then, and a log with frames in it would be ignored silently.
        case immutable
    }

    private let handle: OpaquePointer
    /// Tells this connection from every other one of the process, also from those that are gone.
    let serial: Int
    private static let nextSerial = Atomic(0)
    private var idleStatements: [String: Statement] = [:]
    /// Frames in the log at this connection's last commit, those among them that the database has already; 0 before the
    /// first. Counted once ``checkpointsItself()`` was called.
    private(set) var logFrames = 0
    /// Commits of this connection that have changed anything, once ``checkpointsItself()`` was called.
    private(set) var commits = 0

    private static let busyMilliseconds: Int32 = 5_000
    /// As many as SQLite's unix VFS writes with one call: less than 128 KiB.
    private static let prewrittenFrames = 31
    /// Of SQLite's default page, and its header.
    private static let frameBytes: Int64 = 4_096 + 24

    package init(_ path: String, _ mode: Mode) throws(VectorStoreError) {
        guard sqlite3_libversion_number() >= 3_038_000 else {
            throw VectorStoreError(.unsupported, "SQLite is older than 3.38; install a newer libsqlite3")
        }
        let flags =
            switch mode {
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly, .immutable: SQLITE_OPEN_READONLY
            }
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(
            Self.uri(path, immutable: mode == .immutable),
            &opened,
            flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
            nil
        )
        guard let opened = unsafe opened else {
            throw VectorStoreError(SQLiteError(code: code, message: "out of memory", sql: nil))
        }
        unsafe handle = opened
        serial = Self.nextSerial.add(1, ordering: .relaxed).newValue
        guard code == SQLITE_OK else {
            // `deinit` runs, and closes it.
            throw unsafe VectorStoreError(Self.error(opened, code, nil))
        }
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        // A misspelt column in double quotes must be an error and not a string; a hostile schema must not run functions.
        for (option, value) in [
            (SQLITE_DBCONFIG_DQS_DML, 0), (SQLITE_DBCONFIG_DQS_DDL, 0), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
            (SQLITE_DBCONFIG_DEFENSIVE, 1),
        ] {
            unsafe lacuna_sqlite3_db_config_flag(handle, option, Int32(value))
        }
        checkpointsOnClose(false)
    }

    deinit {
        idleStatements.removeAll()
        // v2 waits for statements that somebody still holds instead of leaking the connection.
        unsafe sqlite3_close_v2(handle)
    }

    /// How long a lock that somebody else holds is waited for while `body` runs.
    ///
    /// Not by its pragma: a cached statement's takes effect when it is prepared, and not when it is run.
    func waiting<R>(
        milliseconds: Int32,
        _ body: () throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        unsafe sqlite3_busy_timeout(handle, milliseconds)
        defer { unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds) }
        return try body()
    }

    // MARK: The write-ahead log

    /// Whether closing copies the log into the database and removes it, where this is the last connection. Only the writing
    /// process does, and only once it has found the log sound; not after an I/O error, when the log may be the only copy.
    package func checkpointsOnClose(_ value: Bool) {
        unsafe lacuna_sqlite3_db_config_flag(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, value ? 0 : 1)
    }

    /// Throws `damaged` where the log has rotted. A read, and the first one: it opens the log.
    func checkLog() throws(VectorStoreError) {
        _ = try first("PRAGMA application_id") { $0.integer(0) }
        if !PlantedBug.logNotChecked.isPlanted { try unsafe WriteAheadLog(handle)?.check() }
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

    /// Every byte that isn't plain in a URI is percent-encoded (sqlite.org/uri.html).
    private static func uri(_ path: String, immutable: Bool) -> String {
        let digits = Array("0123456789abcdef")
        let name = path.utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            if scalar.properties.isAlphabetic && byte < 0x80 || "/.-_0123456789".unicodeScalars.contains(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return (path.hasPrefix("/") ? "file://" : "file:") + name + (immutable ? "?immutable=1" : "")
    }

    static func error(_ handle: OpaquePointer, _ code: Int32, _ sql: String?) -> SQLiteError {
        SQLiteError(
            code: code,
            message: unsafe String(cString: sqlite3_errmsg(handle)),
            sql: sql,
            systemErrno: code & 0xff == SQLITE_CANTOPEN ? unsafe sqlite3_system_errno(handle) : 0
        )
    }

    // MARK: Statements

    /// A prepared statement from the cache, for the closure's length.
    private func withStatement<R>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ body: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        let statement = if let idle = idleStatements.removeValue(forKey: sql) { idle } else { try prepare(sql) }
        defer {
            statement.reset()
            idleStatements[sql] = statement
        }
        try statement.bind(values)
        return try body(statement)
    }

    /// A statement that is used once, such as one with a caller's filter in it.
    func prepare(_ sql: String) throws(VectorStoreError) -> Statement { try unsafe Statement(handle, sql) }

    /// Runs a statement to its end; the number of rows it inserted, updated or deleted.
    @discardableResult
    package func run(_ sql: String, _ values: [SQLValue] = []) throws(VectorStoreError) -> Int {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            while try statement.step() {}
        }
        return changedRows
    }

    /// The rows that the last statement to change any has changed.
    var changedRows: Int { unsafe Int(sqlite3_changes64(handle)) }

    /// The first row, if there is one.
    func first<R>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ row: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R? {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            try statement.step() ? try row(statement) : nil
        }
    }

    package func forEach(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ row: (Statement) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            while try statement.step() { try row(statement) }
        }
    }

    /// A script of several statements without parameters.
    package func execute(_ script: String) throws(VectorStoreError) {
        let code = unsafe sqlite3_exec(handle, script, nil, nil, nil)
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
    }

    // MARK: Transactions

    enum TransactionKind: String {
        case read = "BEGIN DEFERRED"
        case write = "BEGIN IMMEDIATE"
    }

    /// All of `body` or nothing. With `synchronous = FULL`, it is durable when this returns.
    func transaction<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        try run(TransactionKind.write.rawValue)
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// What `body` reads is of one state.
    func snapshot<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        try run(TransactionKind.read.rawValue)
        defer { rollBack() }
        return try body()
    }

    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// A failed rollback leaves nothing to do: SQLite rolls back by itself on the errors that make ours fail.
    func rollBack() {
        if isInTransaction { _ = try? run("ROLLBACK") }
    }

    // MARK: SQL functions and limits on what a statement may do

    /// Makes `function` known to this connection's SQL as `name`, until it is taken away by nil.
    func define(_ name: String, arguments: Int, _ function: IntegerFunction?) throws(VectorStoreError) {
        let code = unsafe sqlite3_create_function_v2(
            handle,
            name,
            Int32(arguments),
            SQLITE_UTF8 | SQLITE_DIRECTONLY,
            function.map { unsafe Unmanaged.passRetained($0).toOpaque() },
            function == nil ? nil : IntegerFunction.call,
            nil,
            nil,
            function == nil ? nil : IntegerFunction.release
        )
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
    }

    /// What a statement asks to do while it is prepared (sqlite3_set_authorizer).
    struct Request {
        let action: Int32
        let first: String?
        let second: String?
    }

    /// Prepares `sql` while `allows` is asked about each thing that it reads or calls; throws where that says no.
    func prepare(_ sql: String, allowing allows: (Request) -> Bool) throws(VectorStoreError) -> Statement {
        try withoutActuallyEscaping(allows) { allows throws(VectorStoreError) in
            let authorizer = Authorizer(allows)
            unsafe sqlite3_set_authorizer(
                handle,
                { context, action, first, second, _, _ in
                    guard let context = unsafe context else { return SQLITE_DENY }
                    let authorizer = unsafe Unmanaged<Authorizer>.fromOpaque(context).takeUnretainedValue()
                    let request = unsafe Request(
                        action: action,
                        first: first.map { unsafe String(cString: $0) },
                        second: second.map { unsafe String(cString: $0) }
                    )
                    return authorizer.allows(request) ? SQLITE_OK : SQLITE_DENY
                },
                Unmanaged.passUnretained(authorizer).toOpaque()
            )
            defer { unsafe sqlite3_set_authorizer(handle, nil, nil) }
            return try withExtendedLifetime(authorizer) { () throws(VectorStoreError) in try prepare(sql) }
        }
    }

    private final class Authorizer {
        let allows: (Request) -> Bool
        init(_ allows: @escaping (Request) -> Bool) { self.allows = allows }
    }

    /// Steps of SQLite's virtual machine between two questions: a millisecond at most, unless one step takes longer.
    private static let stepsBetweenQuestions: Int32 = 10_000
    private var question: Question?

    /// While `body` runs, a statement that takes long asks `isCancelled` again and again, and fails with `cancelled` once
    /// the answer is yes. A short one never asks.
    func cancellable<R>(by isCancelled: @escaping () -> Bool, _ body: () throws -> R) rethrows -> R {
        question = Question(isCancelled)
        ask(every: Self.stepsBetweenQuestions)
        defer {
            unsafe sqlite3_progress_handler(handle, 0, nil, nil)
            question = nil
        }
        return try body()
    }

    /// While `body` runs, a statement asks after so many steps already, if it is to ask at all: each may be a function that
    /// reads a long text. SQLite asks only where its program jumps.
    func asking<R>(every steps: Int32, _ body: () throws -> R) rethrows -> R {
        ask(every: steps)
        defer { ask(every: Self.stepsBetweenQuestions) }
        return try body()
    }

    private func ask(every steps: Int32) {
        guard let question else { return }
        unsafe sqlite3_progress_handler(
            handle,
            steps,
            { context in
                guard let context = unsafe context else { return 0 }
                return unsafe Unmanaged<Question>.fromOpaque(context).takeUnretainedValue().isCancelled() ? 1 : 0
            },
            Unmanaged.passUnretained(question).toOpaque()
        )
    }

    private final class Question {
        let isCancelled: () -> Bool
        init(_ isCancelled: @escaping () -> Bool) { self.isCancelled = isCancelled }
    }

    /// What a statement may have at most (sqlite3_limit), while `body` runs.
    func limited<R>(_ limits: [(limit: Int32, most: Int32)], _ body: () throws -> R) rethrows -> R {
        let before = limits.map { unsafe sqlite3_limit(handle, $0.limit, $0.most) }
        defer {
            for (limit, most) in zip(limits.map(\.limit), before) { unsafe sqlite3_limit(handle, limit, most) }
        }
        return try body()
    }
}
