#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A row, as ``VectorStore/forEach(where:_:limit:vectors:_:)`` gives it.
public struct StoredRow<ID: VectorID>: Sendable {
    /// The row's id.
    public let id: ID
    /// The row's components; empty where vectors were not asked for.
    public let vector: [Float]
    /// The metadata's JSON text, as it was put; nil where the row has none.
    public let metadataJSON: String?
}

extension VectorStore {
    /// Calls `body` with the newest state of the store: whatever it reads is of one commit.
    ///
    /// Where several answers must fit one another, ask for them here; the store's own methods of the same names each take
    /// a snapshot of their own. Readers wait for nobody: other threads and processes write and compact meanwhile, and the
    /// snapshot goes on showing the state that it began with.
    ///
    /// Be quick all the same. As long as any snapshot lasts, SQLite's log grows with every commit and can't be emptied, and
    /// whatever destroys bytes that the snapshot may see (punching, compaction in place, erasure) waits for it, and gives
    /// up with `busy` after a bounded time. A rewrite doesn't wait; the file that it replaces keeps its disk space.
    ///
    /// Reading the same store from inside `body` by its own methods works, and sees the newest state then, not
    /// this one; so does a second `read`. Writing to, compacting or closing the same store from inside `body` throws
    /// `reentrantCall`, on this thread; another thread may.
    ///
    /// Costs one transaction on the index: microseconds, whatever the store's size.
    ///
    /// - Parameter body: What to read. The snapshot can't leave it, and is for the thread that calls it only.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; `closed`; `damaged`, with the ids, where the data file is too short.
    public func read<R>(_ body: (borrowing VectorStoreSnapshot<ID>) throws -> R) throws -> R {
        try readers.read { snapshot in try body(VectorStoreSnapshot(snapshot, memory, paths)) }
    }

    /// A copy of the id's vector, not checked against its checksum; nil if no row has this id. O(1) from memory once
    /// that is filled, which some reads begin (``VectorStoreOptions/indexCacheBytes``), else O(log rows) through the index.
    @specialized(where ID == Int64)
    @specialized(where ID == String)
    @specialized(where ID == UUID)
    public func vector(for id: ID) throws -> [Float]? {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat {
                switch rowIDs.withRow(key, { $0.copy() }) {
                case .found(let vector): return vector
                case .absent: return nil
                case .unknown: break
                }
            } while rowIDs.refresh()
        }
        return try readMissed { try $0.vector(for: id) }
    }

    /// Calls `body` with the id's vector, straight from the mapped file: no copy, no look at its checksum. Costs what
    /// ``vector(for:)`` does, but for the copy.
    ///
    /// The row holds still until `body` returns, and what wants to destroy it waits so long: be quick. Writing to,
    /// compacting or closing the same store from inside `body` throws `reentrantCall`.
    ///
    /// - Returns: What `body` returns; nil if no row has this id.
    public func withVector<R>(for id: ID, _ body: (Span<Float>) throws -> R) throws -> R? {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat {
                switch try rowIDs.withRow(key, body) {
                case .found(let result): return result
                case .absent: return nil
                case .unknown: break
                }
            } while rowIDs.refresh()
        }
        return try readMissed { try $0.withVector(for: id, body) }
    }

    /// A read by id that the memory had no answer to.
    private func readMissed<R>(_ body: (borrowing VectorStoreSnapshot<ID>) throws -> R) throws -> R {
        try read { snapshot in
            memory.rowIDs?.missed(snapshot.snapshot.record)
            return try body(snapshot)
        }
    }

    /// Whether a row has this id; as ``vector(for:)``.
    public func contains(_ id: ID) throws -> Bool {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat { if let isThere = rowIDs.contains(key) { return isThere } } while rowIDs.refresh()
        }
        return try readMissed { try $0.contains(id) }
    }

    /// All ids of one moment, in id order. O(rows) time and memory.
    public func ids() throws -> [ID] {
        try read { try $0.ids() }
    }

    /// The id's metadata; nil if it has none, or no row has this id.
    ///
    /// - Throws: `DecodingError` where the metadata have another shape than `M`.
    public func metadata<M: Decodable>(for id: ID, as type: M.Type = M.self) throws -> M? {
        try read { try $0.metadata(for: id, as: type) }
    }

    /// The id's metadata as the JSON text that was put, with its order of keys and spelling of numbers; nil if it has none,
    /// or no row has this id.
    public func metadataJSON(for id: ID) throws -> String? {
        try read { try $0.metadataJSON(for: id) }
    }

    /// Calls `body` with each row, or each that passes the filter, in id order and of one moment.
    ///
    /// Bounded memory. Vectors are read by pread(2) and checked against their checksums. Writing to, compacting or
    /// closing the same store from inside `body` throws `reentrantCall`.
    ///
    /// - Parameters:
    ///   - filter: An SQL expression over `id` and `metadata`; it can read nothing else and change nothing.
    ///   - values: What its `?`s stand for.
    ///   - limit: The number of rows after which to stop.
    ///   - vectors: Whether to read the vectors as well.
    /// - Throws: `invalidFilter`; `cancelled` (``VectorStoreOptions/isCancelled``); `damaged`, with the id, for a row that
    ///   doesn't match its checksum.
    public func forEach(
        where filter: String? = nil,
        _ values: [SQLValue] = [],
        limit: Int? = nil,
        vectors: Bool = true,
        _ body: (StoredRow<ID>) throws -> Void
    ) throws {
        try read { try $0.forEach(where: filter, values, limit: limit, vectors: vectors, body) }
    }
}
