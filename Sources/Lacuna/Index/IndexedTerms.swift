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
    /// The rows that pass a filter, as an index finds them.
    struct IndexedRows {
        let index: String
        /// The number of rows that the index leaves.
        let rows: Int
        /// The ids of those that pass, in any order.
        let ids: [SQLValue]
    }

    /// The indexes that answer terms of a filter.
    func indexes(for condition: Condition) throws(VectorStoreError) -> [IndexedTerms] {
        condition.terms.isEmpty ? [] : try indexesOfValues().compactMap { IndexedTerms($0, condition.terms) }
    }

    /// The rows that pass a filter, found by the first of some indexes that leaves at most `most` rows; nil if none does.
    /// The ids may be of metadata without a row. Takes O(most) time for each index.
    func indexedRows(_ condition: Condition, by indexes: [IndexedTerms], most: Int) throws -> IndexedRows? {
        for index in indexes {
            if let found = try indexedRows(condition, index, most: most) { return found }
        }
        return nil
    }

    /// Each row costs SQLite a look into the table `metadata` as well, although only the index's columns are read.
    private func indexedRows(_ condition: Condition, _ terms: IndexedTerms, most: Int) throws -> IndexedRows? {
        let statement: Statement
        do {
            // The values of the terms come after those of the condition, so that their parameters are numbered after.
            statement = try connection.prepare(
                """
                SELECT id, (\(condition.sql) ) FROM (
                    SELECT id, json AS metadata FROM metadata INDEXED BY \(MetadataIndex.quoted(terms.name))
                ) AS \(Self.rowName) WHERE \(terms.sql) LIMIT \(most + 1)
                """
            )
        } catch {
            // SQLite can't use the index for these terms.
            guard (error.cause as? SQLiteError)?.primaryCode == SQLITE_ERROR else { throw error }
            return nil
        }
        try statement.bind(condition.values + terms.values)
        var rows = 0
        var ids: [SQLValue] = []
        while try blamingFilter(condition, { () throws(VectorStoreError) in try statement.step() }) {
            rows += 1
            if rows > most { return nil }
            if statement.isTrue(1) { ids.append(try statement.id(0)) }
        }
        return IndexedRows(index: terms.name, rows: rows, ids: ids)
    }

    /// The ids and slots of the rows that pass a filter, in id order, found by an index; nil if each index leaves more
    /// than a quarter of all rows. Finding a row by an index takes a few times as long as evaluating it among all rows.
    func indexedMatches(
        _ generation: Int64,
        _ condition: Condition?
    ) throws -> [(id: SQLValue, slot: Slot)]? {
        guard let condition, case let indexes = try indexes(for: condition), !indexes.isEmpty else { return nil }
        let rows = try connection.first("SELECT live_rows FROM store") { $0.integer(0) } ?? 0
        guard let found = try indexedRows(condition, by: indexes, most: Int(rows) / 4) else { return nil }
        var matches: [(id: SQLValue, slot: Slot)] = []
        for id in found.ids.sorted(by: SQLValue.idPrecedes) {
            if let slot = try slot(of: id, generation) { matches.append((id, slot)) }
        }
        return matches
    }
}
