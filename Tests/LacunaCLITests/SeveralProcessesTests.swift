import Foundation
import Lacuna
import TestSupport
import Testing

/// Two processes keep the store open and read it, while this process writes and compacts.
@Suite(.timeLimit(.minutes(40))) struct SeveralProcessesTests {
    private static let dimension = 1_024
    private static let rows: Int64 = 24

    private static func write(_ stamp: Int, _ store: VectorStore<Int64>) throws {
        try StampedRows.put(stamp, count: rows, dimension: dimension, store)
    }

    @Test func twoReadWhileAThirdWritesAndCompacts() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "s"
        let store = try VectorStore<Int64>.create(
            at: path,
            configuration: .init(dimension: Self.dimension, metric: .euclidean)
        )
        try Self.write(1, store)
        let readers = try (0..<2).map { _ in try Program.readingProcess.start([path]) }
        var strategies: [CompactionStrategy] = []
        for round in 0..<24 {
            // Waits for one more read.
            for reader in readers { #expect(try reader.readLine() == ".") }
            try Self.write(round + 2, store)
            // In one round single rows are dead, in the next whole stretches of rows.
            try store.delete((0..<Self.rows).filter { round % 2 == 0 ? $0 % 2 == 0 : $0 < 8 })
            let report = try store.compact([.rewrite, .inPlace, .punch, .auto][round % 4])
            if let strategy = report.strategy { strategies.append(strategy) }
        }
        #expect(Set(strategies).isSuperset(of: [.rewrite, .inPlace, .punch]), "\(strategies)")
        let generation = try store.info.generation
        for reader in readers {
            let run = try reader.finish()
            #expect(run.status == 0, "\(run.error)")
            let seen = try jsonObject(try #require(run.lines.last))
            #expect(seen["failure"] as? String == "")
            #expect(try #require(seen["reads"] as? Int) >= 24)
            #expect(try #require(seen["stamps"] as? Int) > 1)
            let generations = try #require(seen["generations"] as? Int)
            #expect(generations > 1 && generations <= Int(generation))
        }
        #expect(try store.verify().isSound)
    }
}
