#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One state of a store, while a closure runs: ``VectorStore/read(_:)``.
///
///     let (count, nearest) = try store.read { snapshot in
///         try (snapshot.count, snapshot.search(for: query, limit: 10))
///     }
///
/// All its ids, vectors, metadata, counts and matches belong to the same commit, whatever other threads and processes
/// write, delete and compact meanwhile. A snapshot can't leave the closure, and only the thread that runs the closure
/// may use it.
///
/// Each method throws the same errors, and costs the same, as the method of ``VectorStore`` with the same name.
public struct VectorStoreSnapshot<ID: VectorID>: ~Copyable {
    let snapshot: Snapshot
    let memory: HandleMemory
    let paths: StorePaths
    let coding: MetadataCoding

    init(_ snapshot: Snapshot, _ memory: HandleMemory, _ paths: StorePaths, _ coding: MetadataCoding) {
        self.snapshot = snapshot
        self.memory = memory
        self.paths = paths
        self.coding = coding
    }

    // MARK: The store's description

    /// The store's description.
    public var info: VectorStoreInfo { VectorStoreInfo(snapshot.record, snapshot.index) }

    /// The number of rows, in O(1).
    public var count: Int { Int(snapshot.record.liveRows) }

    /// 1 − live bytes ÷ bytes of all rows: 0 if the file has no rows, 1 if every row is dead. Takes O(1) time.
    public var fragmentation: Double { snapshot.record.fragmentation }

    /// This state's use of the disk. The rows are those of the snapshot; the files' disk space is measured now.
    public var space: StoreSpace {
        get throws {
            let (index, record) = (snapshot.index, snapshot.record)
            return try StoreSpace.measure(
                try LiveBitmap.load(index, record),
                snapshot.rows.file,
                try index.codes(record.generation),
                paths
            )
        }
    }

    // MARK: Rows

    /// A copy of the id's vector; nil if no row has this id.
    public func vector(for id: ID) throws(VectorStoreError) -> [Float]? {
        try storeErrors { try snapshot.slot(of: id.sqlValue).map(snapshot.rows.row) }
    }

    /// Calls `body` with the id's vector, straight from the mapped file if it is of float32; nil if no row has this id.
    public func withVector<R>(for id: ID, _ body: (Span<Float>) throws -> R) throws -> R? {
        try withComponents(for: id, body)
    }

    /// Calls `body` with the id's vector. The caller must know that the closure's type can have its components.
    func withComponents<C: RowComponent, R>(for id: ID, _ body: (Span<C>) throws -> R) throws -> R? {
        guard let slot = try snapshot.slot(of: id.sqlValue) else { return nil }
        return try snapshot.rows.withRow(slot, body)
    }

    /// Whether a row has this id.
    public func contains(_ id: ID) throws(VectorStoreError) -> Bool {
        try storeErrors { try snapshot.slot(of: id.sqlValue) != nil }
    }

    /// All ids, in id order.
    public func ids() throws(VectorStoreError) -> [ID] {
        try storeErrors {
            let ids = try snapshot.index.ids(
                "SELECT id FROM vectors WHERE generation = ? ORDER BY id",
                [.integer(snapshot.record.generation)]
            )
            return try ids.map(Self.typed)
        }
    }

    /// The ids of the rows that pass the filter, in id order.
    public func ids(where filter: Filter) throws(VectorStoreError) -> [ID] {
        try storeErrors {
            var ids: [ID] = []
            try forEachMatch(filter) { id in ids.append(try Self.typed(id)) }
            return ids
        }
    }

    /// The number of rows that pass the filter.
    public func count(where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors {
            var count = 0
            try forEachMatch(filter) { _ in count += 1 }
            return count
        }
    }

    private func forEachMatch(_ filter: Filter, _ body: (SQLValue) throws -> Void) throws {
        try snapshot.index.withCondition(filter) { condition in
            try snapshot.index.forEachMatch(snapshot.record.generation, condition) { id, _ in try body(id) }
        }
    }

    /// The id's metadata; nil if it has none, or no row has this id.
    public func metadata<M: Decodable>(for id: ID, as type: M.Type = M.self) throws -> M? {
        try metadata(for: id, by: coding.makeDecoder())
    }

    func metadata<M: Decodable>(for id: ID, by decoder: JSONDecoder) throws -> M? {
        try metadataJSON(for: id).map { try coding.decode($0, of: id, by: decoder) }
    }

    /// The id's metadata as the JSON text that was put; nil if it has none, or no row has this id.
    public func metadataJSON(for id: ID) throws(VectorStoreError) -> String? {
        try storeErrors { try snapshot.index.metadata(of: id.sqlValue) }
    }

    /// Calls `body` with each row, or with each that passes the filter, in id order: see
    /// ``VectorStore/forEach(where:limit:includingVectors:_:)``.
    public func forEach(
        where filter: Filter? = nil,
        limit: Int? = nil,
        includingVectors: Bool = true,
        _ body: (StoredRow<ID>) throws -> Void
    ) throws {
        let runs = RunReader(snapshot.index, snapshot.record)
        try snapshot.index.forEachMatch(
            snapshot.record.generation,
            filter,
            limit: limit
        ) { id, slot, metadata in
            let vector = includingVectors ? try snapshot.checkedRow(id, slot, runs) : []
            try body(StoredRow(id: try Self.typed(id), vector: vector, metadataJSON: try metadata()))
        }
    }

    static func typed(_ value: SQLValue) throws(VectorStoreError) -> ID {
        guard let id = ID(sqlValue: value) else {
            throw .damaged("\(value.idText) is not an id of the kind \(ID.idKind.rawValue)", ids: [value.idText])
        }
        return id
    }
}

/// A snapshot is a transaction on a connection, and one thread uses a connection.
@available(*, unavailable)
extension VectorStoreSnapshot: Sendable {}
