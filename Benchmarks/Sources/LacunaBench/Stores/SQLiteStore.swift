import CPlainSQLite
import Foundation
import Synchronization

/// A plain table of blobs as a careful programmer uses it: with a write-ahead log that is synced at each commit,
/// statements that are prepared once, and blobs that are bound without a copy. One connection writes, and each reader
/// has a connection of its own.
///
/// `@unchecked Sendable`: only the thread that holds `turn` uses the connection.
final class SQLiteStore<ID: BenchmarkID>: BenchmarkStore, @unchecked Sendable {
    static var contender: Contender { .sqlite }
    static var compactions: [String] { ["vacuum"] }

    private let path: String
    private let connection: SQLiteConnection
    private let begin: OpaquePointer
    private let commit: OpaquePointer
    private let insertion: OpaquePointer
    private let deletion: OpaquePointer
    private let turn = Mutex(())

    convenience init(creating path: String, dimension: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let connection = try SQLiteConnection(path)
        try connection.execute(
            ID.isInteger
                ? "CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL)"
                : "CREATE TABLE vectors (id BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )
        try self.init(path, connection)
    }

    convenience init(opening path: String) throws {
        try self.init(path, SQLiteConnection(path))
    }

    private init(_ path: String, _ connection: SQLiteConnection) throws {
        self.path = path
        self.connection = connection
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        insertion = try connection.prepare("INSERT INTO vectors (id, vector) VALUES (?, ?)")
        deletion = try connection.prepare("DELETE FROM vectors WHERE id = ?")
    }

    func put(_ vector: [Float], for id: ID) throws {
        try turn.withLock { _ in try insert(vector, for: id) }
    }

    func put(_ vectors: [[Float]], for ids: [ID]) throws {
        try transaction {
            for (id, vector) in zip(ids, vectors) { try insert(vector, for: id) }
        }
    }

    func delete(_ ids: [ID]) throws {
        try transaction {
            for id in ids { try connection.run(deletion, with: id) }
        }
    }

    private func insert(_ vector: [Float], for id: ID) throws {
        try vector.withUnsafeBytes { bytes in
            // Without a destructor the bytes are not copied. They live longer than the statement runs.
            sqlite3_bind_blob(insertion, 2, bytes.baseAddress, Int32(bytes.count), nil)
            try connection.run(insertion, with: id)
        }
    }

    private func transaction(_ body: () throws -> Void) throws {
        try turn.withLock { _ in
            try connection.run(begin)
            try body()
            try connection.run(commit)
        }
    }

    func reader() throws -> SQLiteReader<ID> {
        let connection = try SQLiteConnection(path)
        return SQLiteReader(
            connection: connection,
            selection: try connection.prepare("SELECT vector FROM vectors WHERE id = ?")
        )
    }

    /// The checkpoint is needed because VACUUM leaves the new pages in the log.
    func compact(_ name: String) throws {
        try connection.execute("VACUUM")
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    func close() { connection.close() }
}

/// `@unchecked Sendable`: one thread at a time uses it.
struct SQLiteReader<ID: BenchmarkID>: BenchmarkReader, @unchecked Sendable {
    let connection: SQLiteConnection
    let selection: OpaquePointer

    func withVector<R>(for id: ID, _ body: (UnsafeRawBufferPointer) -> R) throws -> R? {
        try connection.withBound(id, to: selection) {
            let code = sqlite3_step(selection)
            defer { sqlite3_reset(selection) }
            if code == SQLITE_DONE { return nil }
            try connection.check(code, SQLITE_ROW, "sqlite3_step")
            let blob = sqlite3_column_blob(selection, 0)
            return body(UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(selection, 0))))
        }
    }

    func close() { connection.close() }
}

struct SQLiteConnection {
    private let handle: OpaquePointer

    init(_ directory: String) throws {
        var handle: OpaquePointer?
        let code = sqlite3_open(directory + "/vectors.sqlite", &handle)
        guard code == SQLITE_OK, let handle else { throw StoreFailure("sqlite3_open", sqlite3_errstr(code)) }
        self.handle = handle
        try execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    }

    func execute(_ sql: String) throws {
        try check(sqlite3_exec(handle, sql, nil, nil, nil), SQLITE_OK, sql)
    }

    func prepare(_ sql: String) throws -> OpaquePointer {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        try check(sqlite3_prepare_v3(handle, sql, -1, flags, &statement, nil), SQLITE_OK, sql)
        guard let statement else { throw StoreFailure(sql, nil) }
        return statement
    }

    func run(_ statement: OpaquePointer) throws {
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        try check(code, SQLITE_DONE, "sqlite3_step")
    }

    func run(_ statement: OpaquePointer, with id: some BenchmarkID) throws {
        try withBound(id, to: statement) { try run(statement) }
    }

    /// Calls `body` while the id is bound to the first parameter, without a copy.
    func withBound<ID: BenchmarkID, R>(_ id: ID, to statement: OpaquePointer, _ body: () throws -> R) rethrows -> R {
        try withUnsafeBytes(of: id) { key in
            if ID.isInteger {
                sqlite3_bind_int64(statement, 1, key.load(as: Int64.self))
            } else {
                sqlite3_bind_blob(statement, 1, key.baseAddress, Int32(key.count), nil)
            }
            return try body()
        }
    }

    func check(_ code: Int32, _ expected: Int32, _ call: String) throws {
        if code != expected { throw StoreFailure(call, sqlite3_errmsg(handle)) }
    }

    func close() {
        while let statement = sqlite3_next_stmt(handle, nil) { sqlite3_finalize(statement) }
        sqlite3_close(handle)
    }
}
