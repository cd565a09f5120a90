import CLacunaSQLite

/// Terms of a filter that one index answers.
struct IndexedTerms {
    let name: String
    private let terms: [FilterTerm]

    /// Nil if the index answers none.
    init?(_ index: ExtraIndex, _ terms: [FilterTerm]) {
        name = index.name
        self.terms = terms.filter { $0.value == index.value }
        if self.terms.isEmpty { return nil }
    }

    /// All terms, over the column `metadata` of a filter.
    var sql: String { terms.map { "(\($0.sql) )" }.joined(separator: " AND ") }

    var values: [SQLValue] { terms.flatMap(\.values) }
}

extension StoreIndex {
    /// The index that leaves the fewest rows of those that may pass a filter, with their number; nil if each index leaves
    /// more than `most`, or there is none. Takes O(most) time.
    func selectiveIndex(
        _ condition: Condition,
        most: Int
    ) throws(VectorStoreError) -> (terms: IndexedTerms, rows: Int)? {
        if condition.terms.isEmpty || most < 0 { return nil }
        var best: (terms: IndexedTerms, rows: Int)?
        for index in try indexesOfValues() {
            guard let terms = IndexedTerms(index, condition.terms) else { continue }
            let limit = best?.rows ?? most + 1
            if let rows = try count(terms, limit: limit), rows < limit { best = (terms, rows) }
        }
        return best
    }

    /// The number of rows that the terms leave, `limit` at most; nil if SQLite can't use the index for them.
    private func count(_ terms: IndexedTerms, limit: Int) throws(VectorStoreError) -> Int? {
        let rows = """
            SELECT 1 FROM (SELECT json AS metadata FROM metadata INDEXED BY \(MetadataIndex.quoted(terms.name))) \
            WHERE \(terms.sql) LIMIT \(limit)
            """
        let statement: Statement
        do { statement = try connection.prepare("SELECT count(*) FROM (\(rows))") } catch {
            guard (error.cause as? SQLiteError)?.primaryCode == SQLITE_ERROR else { throw error }
            return nil
        }
        try statement.bind(terms.values)
        return try statement.step() ? Int(statement.integer(0)) : nil
    }

    /// Where to read the rows that may pass a filter, if all are wanted.
    func source(_ condition: Condition?) throws(VectorStoreError) -> RowSource {
        guard let condition, !condition.terms.isEmpty else { return .vectors }
        let rows = try connection.first("SELECT live_rows FROM store") { $0.integer(0) } ?? 0
        // Finding a row by an index takes a few times as long as evaluating it among all rows.
        if let index = try selectiveIndex(condition, most: Int(rows) / 4) { return .index(index.terms) }
        return .metadata
    }
}
