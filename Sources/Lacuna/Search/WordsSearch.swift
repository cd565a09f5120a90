/// The rows that match words, best first; rows of the same score in the order of their ids.
struct WordsSearch {
    struct FoundText {
        let id: SQLValue
        /// BM25, higher is better.
        let score: Double
    }

    let snapshot: Snapshot
    let query: TextQuery

    /// The number of rows on which a filter is evaluated by one statement.
    private static let batch = 1_000

    /// The first `limit` rows of those that pass the filter.
    ///
    /// - Throws: `invalidArgument` if there is no text index, or the expression can't be read; `unsupported` if the index
    ///   is stale, or SQLite has no FTS5.
    func best(_ limit: Int, _ filter: Filter?) throws -> [FoundText] {
        try query.check()
        try checkIndex()
        guard let filter else { return try best(limit) { rows in rows } }
        let (index, generation, kind) = (snapshot.index, snapshot.record.generation, snapshot.record.idKind)
        return try index.withCondition(filter) { condition in
            try best(limit) { rows in
                let passing = try index.matches(among: rows.map(\.id), generation, condition)
                let keys = Set(passing.map { RowKey($0.id, kind) })
                return rows.filter { keys.contains(RowKey($0.id, kind)) }
            }
        }
    }

    private func checkIndex() throws(VectorStoreError) {
        guard try snapshot.index.textIndex() != nil else {
            throw VectorStoreError(
                .invalidArgument,
                "the store has no text index to search for words",
                remedy: "make one with \(.createTextIndex)"
            )
        }
        guard try snapshot.index.hasFTS5() else { throw StoreIndex.noFTS5 }
        if try snapshot.index.isTextIndexStale() {
            throw VectorStoreError(
                .unsupported,
                "the text index is stale: a program whose SQLite has no FTS5 has changed metadata",
                remedy: "make it anew with \(.createTextIndex)"
            )
        }
    }

    /// - Parameter passing: Those of some rows that pass the filter.
    private func best(_ limit: Int, _ passing: ([FoundText]) throws -> [FoundText]) throws -> [FoundText] {
        var found: [FoundText] = []
        var batch: [FoundText] = []
        var last = 0.0
        func add() throws {
            found += try passing(batch)
            batch = []
        }
        try snapshot.index.forEachTextMatch(query.expression, snapshot.record.idKind) { id, rank in
            let row = FoundText(id: id, score: -rank)
            // All rows of a score are found before the last of them are chosen by their ids.
            if row.score != last, batch.count + found.count >= limit {
                try add()
                if found.count >= limit { return false }
            }
            last = row.score
            batch.append(row)
            if batch.count == Self.batch { try add() }
            return true
        }
        try add()
        found.sort { $0.score == $1.score ? SQLValue.idPrecedes($0.id, $1.id) : $0.score > $1.score }
        return Array(found.prefix(limit))
    }
}
