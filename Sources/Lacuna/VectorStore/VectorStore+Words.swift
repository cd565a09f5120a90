extension VectorStore {
    /// The rows that are near a vector and match words, by one ranking of the two.
    ///
    ///     try store.createTextIndex(on: ["title", "summary"])
    ///     let found = try store.search(for: query, matching: .words("process monitor"), limit: 10)
    ///
    /// The answer is exact for this definition: of the rows that pass the filter, take the first `depth` by distance and
    /// the first `depth` by words, each exact and at equal values by id; give each row a score by the fusion, in which a
    /// ranking that a row isn't in adds nothing; rank by the score, and at equal scores by id. All is of one moment.
    ///
    /// - Parameters:
    ///   - query: As many components as the store's dimension, all of them finite numbers.
    ///   - words: What to look for in the text index.
    ///   - fusion: The way to make one ranking of the two.
    ///   - depth: The number of rows that count of each ranking, at least 1.
    ///   - limit: The number of rows to find, at least 1.
    ///   - filter: A condition on rows: see ``Filter``.
    /// - Throws: `invalidVector`, `invalidFilter`, `cancelled`; `invalidArgument` for numbers out of range, an expression
    ///   that can't be read, and a store without a text index; `unsupported` if the index is stale, or this process's
    ///   SQLite has no FTS5.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search(
        for query: [Float],
        matching words: TextQuery,
        fusion: Fusion = .reciprocalRank(),
        depth: Int = 1_000,
        limit: Int,
        where filter: Filter? = nil
    ) throws(VectorStoreError) -> [FusedMatch<ID>] {
        try storeErrors {
            try read {
                try $0.search(for: query, matching: words, fusion: fusion, depth: depth, limit: limit, where: filter)
            }
        }
    }
}

extension VectorStoreSnapshot {
    /// The rows that are near a vector and match words: see
    /// ``VectorStore/search(for:matching:fusion:depth:limit:where:)``.
    public func search(
        for query: [Float],
        matching words: TextQuery,
        fusion: Fusion = .reciprocalRank(),
        depth: Int = 1_000,
        limit: Int,
        where filter: Filter? = nil
    ) throws(VectorStoreError) -> [FusedMatch<ID>] {
        try storeErrors {
            try fusion.check()
            guard depth >= 1, limit >= 1 else {
                throw VectorStoreError(
                    .invalidArgument,
                    "the depth \(depth) or the limit \(limit) is out of range",
                    remedy: "ask for at least one row"
                )
            }
            let texts = try WordsSearch(snapshot: snapshot, query: words).best(depth, filter)
            let vectors = try search(for: query, limit: depth, where: filter)
            let ranking = FusedRanking(
                vectors: vectors.map { ($0.id.sqlValue, $0.distance) },
                texts: texts,
                fusion,
                snapshot.record.idKind
            )
            return try ranking.rows.prefix(limit).map { row in
                FusedMatch(
                    id: try Self.typed(row.id),
                    score: row.score,
                    vectorRank: row.vectorPlace.map { $0 + 1 },
                    distance: row.vectorPlace.map { vectors[$0].distance },
                    textRank: row.textPlace.map { $0 + 1 },
                    textScore: row.textPlace.map { texts[$0].score }
                )
            }
        }
    }
}
