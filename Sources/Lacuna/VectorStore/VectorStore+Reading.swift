#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A row that ``VectorStore/forEach(where:limit:includingVectors:_:)`` passes to its closure.
public struct StoredRow<ID: VectorID>: Sendable, Hashable, Identifiable {
    /// The row's id.
    public let id: ID
    /// The row's components; empty if vectors were not asked for.
    public let vector: [Float]
    /// The JSON text of the metadata, as it was put; nil if the row has none.
    public let metadataJSON: String?

    /// Makes a row, as for a preview or a test.
    public init(id: ID, vector: [Float] = [], metadataJSON: String? = nil) {
        self.id = id
        self.vector = vector
        self.metadataJSON = metadataJSON
    }
}

extension VectorStore {
    /// Calls `body` with the newest state of the store: everything that it reads belongs to one commit.
    ///
    /// If several answers must fit together, get them here; each of the store's own methods of the same names takes a
    /// snapshot of its own. A reader never waits: other threads and processes write and compact meanwhile, and the
    /// snapshot goes on showing the state with which it began.
    ///
    /// Be quick all the same. While a snapshot lasts, SQLite's log grows with every commit and can't be emptied.
    /// Operations that destroy bytes that the snapshot may see (a punch, a compaction in place, an erasure) wait for
    /// it, and give up with `busy` after a bounded time. A rewrite doesn't wait; the file that it replaces keeps its
    /// disk space.
    ///
    /// The store's own methods, and a second `read`, also read inside `body`; they see the newest state, not this one.
    /// Writing to, compacting or closing the same store inside `body` throws `reentrantCall` on this thread; another
    /// thread may do these.
    ///
    /// A snapshot costs one transaction on the index: microseconds, whatever the store's size.
    ///
    /// - Parameter body: A closure that reads. The snapshot can't leave it, and only the thread that calls it may use
    ///   the snapshot.
    /// - Returns: What `body` returns.
    /// - Throws: The error of `body`; `closed`; `damaged`, with the ids, if the data file is too short.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func read<R>(_ body: (borrowing VectorStoreSnapshot<ID>) throws -> R) throws -> R {
        try readers.read { snapshot in try body(VectorStoreSnapshot(snapshot, memory, paths, metadataCoding)) }
    }

    /// A copy of the id's vector, not checked against its checksum; nil if no row has this id. Takes O(1) time once the
    /// cache of ids is filled, which begins after some reads (``VectorStoreOptions/indexCacheBytes``), and O(log rows)
    /// through the index before.
    @specialized(where ID == Int64)
    @specialized(where ID == Int)
    @specialized(where ID == String)
    @specialized(where ID == UUID)
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func vector(for id: ID) throws(VectorStoreError) -> [Float]? {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat {
                switch rowIDs.withRow(key, { (row: Span<Float>) in row.copy() }) {
                case .found(let vector): return vector
                case .absent: return nil
                case .unknown: break
                }
            } while rowIDs.refresh()
        }
        return try storeErrors { try readMissed { try $0.vector(for: id) } }
    }

    /// Calls `body` with the id's vector, not checked against its checksum. A vector of float32 comes straight from the
    /// mapped file, and isn't copied; that costs as much as ``vector(for:)`` without the copy. Other elements are
    /// converted first; the calls with `as: Float16.self` and `as: Int8.self` pass them as they are.
    ///
    /// The row isn't moved or destroyed until `body` returns, and operations that would do that wait: be quick. Writing
    /// to, compacting or closing the same store inside `body` throws `reentrantCall`.
    ///
    /// - Returns: What `body` returns; nil if no row has this id.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func withVector<R>(for id: ID, _ body: (Span<Float>) throws -> R) throws -> R? {
        try withComponents(for: id, body)
    }

    /// Calls `body` with the id's vector. The caller must know that the closure's type can have its components.
    @inline(__always)
    func withComponents<C: RowComponent, R>(for id: ID, _ body: (Span<C>) throws -> R) throws -> R? {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat {
                switch try rowIDs.withRow(key, body) {
                case .found(let result): return result
                case .absent: return nil
                case .unknown: break
                }
            } while rowIDs.refresh()
        }
        return try readMissed { try $0.withComponents(for: id, body) }
    }

    /// Reads by id through the index, if the cache of ids had no answer.
    private func readMissed<R>(_ body: (borrowing VectorStoreSnapshot<ID>) throws -> R) throws -> R {
        try read { snapshot in
            memory.rowIDs?.missed(snapshot.snapshot.record)
            return try body(snapshot)
        }
    }

    /// Whether a row has this id. Costs as much as finding the row in ``vector(for:)``.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func contains(_ id: ID) throws(VectorStoreError) -> Bool {
        if let rowIDs = memory.rowIDs, let key = id.rowKey {
            repeat { if let isThere = rowIDs.contains(key) { return isThere } } while rowIDs.refresh()
        }
        return try storeErrors { try readMissed { try $0.contains(id) } }
    }

    /// All ids of one moment, in id order. Takes O(rows) time and memory.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func ids() throws(VectorStoreError) -> [ID] {
        try storeErrors { try read { try $0.ids() } }
    }

    /// The ids of the rows that pass the filter, of one moment, in id order. Evaluates the filter on each row; takes
    /// memory for the ids.
    ///
    /// - Throws: `invalidFilter`; `cancelled` (``VectorStoreOptions/shouldCancel``).
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func ids(where filter: Filter) throws(VectorStoreError) -> [ID] {
        try storeErrors { try read { try $0.ids(where: filter) } }
    }

    /// The number of rows that pass the filter, of one moment. Evaluates the filter on each row.
    ///
    /// - Throws: `invalidFilter`; `cancelled` (``VectorStoreOptions/shouldCancel``).
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func count(where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try read { try $0.count(where: filter) } }
    }

    /// The id's metadata, decoded by ``VectorStoreOptions/metadataCoding``; nil if it has none, or no row has this id. A
    /// type that is `Identifiable` is decoded with the row's id under the key `id`.
    ///
    /// - Throws: `DecodingError` if the metadata have another shape than `M`; `damaged`, with the id, if they don't match
    ///   their checksum.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func metadata<M: Decodable>(for id: ID, as type: M.Type = M.self) throws -> M? {
        try read { try $0.metadata(for: id, as: type) }
    }

    /// The id's metadata as the JSON text that was put, with its order of keys and spelling of numbers; nil if it has none,
    /// or no row has this id.
    ///
    /// - Throws: `damaged`, with the id, if the text doesn't match its checksum.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func metadataJSON(for id: ID) throws(VectorStoreError) -> String? {
        try storeErrors { try read { try $0.metadataJSON(for: id) } }
    }

    /// Calls `body` with each row of one moment, or with each that passes the filter, in id order.
    ///
    /// Takes bounded memory. Vectors are read by pread(2) and checked against their checksums. Writing to, compacting
    /// or closing the same store inside `body` throws `reentrantCall`.
    ///
    /// - Parameters:
    ///   - filter: A condition on rows: see ``Filter``.
    ///   - limit: The number of rows after which the call stops.
    ///   - includingVectors: Whether to read the vectors as well.
    ///   - body: Called with each row. An error that it throws ends the call, which throws it.
    /// - Throws: `invalidFilter`; `cancelled` (``VectorStoreOptions/shouldCancel``); `damaged`, with the id, for a row that
    ///   doesn't match its checksum.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func forEach(
        where filter: Filter? = nil,
        limit: Int? = nil,
        includingVectors: Bool = true,
        _ body: (StoredRow<ID>) throws -> Void
    ) throws {
        try read { try $0.forEach(where: filter, limit: limit, includingVectors: includingVectors, body) }
    }
}
