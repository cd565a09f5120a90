import Foundation
import Lacuna
import TestSupport
import Testing

/// Filters in all three forms pass the same rows as an evaluation by their definition does.
@Suite(.timeLimit(.minutes(40))) struct FilterModelTests {
    private struct Row<ID: VectorID> {
        let id: ID
        let metadata: ModelJSON?
    }

    private static func fill<ID: VectorID>(_ store: VectorStore<ID>, _ ids: [ID], _ seed: UInt64) throws -> [Row<ID>] {
        var random: SplitMix64? = SplitMix64(seed: seed)
        let rows = ids.map { Row(id: $0, metadata: random?.modelMetadata()) }
        try store.write { batch in
            for row in rows { try batch.put([1], for: row.id, metadataJSON: row.metadata?.text(&random)) }
        }
        return rows
    }

    private static func check<ID: VectorID>(_ ids: [ID], _ seed: UInt64, indexed: Bool = false) throws {
        let scratch = try Scratch()
        let store = try VectorStore<ID>.create(at: scratch.store, configuration: .init(dimension: 1))
        let rows = try fill(store, ids, seed)
        if indexed {
            for key in ["a", "b", "a.b", "c d", "0", "$"] { try store.createMetadataIndex(on: key) }
            for keys in [("a", "a"), ("a", "b"), ("b", "a")] { try store.createMetadataIndex(on: keys.0, keys.1) }
        }
        var random = SplitMix64(seed: seed &+ 1_000)
        var (passing, inJSON) = (0, 0)
        for _ in 0..<120 {
            let model = random.modelFilter()
            let expected = rows.filter { model.passes($0.id.filterScalar, $0.metadata) }.map(\.id)
            #expect(try store.ids(where: model.typed) == expected, "seed \(seed): \(model)")
            let sql = Filter(sql: model.sql.text, values: model.sql.values)
            #expect(try store.ids(where: sql) == expected, "seed \(seed): \(model)")
            #expect(try store.count(where: !model.typed) == rows.count - expected.count, "seed \(seed): \(model)")
            passing += expected.isEmpty || expected.count == rows.count ? 0 : 1
            guard let json = model.json else { continue }
            #expect(try store.ids(where: Filter(json: json)) == expected, "seed \(seed): \(model), \(json)")
            inJSON += 1
        }
        // Otherwise the test would say little.
        #expect(passing > 15)
        #expect(inJSON > 60)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>) func integers(_ seed: UInt64) throws {
        try Self.check((Int64(-2)...80) + [.max], seed)
    }

    @Test(arguments: 7...9 as ClosedRange<UInt64>) func indexedFields(_ seed: UInt64) throws {
        try Self.check((Int64(-2)...80) + [.max], seed, indexed: true)
    }

    @Test func texts() throws {
        let words = SplitMix64.modelScalars.compactMap {
            if case .text(let text) = $0, !text.isEmpty { text } else { nil }
        }
        let ids = words + ["0", "007", "9", "10", "-1", "2.0"]
        try Self.check(ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, 5)
    }
}
