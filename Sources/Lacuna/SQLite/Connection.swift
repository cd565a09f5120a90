import CLacunaSQLite
import CLacunaStoreVFS
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

    let handle: OpaquePointer
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
    var readingAuthorizer: Authorizer?
    /// Likewise.
    var question: Question?
    /// Frames in the log at this connection's last commit, those among them that the database has already; 0 before the
    /// first. Counted once ``checkpointsItself()`` was called.
    var logFrames = 0
    /// Commits of this connection that have changed anything, once ``checkpointsItself()`` was called.
    var commits = 0

    private static let busyMilliseconds: Int32 = 5_000

    /// Opens the database of that name in the directory. Nothing else is opened, whatever becomes of the directory's path.
    ///
    /// - Throws: `damaged` where the name, or one that SQLite derives from it, is a link, a pipe or the like, or where there
    ///   is a rollback journal.
    package init(_ name: String, in directory: Directory, _ mode: Mode) throws(VectorStoreError) {
        guard sqlite3_libversion_number() >= 3_038_000 else {
            throw VectorStoreError(.unsupported, "SQLite is older than 3.38")
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

    /// What `body` reads is of one state: that of the transaction around it, where there is one.
    func snapshot<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        if isInTransaction { return try body() }
        try run(TransactionKind.read.rawValue)
        defer { rollBack() }
        return try body()
    }

    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// A failed rollback leaves nothing to do: SQLite rolls back by itself on the errors that make ours fail.
    func rollBack() {
        if isInTransaction { _ = try? run("ROLLBACK") }
    }
}
