import TestSupport
import Testing

@testable import Lacuna

/// One ranking by distance and by words.
@Suite(.timeLimit(.minutes(40))) struct FusionTests {
    /// The texts have 1 to 5 of 6 words; several rows have the same distance, and several the same text.
    private static let words = ["ape", "bee", "cat", "dog", "eel", "fox"]

    private static func text(_ row: Int) -> String {
        (0...row % 5).map { words[(row / 5 + $0 * $0) % 6] }.joined(separator: " ")
    }

    private static func make<ID: VectorID>(_ scratch: Scratch, _ id: (Int) -> ID) throws -> VectorStore<ID> {
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, metric: .euclidean)
        )
        try store.createTextIndex(on: ["t"])
        try store.write { batch in
            for row in 0..<300 {
                let json = #"{"t":"\#(text(row))","n":\#(row % 4)}"#
                try batch.put([Float(row % 17), Float(row % 3)], for: id(row), metadataJSON: row % 7 == 0 ? nil : json)
            }
        }
        return store
    }

    /// The ranks of the rows that pass the filter and match, by the BM25 that FTS5 computes for them.
    private static func textRanks<ID: VectorID>(
        _ scratch: Scratch,
        _ store: VectorStore<ID>,
        _ expression: String,
        _ passing: Set<ID>
    ) throws -> [(id: ID, score: Double)] {
        let number = ID.idKind == .integer ? "w.rowid" : "(SELECT id FROM text_ids WHERE number = w.rowid)"
        let rows = try rawConnection(scratch.index).rows(
            2,
            "SELECT \(number), bm25(metadata_words) FROM metadata_words AS w WHERE metadata_words MATCH '\(expression)'"
        )
        return rows.compactMap { row in
            guard let id = ID(sqlValue: row[0]), passing.contains(id), case .real(let rank) = row[1] else { return nil }
            return (id, -rank)
        }.sorted { $0.score == $1.score ? precedes($0.id, $1.id) : $0.score > $1.score }
    }

    private static func precedes<ID: VectorID>(_ left: ID, _ right: ID) -> Bool {
        SQLValue.idPrecedes(left.sqlValue, right.sqlValue)
    }

    private static func check<ID: VectorID>(_ id: (Int) -> ID) throws {
        let scratch = try Scratch()
        let store = try make(scratch, id)
        let query: [Float] = [5, 1]
        for filter in [nil, "metadata ->> 'n' = 1", "metadata IS NULL"] as [Filter?] {
            for (words, expression) in [("fox cat", "\"fox\" OR \"cat\""), ("bee", "\"bee\""), ("yak", "\"yak\"")] {
                for depth in [1, 10, 1_000] {
                    let passing = try Set(filter.map { try store.ids(where: $0) } ?? store.ids())
                    let vectors = Array(try store.search(for: query, limit: depth, where: filter))
                    let texts = Array(try textRanks(scratch, store, expression, passing).prefix(depth))
                    let fusions: [Fusion] = [.reciprocalRank(), .reciprocalRank(k: 0), .weighted(0.7), .weighted(1)]
                    for fusion in fusions {
                        var scores: [ID: Double] = [:]
                        for (rank, match) in vectors.enumerated() {
                            scores[match.id, default: 0] += score(
                                fusion,
                                rank,
                                -match.distance,
                                vectors.map { -$0.distance },
                                isVector: true
                            )
                        }
                        for (rank, text) in texts.enumerated() {
                            scores[text.id, default: 0] += score(
                                fusion,
                                rank,
                                text.score,
                                texts.map(\.score),
                                isVector: false
                            )
                        }
                        let expected = scores.sorted {
                            $0.value == $1.value ? precedes($0.key, $1.key) : $0.value > $1.value
                        }
                        let found = try store.search(
                            for: query,
                            matching: .words(words),
                            fusion: fusion,
                            depth: depth,
                            limit: 25,
                            where: filter
                        )
                        let what: Comment = "\(words), \(depth), \(fusion)"
                        #expect(found.map(\.id) == expected.prefix(25).map(\.key), what)
                        #expect(found.map(\.score) == expected.prefix(25).map(\.value), what)
                        for match in found {
                            let vector = vectors.firstIndex { $0.id == match.id }
                            let text = texts.firstIndex { $0.id == match.id }
                            #expect(match.vectorRank == vector.map { $0 + 1 }, what)
                            #expect(match.textRank == text.map { $0 + 1 }, what)
                            #expect(match.distance == vector.map { vectors[$0].distance }, what)
                            #expect(match.textScore == text.map { texts[$0].score }, what)
                        }
                    }
                }
            }
        }
    }

    /// The definition of the fusions, for one row of one ranking.
    private static func score(_ fusion: Fusion, _ rank: Int, _ value: Double, _ all: [Double], isVector: Bool) -> Double
    {
        switch fusion {
        case .reciprocalRank(let k): return 1 / (k + Double(rank + 1))
        case .weighted(let weight):
            let (low, high) = (all.min() ?? 0, all.max() ?? 0)
            let share = isVector ? weight : 1 - weight
            return share * (low == high ? 1 : (value - low) / (high - low))
        }
    }

    @Test func integers() throws { try Self.check { Int64($0) } }

    @Test func texts() throws { try Self.check { "\($0)" } }
}
