import CLacunaSQLite
import Foundation
import TestSupport
import Testing

@testable import Lacuna

private func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment["LACUNA_SQLITE_" + name]
}

/// `make test-sqlite` runs this with one version of SQLite after another, on the same store: each finds the rows that
/// the earlier ones have written, by the indexes that they have made and kept, adds rows, and deletes some of all.
@Suite(.enabled(if: variable("STORE") != nil)) struct SQLiteVersionTests {
    private struct Row {
        let id: Int64
        let metadata: ModelJSON?

        /// The place of the row's text in `texts`.
        var text: Int? { metadata == nil ? nil : Int(id) % SQLiteVersionTests.texts.count }
    }

    private static let texts = ["Café process", "a RÉSUMÉ", "東京 の 地図", "it's processing", "e\u{301}tude naïve"]
    private static let words: [(TextQuery, texts: Set<Int>)] = [
        (.words("cafe"), [0]), (.words("resume"), [1]), (.words("地図"), [2]), (.words("étude it"), [3, 4]),
        (.expression("proc*"), [0, 3]), (.expression("proc* NOT café"), [3]), (.expression("\"it s\""), [3]),
    ]

    private static var hasFTS5: Bool { variable("FTS5") == "fts5" }

    /// The rows that one of the runs adds.
    private static func rows(of run: Int) -> [Row] {
        var random = SplitMix64(seed: UInt64(run) + 40)
        return (Int64(run) * 100..<Int64(run) * 100 + 100).map { id in
            guard case .object(let members) = random.modelMetadata() else { return Row(id: id, metadata: nil) }
            let text = ("words", ModelJSON.scalar(.text(texts[Int(id) % texts.count])))
            return Row(id: id, metadata: .object(members + [text]))
        }
    }

    /// The rows after some runs, each of which has deleted a tenth of all rows.
    private static func rows(after runs: Int) -> [Row] {
        (0..<runs).flatMap { run in rows(of: run).filter { !(run..<runs).contains(Int($0.id % 10)) } }
    }

    @Test func eachVersionFindsTheRowsOfTheOthers() throws {
        unsafe #expect(String(cString: sqlite3_libversion()) == variable("VERSION"))
        let path = try #require(variable("STORE"))
        let run = try Int(#require(variable("RUN").flatMap { Int($0) }))
        let store =
            run == 0
            ? try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 1, metric: .euclidean))
            : try VectorStore<Int64>.open(at: path)
        for key in ["a", "b", "a.b", "c d", "0"] { try store.createMetadataIndex(on: key) }
        try store.createMetadataIndex(on: "a", "b")
        // It makes an index anew that a build without FTS5 has left stale.
        if Self.hasFTS5 { try store.createTextIndex(on: ["words"]) }
        try Self.check(store, Self.rows(after: run), run)
        var spelling: SplitMix64? = SplitMix64(seed: UInt64(run))
        try store.write { batch in
            for row in Self.rows(of: run) {
                try batch.put([1], for: row.id, metadataJSON: row.metadata?.text(&spelling))
            }
        }
        try store.delete(where: "id % 10 = \(run)")
        try Self.check(store, Self.rows(after: run + 1), run)
    }

    private static func check(_ store: VectorStore<Int64>, _ rows: [Row], _ run: Int) throws {
        var random = SplitMix64(seed: UInt64(run) + 1_000)
        for _ in 0..<100 {
            let model = random.modelFilter()
            let expected = rows.filter { model.passes(.integer($0.id), $0.metadata) }.map(\.id)
            let sql = Filter(sql: model.sql.text, values: model.sql.values)
            for filter in [model.typed, sql] + (try model.json.map { [try Filter(json: $0)] } ?? []) {
                #expect(try store.ids(where: filter) == expected, "\(model)")
            }
        }
        if hasFTS5 {
            for (query, texts) in words {
                let found = try store.search(for: [0], matching: query, depth: 1_000, limit: 2_000)
                let matching = found.filter { $0.textRank != nil }.map(\.id)
                let expected = rows.filter { $0.text.map(texts.contains) == true }.map(\.id)
                #expect(matching.sorted() == expected, "\(query)")
            }
        }
        let report = try store.verify()
        #expect(report.isSound, "\(report)")
        #expect(report.rows == rows.count)
    }
}
