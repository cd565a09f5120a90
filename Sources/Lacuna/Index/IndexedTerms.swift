import CLacunaSQLite

/// Terms of a filter that one index answers.
struct IndexedTerms {
    let name: String
    private let terms: [FilterTerm]
    /// The terms that an index of ours answers from its entries; nil if it isn't one.
    fileprivate let entries: EntryTerms?

    /// Nil if the index answers none.
    init?(_ index: ExtraIndex, root: Int64, _ condition: StoreIndex.Condition) {
        name = index.name
        terms = condition.terms.filter { $0.value == index.value }
        if terms.isEmpty { return nil }
        entries = MetadataIndex(index).map { EntryTerms($0, root: root, condition) }
    }

    /// Whether the index's entries alone show which rows pass.
    var areWhole: Bool { entries?.areWhole == true }

    /// All terms, over the column `metadata` of a filter.
    var sql: String { terms.map { "(\($0.sql) )" }.joined(separator: " AND ") }

    var values: [SQLValue] { terms.flatMap(\.values) }
}

extension StoreIndex {
    /// The rows that an index leaves.
    struct IndexedRows {
        let index: String
        /// Their number.
        let count: Int
        /// The ids of all of them, or of those that pass, in any order. They may be of metadata without a row.
        let ids: [SQLValue]
        /// Whether all ids are of rows that pass.
        let pass: Bool
    }

    /// The indexes that answer terms of a filter.
    func indexes(for condition: Condition) throws(VectorStoreError) -> [IndexedTerms] {
        if condition.terms.isEmpty { return [] }
        return try indexesOfValues().compactMap { IndexedTerms($0.index, root: $0.root, condition) }
    }

    /// The most rows that an index may leave: if its entries alone show which of them pass, and if the filter must be
    /// evaluated on each.
    struct MostRows {
        let read: MostEntries
        let evaluated: Int
    }

    /// The rows that the first of some indexes leaves that leaves few enough; nil if none does. Takes O(most) time for
    /// each index.
    func indexedRows(_ condition: Condition, by indexes: [IndexedTerms], most: MostRows) throws -> IndexedRows? {
        for index in indexes {
            if let found = try indexedRows(condition, index, most) { return found }
        }
        return nil
    }

    private func indexedRows(_ condition: Condition, _ terms: IndexedTerms, _ most: MostRows) throws -> IndexedRows? {
        let evaluated = MostEntries(entries: most.evaluated, blindly: most.evaluated)
        switch try terms.entries.map({ try entries($0, most: $0.areWhole ? most.read : evaluated) }) ?? .unreadable {
        case .ids(let ids):
            return IndexedRows(index: terms.name, count: ids.count, ids: ids, pass: terms.areWhole)
        case .tooMany: return nil
        case .unreadable: return most.evaluated == 0 ? nil : try evaluatedRows(condition, terms, most: most.evaluated)
        }
    }

    /// Evaluates the filter on the rows that an index leaves. Each costs SQLite a look into the table `metadata`.
    private func evaluatedRows(_ condition: Condition, _ terms: IndexedTerms, most: Int) throws -> IndexedRows? {
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
        var count = 0
        var ids: [SQLValue] = []
        while try blamingFilter(condition, { () throws(VectorStoreError) in try statement.step() }) {
            count += 1
            if count > most { return nil }
            if statement.isTrue(1) { ids.append(try statement.id(0)) }
        }
        return IndexedRows(index: terms.name, count: count, ids: ids, pass: true)
    }

    private static let evaluatedAtOnce = 1_000

    /// The ids and slots of those of the rows that pass the filter, in id order.
    func matches(
        among found: IndexedRows,
        _ generation: Int64,
        _ condition: Condition
    ) throws -> [(id: SQLValue, slot: Slot)] {
        // In the order of the tables, so that neighbours are on the same pages.
        let ids = found.ids.sorted(by: SQLValue.idPrecedes)
        var matches: [(id: SQLValue, slot: Slot)] = []
        if found.pass {
            for id in ids where matches.last?.id.isSameValue(as: id) != true {
                if let slot = try slot(of: id, generation) { matches.append((id, slot)) }
            }
            return matches
        }
        for first in stride(from: 0, to: ids.count, by: Self.evaluatedAtOnce) {
            let some = Array(ids[first..<min(ids.count, first + Self.evaluatedAtOnce)])
            matches += try self.matches(among: some, generation, condition)
        }
        return matches
    }

    /// The ids and slots of the rows that pass a filter, in id order, found by an index; nil if each index leaves more
    /// than a quarter of all rows. Finding a row by an index takes a few times as long as evaluating it among all rows.
    func indexedMatches(
        _ generation: Int64,
        _ condition: Condition?
    ) throws -> [(id: SQLValue, slot: Slot)]? {
        guard let condition, case let indexes = try indexes(for: condition), !indexes.isEmpty else { return nil }
        let rows = try connection.first("SELECT live_rows FROM store") { $0.integer(0) } ?? 0
        let read = MostEntries(entries: Int(rows) / 4, blindly: Int(rows) / 4)
        let most = MostRows(read: read, evaluated: Int(rows) / 4)
        return try indexedRows(condition, by: indexes, most: most).map { found in
            try matches(among: found, generation, condition)
        }
    }
}
