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
    /// A copy of the id's vector, not checked against its checksum; nil if no row has this id. O(log rows).
    public func vector(for id: ID) throws -> [Float]? {
        try readers.read { snapshot in
            try snapshot.entry(of: id.sqlValue).map { snapshot.rows.row($0.offset) }
        }
    }

    /// Calls `body` with the id's vector, straight from the mapped file: no copy, no look at its checksum.
    /// O(log rows).
    ///
    /// The row holds still until `body` returns, and what wants to destroy it waits so long: be quick. Writing to,
    /// compacting or closing the same store from inside `body` throws `reentrantCall`.
    ///
    /// - Returns: What `body` returns; nil if no row has this id.
    public func withVector<R>(for id: ID, _ body: (Span<Float>) throws -> R) throws -> R? {
        try readers.read { snapshot in
            guard let entry = try snapshot.entry(of: id.sqlValue) else { return nil }
            return try snapshot.rows.withRow(entry.offset, body)
        }
    }

    /// Whether a row has this id. O(log rows).
    public func contains(_ id: ID) throws -> Bool {
        try readers.read { try $0.entry(of: id.sqlValue) != nil }
    }

    /// All ids of one moment, in id order. O(rows) time and memory.
    public func ids() throws -> [ID] {
        try readers.read { snapshot in
            let ids = try snapshot.index.ids(
                "SELECT id FROM vectors WHERE generation = ? ORDER BY id",
                [.integer(snapshot.record.generation)]
            )
            return try ids.map(Self.typed)
        }
    }

    /// The id's metadata; nil if it has none, or no row has this id.
    ///
    /// - Throws: `DecodingError` where the metadata have another shape than `M`.
    public func metadata<M: Decodable>(for id: ID, as type: M.Type = M.self) throws -> M? {
        try metadataJSON(for: id).map { try MetadataCoding.decode(type, $0) }
    }

    /// The id's metadata as the JSON text that was put, with its order of keys and spelling of numbers; nil if it has none,
    /// or no row has this id.
    public func metadataJSON(for id: ID) throws -> String? {
        try readers.read { try $0.index.metadata(of: id.sqlValue) }
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
    /// - Throws: `invalidFilter`; `damaged`, with the id, for a row that doesn't match its checksum.
    public func forEach(
        where filter: String? = nil,
        _ values: [SQLValue] = [],
        limit: Int? = nil,
        vectors: Bool = true,
        _ body: (StoredRow<ID>) throws -> Void
    ) throws {
        try readers.read { snapshot in
            try snapshot.index.forEachMatch(
                snapshot.record.generation,
                filter.map { Filter($0, values) },
                limit: limit
            ) { id, entry, metadata in
                let vector = vectors ? try Self.checkedRow(snapshot, id, entry) : []
                try body(StoredRow(id: try Self.typed(id), vector: vector, metadataJSON: try metadata()))
            }
        }
    }

    private static func checkedRow(
        _ snapshot: Snapshot,
        _ id: SQLValue,
        _ entry: RowEntry
    ) throws(VectorStoreError) -> [Float] {
        try snapshot.check(id, entry)
        let row = try snapshot.rows.file.readRow(entry.offset)
        var checksum = Checksum()
        unsafe row.span.bytes.withUnsafeBytes { unsafe checksum.update($0) }
        guard id.checksum(continuing: checksum) == entry.checksum else {
            throw .damaged("the row of id \(id.idText) doesn't match its checksum", ids: [id.idText])
        }
        return row
    }

    static func typed(_ value: SQLValue) throws(VectorStoreError) -> ID {
        guard let id = ID(sqlValue: value) else {
            throw .damaged("\(value.idText) is not an id of the kind \(ID.idKind.rawValue)", ids: [value.idText])
        }
        return id
    }
}
