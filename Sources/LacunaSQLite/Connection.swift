import CLacunaSQLite
import CLacunaStoreVFS
public import LacunaPlatform
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One connection to `index.sqlite`. It is not thread-safe: its owner must let only one thread at a time use it.
@safe
@usableFromInline
package final class Connection {
    /// How the database file is opened.
    package enum Mode: Sendable {
        case create
        /// Creates a database without locks, for a file that nobody else opens until it is complete.
        case createAlone
        case readWrite
        case readOnly
        /// For reading if the log and its shared memory exist already: neither is made.
        case joining
        /// For a directory that can't be written, and only if there is no write-ahead log or an empty one: in this mode
        /// SQLite uses neither locks nor the log, so it would silently ignore the frames of a log.
        case immutable
    }

    let handle: OpaquePointer
    /// The directory that SQLite's names lead to.
    private let directory: Directory
    /// Whether the names lead there by the directory's path, which may later lead elsewhere.
    private let isNamedByPath: Bool
    /// Nil for an immutable database, because no locks of it are held.
    private let entry: OpenConnections.Entry?
    /// A number that no other connection of this process has or had.
    package let serial: Int
    private static let nextSerial = Atomic(0)
    private var statements: [String: Statement] = [:]
    /// Kept alive for as long as SQLite may call it.
    var readingAuthorizer: Authorizer?
    /// Kept alive for as long as SQLite may call it.
    var question: Question?
    /// The frames in the log at this connection's last commit, including those that were already copied to the
    /// database; 0 before the first commit. Counted once ``checkpointsItself()`` was called.
    package internal(set) var logFrames = 0
    /// The commits of this connection that have changed anything. Counted once ``checkpointsItself()`` was called.
    package internal(set) var commits = 0

    private static let busyMilliseconds: Int32 = 5_000

    /// Opens the database of that name in the directory, and no other one, wherever the directory's path leads
    /// meanwhile.
    ///
    /// - Parameter mayHaveJournal: Whether there may be a rollback journal. The connection must only read: then it never
    ///   plays the journal back.
    /// - Throws: `damaged` if the name, or one that SQLite derives from it, is a link, a pipe or the like; or if there
    ///   is a rollback journal.
    package init(
        _ name: String,
        in directory: Directory,
        _ mode: Mode,
        mayHaveJournal: Bool = false
    ) throws(VectorStoreError) {
        guard sqlite3_libversion_number() >= 3_038_000 else {
            throw VectorStoreError(.unsupported, "SQLite is older than 3.38")
        }
        let flags =
            switch mode {
            case .create, .createAlone: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly, .joining, .immutable: SQLITE_OPEN_READONLY
            }
        try Self.checkFiles(name, directory, mode)
        if !mayHaveJournal { try Self.checkHasNoJournal(name, directory) }
        entry = mode == .immutable ? nil : try OpenConnections.Entry(directory)
        let descriptorPath = directory.descriptorPath
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(
            try Self.uri(name, directory, descriptorPath, mode, mayHaveJournal: mayHaveJournal),
            &opened,
            flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
                | SQLITE_OPEN_PRIVATECACHE,
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
            // `deinit` runs, and closes the connection.
            throw unsafe VectorStoreError(Self.error(opened, code, nil))
        }
        unsafe sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        // A misspelt column in double quotes must be an error and not a string. Without a trusted schema, SQLite 3.40
        // refuses a schema in which an index has a JSON function; the connection's owner checks the schema first.
        configure([
            (SQLITE_DBCONFIG_DQS_DML, false), (SQLITE_DBCONFIG_DQS_DDL, false), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, true),
            (SQLITE_DBCONFIG_DEFENSIVE, true),
        ])
        checkpointsOnClose(false)
        if isNamedByPath { try checkIdentity(directory) }
    }

    private func configure(_ options: [(Int32, Bool)]) {
        for (option, value) in options { unsafe lacuna_sqlite3_db_config_flag(handle, option, value ? 1 : 0) }
    }

    /// From now on, whatever the schema says, no trigger runs, no view is read, and no foreign key changes a row.
    package func useTablesOnly() {
        configure([
            (SQLITE_DBCONFIG_ENABLE_TRIGGER, false), (SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (SQLITE_DBCONFIG_ENABLE_FKEY, false),
        ])
    }

    /// Whether SQLite's names still lead to the directory.
    package var namesLeadHere: Bool { !isNamedByPath || directory.isAtItsPath }

    deinit {
        statements.removeAll()
        // sqlite3_close_v2 waits for statements that are still held, instead of leaking the connection.
        unsafe sqlite3_close_v2(handle)
    }

    /// While `body` runs, SQLite waits this long for a lock that somebody else holds.
    ///
    /// The pragma would not do: a cached statement's pragma takes effect when it is prepared, and not when it runs.
    package func waiting<R>(
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

    /// The reason why a call on a file failed. SQLite before 3.41 doesn't report the reason at a commit, but each file
    /// keeps that of its last failure. It isn't known which file failed, so a reason other than a lack of room comes
    /// first.
    private static func ioErrno(_ handle: OpaquePointer) -> Int32 {
        let files = unsafe [lacuna_sqlite3_log(handle), lacuna_sqlite3_database(handle)]
        let reasons = unsafe files.map { unsafe lacuna_sqlite3_last_errno($0) }.filter { $0 != 0 }
        if reasons.isEmpty { return unsafe sqlite3_system_errno(handle) }
        return reasons.first { ![ENOSPC, EDQUOT, EFBIG].contains($0) } ?? reasons[0]
    }

    // MARK: Copying

    /// Copies the whole database into another connection's, in the state of this connection's transaction; outside of a
    /// transaction the copy would begin anew with every commit. `body` is called every few pages; an error that it
    /// throws stops the copy.
    package func copy(to other: Connection, _ body: () throws -> Void) throws {
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

    /// Lends a prepared statement from the cache to the closure.
    @inlinable func withStatement<R>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ body: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        let statement = try cachedStatement(sql)
        defer { statement.reset() }
        try statement.bind(values)
        return try body(statement)
    }

    /// A statement from the cache, which gets it if it has none that is idle.
    @usableFromInline func cachedStatement(_ sql: String) throws(VectorStoreError) -> Statement {
        if let kept = statements[sql], !kept.isBusy { return kept }
        let statement = try prepare(sql)
        statements[sql] = statement
        return statement
    }

    /// Prepares a statement that is used once, such as one with a caller's filter in it.
    package func prepare(_ sql: String) throws(VectorStoreError) -> Statement {
        try unsafe Statement(handle, sql, directory)
    }

    /// Runs a statement to its end. Returns the number of rows that it inserted, updated or deleted.
    @discardableResult
    package func run(_ sql: String, _ values: [SQLValue] = []) throws(VectorStoreError) -> Int {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            while try statement.step() {}
        }
        return changedRows
    }

    /// The number of rows that this connection has changed so far.
    package var totalChanges: Int { unsafe Int(sqlite3_total_changes64(handle)) }

    /// The number of rows that were changed by the last statement that changed any.
    @usableFromInline var changedRows: Int { unsafe Int(sqlite3_changes64(handle)) }

    /// Calls `row` with the first row, if there is one.
    @inlinable package func first<R>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ row: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R? {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            try statement.step() ? try row(statement) : nil
        }
    }

    @inlinable package func forEach(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ row: (Statement) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try withStatement(sql, values) { statement throws(VectorStoreError) in
            while try statement.step() { try row(statement) }
        }
    }

    /// Runs a script of several statements without parameters.
    package func execute(_ script: String) throws(VectorStoreError) {
        let code = unsafe sqlite3_exec(handle, script, nil, nil, nil)
        if code != SQLITE_OK { throw unsafe VectorStoreError(Self.error(handle, code, nil)) }
    }

    // MARK: Transactions

    package enum TransactionKind: String {
        case read = "BEGIN DEFERRED"
        case write = "BEGIN IMMEDIATE"
    }

    /// Commits all of `body`, or nothing. With `synchronous = FULL`, the commit is durable when this returns.
    package func transaction<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
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

    /// `body` reads one state: that of the transaction around it, if there is one.
    package func snapshot<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        if isInTransaction { return try body() }
        try run(TransactionKind.read.rawValue)
        defer { rollBack() }
        return try body()
    }

    package var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Ends a transaction that has only read. A rollback would make SQLite read the schema again, if the transaction has
    /// made a table of an index's entries.
    package func endReading() {
        if isInTransaction { _ = try? run("COMMIT") }
        rollBack()
    }

    /// A failed rollback needs no handling: on errors that make it fail, SQLite rolls back by itself.
    package func rollBack() {
        if isInTransaction { _ = try? run("ROLLBACK") }
    }
}
