import CPlainSQLite
import Lacuna
import Measuring

/// Searches for words and vectors together, beside both of their parts: the search for the vector alone, and the words
/// alone, by the statement that FTS5 answers, both with as many rows as the ranking is deep.
struct SearchesForWords {
    let meter: SearchMeter

    private static let depth = 1_000

    func run() throws {
        try meter.bench.scratch.withPath("words") { path in
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: meter.bench.dimension))
            try fill(store)
            try store.createTextIndex(on: ["summary"])
            let words = try WordsOfIndex(path)
            defer { words.close() }
            var count = (both: 0, parts: 0)
            let situation = SearchSituation(
                name: "words and vectors",
                limit: SearchLimit(ratio: 1.1),
                base: "the sum of both"
            )
            try meter.measureLasting(situation) {
                count.parts += 1
                let query = Query(count.parts, meter.bench.dimension)
                return try timed {
                    _ = try store.search(for: query.vector, limit: Self.depth)
                    _ = try words.best(Self.depth, query.words)
                }.seconds
            } _: {
                count.both += 1
                let query = Query(count.both, meter.bench.dimension)
                var found: [FusedMatch<Int64>] = []
                let time = try timed {
                    found = try store.search(
                        for: query.vector,
                        matching: .words(query.words.joined(separator: " ")),
                        depth: Self.depth,
                        limit: Self.depth * 2
                    )
                }
                try check(found, query, store, words)
                return time.seconds
            }
            try store.close()
        }
    }

    /// A vector and two words, one of them frequent. Queries differ, but cost the same.
    private struct Query {
        let vector: [Float]
        let words: [String]

        init(_ number: Int, _ dimension: Int) {
            var random = SplitMix(seed: UInt64(number) << 32)
            vector = (0..<dimension).map { _ in random.nextFloat() }
            words = ["word\(20 + number % 10)", "word\(1_000 + number % 100)"]
        }
    }

    private func fill(_ store: VectorStore<Int64>) throws {
        var random = SplitMix(seed: 3)
        for batch in Bench.batches(of: meter.bench.rows) {
            try store.write {
                for row in batch {
                    let vector = (0..<meter.bench.dimension).map { _ in random.nextFloat() }
                    let metadata = "{\"summary\":\"\(PutsBesideIndexes.summary(&random))\"}"
                    try $0.put(vector, for: Int64(row), metadataJSON: metadata)
                }
            }
        }
    }

    /// Rows with the same score as the last may differ, so the scores of the words are compared, and not the ids.
    private func check(
        _ found: [FusedMatch<Int64>],
        _ query: Query,
        _ store: VectorStore<Int64>,
        _ words: WordsOfIndex
    ) throws {
        let texts = ranking(found, by: \.textRank)
        let vectors = ranking(found, by: \.vectorRank)
        let nearest = try store.search(for: query.vector, limit: Self.depth)
        guard try texts.map(\.textScore) == words.best(Self.depth, query.words).map({ -$0.rank }),
            vectors.map(\.id) == nearest.map(\.id)
        else { throw WrongAnswer() }
    }

    private func ranking(_ found: [FusedMatch<Int64>], by rank: (FusedMatch<Int64>) -> Int?) -> [FusedMatch<Int64>] {
        found.compactMap { match in rank(match).map { (rank: $0, match) } }.sorted { $0.rank < $1.rank }.map(\.1)
    }

    private struct WrongAnswer: Error, CustomStringConvertible {
        var description: String { "a search for words and vectors has another answer than both searches" }
    }
}

/// The words of a store's text index, as anyone's SQLite finds them.
private struct WordsOfIndex {
    private let connection: OpaquePointer
    private let statement: OpaquePointer

    init(_ store: String) throws {
        var connection: OpaquePointer?
        let opened = sqlite3_open_v2(store + "/index.sqlite", &connection, SQLITE_OPEN_READONLY, nil)
        guard opened == SQLITE_OK, let connection else { throw StoreFailure("sqlite3_open_v2", sqlite3_errstr(opened)) }
        self.connection = connection
        let sql = "SELECT rowid, rank FROM metadata_words WHERE metadata_words MATCH ? ORDER BY rank LIMIT ?"
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw StoreFailure(sql, sqlite3_errmsg(connection))
        }
        self.statement = statement
    }

    /// The first rows that have one of the words.
    func best(_ limit: Int, _ words: [String]) throws -> [(id: Int64, rank: Double)] {
        defer { sqlite3_reset(statement) }
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        sqlite3_bind_text(statement, 1, words.joined(separator: " OR "), -1, copied)
        sqlite3_bind_int64(statement, 2, Int64(limit))
        var rows: [(id: Int64, rank: Double)] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw StoreFailure("sqlite3_step", sqlite3_errmsg(connection)) }
            rows.append((sqlite3_column_int64(statement, 0), sqlite3_column_double(statement, 1)))
        }
    }

    /// FTS5 has statements of its own on the connection, which it ends itself.
    func close() {
        sqlite3_finalize(statement)
        sqlite3_close(connection)
    }
}
