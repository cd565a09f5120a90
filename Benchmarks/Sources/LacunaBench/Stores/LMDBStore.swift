import CLMDB
import Foundation

/// LMDB as a careful C programmer uses it: with its safe flags, so that each commit is synced; with a read transaction
/// for each thread, reset after each get and renewed before the next; with the id's bytes as the key, and the vector's
/// bytes as the value.
///
/// `@unchecked Sendable`: any number of threads may use an environment, and nothing here changes after it was opened.
final class LMDBStore<ID: BenchmarkID>: BenchmarkStore, @unchecked Sendable {
    static var contender: Contender { .lmdb }
    static var compactions: [String] { ["copy"] }

    /// These are addresses, which cost nothing until they are used.
    private static var mapBytes: Int { 64 << 30 }

    private let path: String
    private let environment: OpaquePointer
    private var database: MDB_dbi = 0

    init(creating path: String, dimension: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
        environment = try Self.openEnvironment(path)
        try withTransaction { transaction in
            let flags = MDB_CREATE | (ID.isInteger ? MDB_INTEGERKEY : 0)
            try check(mdb_dbi_open(transaction, nil, UInt32(flags), &database), "mdb_dbi_open")
        }
    }

    init(opening path: String) throws {
        self.path = path
        environment = try Self.openEnvironment(path)
        try withTransaction(flags: MDB_RDONLY) { transaction in
            try check(mdb_dbi_open(transaction, nil, 0, &database), "mdb_dbi_open")
        }
    }

    private static func openEnvironment(_ path: String) throws -> OpaquePointer {
        var environment: OpaquePointer?
        try check(mdb_env_create(&environment), "mdb_env_create")
        guard let environment else { throw StoreFailure("mdb_env_create", nil) }
        try check(mdb_env_set_mapsize(environment, mapBytes), "mdb_env_set_mapsize")
        try check(mdb_env_open(environment, path, UInt32(MDB_NOTLS), 0o644), "mdb_env_open")
        return environment
    }

    // MARK: Writing

    func put(_ vector: [Float], for id: ID) throws {
        try withTransaction { try put(vector, for: id, in: $0) }
    }

    func put(_ vectors: [[Float]], for ids: [ID]) throws {
        try withTransaction { transaction in
            for (id, vector) in zip(ids, vectors) { try put(vector, for: id, in: transaction) }
        }
    }

    func delete(_ ids: [ID]) throws {
        try withTransaction { transaction in
            for id in ids {
                try withKey(id) { try check(mdb_del(transaction, database, &$0, nil), "mdb_del") }
            }
        }
    }

    private func put(_ vector: [Float], for id: ID, in transaction: OpaquePointer) throws {
        try withKey(id) { key in
            try vector.withUnsafeBytes { bytes in
                var value = MDB_val(bytes)
                try check(mdb_put(transaction, database, &key, &value, 0), "mdb_put")
            }
        }
    }

    private func withTransaction(flags: Int32 = 0, _ body: (OpaquePointer) throws -> Void) throws {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, UInt32(flags), &transaction), "mdb_txn_begin")
        guard let transaction else { throw StoreFailure("mdb_txn_begin", nil) }
        do {
            try body(transaction)
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try check(mdb_txn_commit(transaction), "mdb_txn_commit")
    }

    // MARK: The rest

    func reader() throws -> LMDBReader<ID> {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
        guard let transaction else { throw StoreFailure("mdb_txn_begin", nil) }
        mdb_txn_reset(transaction)
        return LMDBReader(transaction: transaction, database: database)
    }

    /// Makes a compact copy beside the data, and syncs it. A user would still have to put it in the data's place.
    func compact(_ name: String) throws {
        let copy = path + "/copy"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try check(mdb_env_copy2(environment, copy, UInt32(MDB_CP_COMPACT)), "mdb_env_copy2")
        try FileHandle(forUpdating: URL(fileURLWithPath: copy + "/data.mdb")).synchronize()
    }

    func close() { mdb_env_close(environment) }
}

/// `@unchecked Sendable`: one thread at a time uses it; with MDB_NOTLS this need not be the thread that made it.
struct LMDBReader<ID: BenchmarkID>: BenchmarkReader, @unchecked Sendable {
    let transaction: OpaquePointer
    let database: MDB_dbi

    func withVector<R>(for id: ID, _ body: (UnsafeRawBufferPointer) -> R) throws -> R? {
        try check(mdb_txn_renew(transaction), "mdb_txn_renew")
        defer { mdb_txn_reset(transaction) }
        return try withKey(id) { key in
            var value = MDB_val()
            let code = mdb_get(transaction, database, &key, &value)
            if code == MDB_NOTFOUND { return nil }
            try check(code, "mdb_get")
            return body(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
        }
    }

    func close() { mdb_txn_abort(transaction) }
}

private func withKey<ID, R>(_ id: ID, _ body: (inout MDB_val) throws -> R) rethrows -> R {
    try withUnsafeBytes(of: id) { bytes in
        var key = MDB_val(bytes)
        return try body(&key)
    }
}

private func check(_ code: Int32, _ call: String) throws {
    if code != MDB_SUCCESS { throw StoreFailure(call, mdb_strerror(code)) }
}

extension MDB_val {
    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}
