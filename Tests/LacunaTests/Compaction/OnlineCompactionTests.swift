import Foundation
import Testing

@testable import Lacuna

/// Writes between any two batches of a compaction, and compares the store with a dictionary.
@Suite struct OnlineCompactionTests {
    struct Setup: CustomTestStringConvertible, Sendable {
        let strategy: CompactionStrategy
        let seed: UInt64
        /// Rows of a batch.
        let batch: Int
        var testDescription: String { "\(strategy), seed \(seed), \(batch) rows a batch" }
    }

    static let setups = [CompactionStrategy.rewrite, .inPlace, .punch].flatMap { strategy in
        (UInt64(1)...8).map { Setup(strategy: strategy, seed: $0, batch: [1, 3, 10, 64][Int($0) % 4]) }
    }

    /// For a punch, a row is longer than a block.
    private static func dimension(_ strategy: CompactionStrategy) -> Int { strategy == .punch ? 1_100 : 5 }

    @Test(arguments: setups) func writesBetweenBatches(_ setup: Setup) throws {
        let scratch = try Scratch()
        let dimension = Self.dimension(setup.strategy)
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot)
        )
        var writer = ModelledWrites(dimension: dimension, seed: setup.seed, ids: 0..<400)
        for _ in 0..<30 { try writer.step(store, bulk: 10) }
        try store.delete((0..<400).filter { $0 % 3 == 0 }.map { Int64($0) })
        writer.forget { $0 % 3 == 0 }
        for round in 0..<3 {
            var calls = 0
            let limits = MaintenanceLimits.small(rows: setup.batch, dimension: dimension)
            do {
                let report = try store.compact(setup.strategy, limits) { _ in
                    calls += 1
                    // These are fewer writes than a batch moves, so the compaction catches up with them.
                    if calls % 2 == 0 { try writer.step(store, bulk: 1) }
                }
                #expect(report.strategy == setup.strategy || report.strategy == nil)
            } catch let error as VectorStoreError where error.code == .busy && setup.strategy == .inPlace {
                // More rows were written than there were dead ones.
            }
            #expect(calls > 1 || round > 0)
            try writer.check(store)
            #expect(try store.verify().isSound)
            try expectNothingStaged(scratch)
        }
        try store.close()
        try writer.check(try VectorStore<Int64>.open(at: scratch.store))
    }

    /// A row is deleted, replaced and put again exactly when it has been copied and staged.
    @Test(arguments: [CompactionStrategy.rewrite, .inPlace]) func theRowsThatAreCopiedChange(
        _ strategy: CompactionStrategy
    ) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1, metric: .dot))
        try store.write { batch in for id in 0..<60 { try batch.put([Float(id)], for: Int64(id)) } }
        try store.delete((0..<60).filter { $0 % 2 == 0 }.map { Int64($0) })
        var expected = Dictionary(uniqueKeysWithValues: stride(from: Int64(1), to: 60, by: 2).map { ($0, Float($0)) })
        var call = 0
        try store.compact(strategy, .small(rows: 4, dimension: 1)) { _ in
            call += 1
            if call > 24 { return }
            let id = Int64(call * 2 + 1) % 60
            switch call % 3 {
            case 0:
                try store.delete(id)
                expected[id] = nil
            case 1:
                try store.put([Float(1_000 + call)], for: id, replacing: true)
                expected[id] = Float(1_000 + call)
            default:
                try store.delete(id)
                try store.put([Float(2_000 + call)], for: id)
                expected[id] = Float(2_000 + call)
            }
        }
        #expect(call > 4)
        #expect(try store.ids() == expected.keys.sorted())
        for (id, value) in expected { #expect(try store.vector(for: id) == [value], "\(id)") }
        #expect(try store.verify().isSound)
        try expectNothingStaged(scratch)
    }

    private func expectNothingStaged(_ scratch: Scratch) throws {
        let stale = "SELECT count(*) FROM vectors WHERE generation <> (SELECT generation FROM store)"
        #expect(try rawConnection(scratch.index).value(stale) == .integer(0))
    }
}
