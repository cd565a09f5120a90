import CSQLite
import CStoreVFS
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One connection to `index.sqlite`. Not thread-safe: whoever owns it sees to it that one thread at a time uses it.
@safe
package final class Connection {
    /// How the database file is opened.
    package enum Mode: Sendable {
        case create
        case readWrite
        case readOnly
        /// For reading where the log and its shared memory are there: neither is made.
        case joining
        /// For a directory that can't be written, and only beside no write-ahead log or an empty one: SQLite looks at
        /// neither locks nor log then, and a log with frames in it would be ignored silently.
        case immutable
    }

    private let handle: OpaquePointer
    /// Where SQLite's names lead.
    private let directory: Directory
    /// Whether they lead there by its path, which may lead elsewhere one day.
    private let isNamedByPath: Bool
    /// Nil for an immutable database, of which no locks are held.
    private let entry: OpenConnections.Entry?
    /// Tells this connection from every other one of the process, also from those that are gone.
    let serial: Int
    private static let nextSerial = Atomic(0)
    private var idleStatements: [String: Statement] = [:]
    /// Kept for as long as SQLite asks it.
    private var readingAuthorizer: Authorizer?
    /// Likewise.
    private var question: Question?
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

    /// Opens the database of that name in the directory. Nothing else is opened, whatever becomes of the directory's path.
    ///
    /// - Throws: `damaged` where the name, or one that SQLite derives from it, is a link, a pipe or the like, or where there
    ///   is a rollback journal.
    package init(_ name: String, in directory: Directory, _ mode: Mode) throws(VectorStoreError) {
        guard sqlite3_libversion_number() >= 3_038_000 else {
            throw VectorStoreError(.unsupported, "SQLite is older than 3.38; install a newer libsqlite3")
        }
        let flags =
            switch mode {
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly, .joining, .immutable: SQLITE_OPEN_READONLY
            }
        try Self.checkFiles(name, directory, mode)
        entry = mode == .immutable ? nil : try OpenConnections.Entry(directory)
        let descriptorPath = directory.descriptorPath
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(
            try Self.uri(name, directory, descriptorPath, mode),
            &opened,
            flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
            lacuna_store_vfs()
        )
        guard let opened = unsafe opened else {
            throw VectorStoreError(SQLiteError(code: code, message: "out of memory", sql: nil))
        }
        unsafe handle = opened
        self.directory = directory
        isNamedByPath = descriptorPath == nil
        serial = Self.nextSerial.add(1, ordering: .relaxed).newValue
        guard code == SQLITE_OK else {
            // `deinit` runs, and closes it.
            throw unsafe VectorStoreError(Self.error(opened, code, nil))
        }
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        // A misspelt column in double quotes must be an error and not a string. Without trust, SQLite 3.40 reads no schema
        // in which an index has a JSON function; whoever owns the connection looks through the schema first.
        configure([
            (SQLITE_DBCONFIG_DQS_DML, false), (SQLITE_DBCONFIG_DQS_DDL, false), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, true),
            (SQLITE_DBCONFIG_DEFENSIVE, true),
        ])
        checkpointsOnClose(false)
        if isNamedByPath { try checkPlace(directory) }
    }

    /// Prepares a connection's first statement that needs the schema. SQLite then loads not only that, but also what ANALYZE
    /// has counted, by a query: a prepared `sqlite_stat1` may have computed columns that take for ever. That ends soon here,
    /// and SQLite goes on without the counts.
    func prepareLoadingSchema(_ sql: String) throws(VectorStoreError) -> Statement {
        var questions = 0
        let result = limited([
            (SQLITE_LIMIT_LENGTH, Self.longestSchemaText), (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1),
        ]) {
            cancellable(by: {
                questions += 1
                return questions > Self.questionsWhileLoading
            }) { Result { () throws(VectorStoreError) in try prepare(sql) } }
        }
        return try result.get()
    }

    private static let longestSchemaText: Int32 = 1 << 20
    private static let questionsWhileLoading = 100

    private func configure(_ options: [(Int32, Bool)]) {
        for (option, value) in options { unsafe lacuna_sqlite3_db_config_flag(handle, option, value ? 1 : 0) }
    }

    /// No trigger runs, no view is read, and no row is changed for a foreign key's sake, whatever the schema says.
    func useTablesOnly() {
        configure([
            (SQLITE_DBCONFIG_ENABLE_TRIGGER, false), (SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (SQLITE_DBCONFIG_ENABLE_FKEY, false),
        ])
    }

    /// Whether SQLite's names still lead to the directory.
    var namesLeadHere: Bool { !isNamedByPath || directory.isAtItsPath }

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

    // MARK: Where it lies

    private static func checkFiles(_ name: String, _ directory: Directory, _ mode: Mode) throws(VectorStoreError) {
        let sharedMemory = name + "-shm"
        for name in [name, name + "-wal", sharedMemory] {
            guard let status = try mapped(directory.regularStatus(name)), status.links > 1 else { continue }
            // Readers write to shared memory too.
            if mode == .readWrite || name == sharedMemory { throw .hardLinks(directory, name, status.links) }
        }
        let journal = name + "-journal"
        if try mapped(directory.status(journal)) != nil {
            throw VectorStoreError(
                .damaged,
                "\(directory.path(journal)) is there, which a store never has: if the sqlite3 shell has left it, open the "
                    + "index in that shell once; if not, remove it"
            )
        }
    }

    /// Where the path alone leads to the directory: the database that was opened, and is read now, must be the one there.
    /// What is swapped between two of the system's looks is not noticed.
    private func checkPlace(_ directory: Directory) throws(VectorStoreError) {
        _ = try? run("PRAGMA schema_version")
        var hasMoved: Int32 = 0
        unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        if hasMoved != 0 || !directory.isAtItsPath { throw .moved(directory) }
    }

    /// Every byte that isn't plain in a URI is percent-encoded (sqlite.org/uri.html).
    private static func uri(
        _ name: String,
        _ directory: Directory,
        _ descriptorPath: String?,
        _ mode: Mode
    ) throws(VectorStoreError) -> String {
        // Commits that are padded to whole sectors would look like several to whoever counts them.
        var parameters = ["psow=1"]
        if mode == .immutable { parameters.append("immutable=1") }
        if mode == .joining { parameters += ["readonly_shm=1", "joins=1"] }
        if descriptorPath == nil { parameters.append("directory=\(directory.descriptor)") }
        let path = if let descriptorPath { descriptorPath } else { try mapped(directory.realPath()) }
        return "file://" + encoded(path + "/" + name) + "?" + parameters.joined(separator: "&")
    }

    private static func encoded(_ path: String) -> String {
        let digits = Array("0123456789abcdef")
        return path.utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            if scalar.properties.isAlphabetic && byte < 0x80 || "/.-_0123456789".unicodeScalars.contains(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }

    static func error(_ handle: OpaquePointer, _ code: Int32, _ sql: String?) -> SQLiteError {
        let reason =
            switch code & 0xff {
            case SQLITE_CANTOPEN: unsafe sqlite3_system_errno(handle)
            case SQLITE_IOERR: unsafe ioErrno(handle)
            default: Int32(0)
            }
        return SQLiteError(
            code: code,
            message: unsafe String(cString: sqlite3_errmsg(handle)),
            sql: sql,
            systemErrno: reason,
            isOfReader: unsafe sqlite3_db_readonly(handle, "main") == 1
        )
    }

    /// Why a call on a file failed. SQLite before 3.41 doesn't tell of one at a commit, but the files do, each of its last. Which
    /// of the two it was nobody says: a reason that is more than a lack of room comes first.
    private static func ioErrno(_ handle: OpaquePointer) -> Int32 {
        let files = unsafe [lacuna_sqlite3_log(handle), lacuna_sqlite3_database(handle)]
        let reasons = unsafe files.map { unsafe lacuna_sqlite3_last_errno($0) }.filter { $0 != 0 }
        if reasons.isEmpty { return unsafe sqlite3_system_errno(handle) }
        return reasons.first { ![ENOSPC, EDQUOT, EFBIG].contains($0) } ?? reasons[0]
    }

    // MARK: Copying

    /// Copies the whole database into another connection's, in the state of the transaction that this one is in: outside of
    /// one it would begin anew with every commit. `body` is called every few pages, and stops it by throwing.
    func copy(to other: Connection, _ body: () throws -> Void) throws {
        guard let backup = unsafe sqlite3_backup_init(other.handle, "main", handle, "main") else {
            throw unsafe VectorStoreError(Self.error(other.handle, sqlite3_errcode(other.handle), nil))
        }
        var code = SQLITE_OK
        do {
            while code == SQLITE_OK {
                try body()
                code = unsafe sqlite3_backup_step(backup, Self.copiedPages)
            }
        } catch {
            unsafe sqlite3_backup_finish(backup)
            throw error
        }
        unsafe sqlite3_backup_finish(backup)
        if code != SQLITE_DONE { throw unsafe VectorStoreError(Self.error(other.handle, code, nil)) }
    }

    private static let copiedPages: Int32 = 256

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
    func prepare(_ sql: String) throws(VectorStoreError) -> Statement { try unsafe Statement(handle, sql, directory) }

    /// Runs a statement to its end; the number of rows it inserted, updated or deleted.
    @discardableResult
    package func run(_ sql: String, _ values: [SQLValue] = []) throws(VectorStoreError) -> Int {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            while try statement.step() {}
        }
        return changedRows
    }

    /// Rows that this connection has changed so far.
    var totalChanges: Int { unsafe Int(sqlite3_total_changes64(handle)) }

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
            set(authorizer)
            defer { unsafe sqlite3_set_authorizer(handle, nil, nil) }
            return try withExtendedLifetime(authorizer) { () throws(VectorStoreError) in try prepare(sql) }
        }
    }

    /// From now on a statement that reads another table than these fails with `damaged` when it is prepared.
    func allowReading(only tables: Set<String>) {
        let authorizer = Authorizer { request in
            request.action != SQLITE_READ || request.first.map { tables.contains($0.lowercased()) } ?? false
        }
        readingAuthorizer = authorizer
        set(authorizer)
    }

    private func set(_ authorizer: Authorizer) {
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
    }

    private final class Authorizer {
        let allows: (Request) -> Bool
        init(_ allows: @escaping (Request) -> Bool) { self.allows = allows }
    }

    /// Steps of SQLite's virtual machine between two questions: a millisecond at most, unless one step takes longer.
    private static let stepsBetweenQuestions: Int32 = 10_000

    /// While `body` runs, a statement that takes long asks `isCancelled` again and again, and fails with `cancelled` once
    /// the answer is yes. A short one never asks.
    func cancellable<R>(by isCancelled: @escaping () -> Bool, _ body: () throws -> R) rethrows -> R {
        let outer = question
        ask(Question(isCancelled))
        defer { ask(outer) }
        return try body()
    }

    /// While `body` runs, a statement asks after so many steps already, if it is to ask at all: each may be a function that
    /// reads a long text. SQLite asks only where its program jumps.
    func asking<R>(every steps: Int32, _ body: () throws -> R) rethrows -> R {
        ask(question, every: steps)
        defer { ask(question) }
        return try body()
    }

    private func ask(_ question: Question?, every steps: Int32 = stepsBetweenQuestions) {
        self.question = question
        guard let question else { return unsafe sqlite3_progress_handler(handle, 0, nil, nil) }
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
