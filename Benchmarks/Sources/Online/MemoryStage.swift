import Foundation
import Lacuna
import Measuring

/// The anonymous memory that each strategy adds to a process that reads by id, half of the rows dead at random.
struct MemoryStage {
    let options: RunOptions
    let output: Output

    private static let limit: Int64 = 32 << 20
    private static let warmUp = 2.0

    private var rows: Int { options.rows ?? 1_000_000 }

    func run(in scratch: Scratch) throws {
        for strategy in [CompactionStrategy.rewrite, .inPlace, .punch] {
            try measure(strategy, scratch)
        }
    }

    private func measure(_ strategy: CompactionStrategy, _ scratch: Scratch) throws {
        try scratch.withPath("memory") { path in
            let pool = VectorPool(dimension: options.dimension)
            var population = Population(seed: options.seed)
            let configuration = VectorStoreConfiguration(dimension: options.dimension, metric: .euclidean)
            let filled = try VectorStore<Int64>.create(at: path, configuration: configuration)
            try population.fill(filled, to: rows, pool)
            try population.halve(filled)
            try filled.close()
            // The handle that has filled the store isn't used: the compaction could use that handle's heap memory,
            // which wouldn't be counted.
            let store = try VectorStore<Int64>.open(at: path)
            ProcessStatus.trimHeap()
            try Load(store: store, pool: pool).reads(of: population) {
                // Reads fill the store's caches, which are not a cost of the compaction.
                Thread.sleep(forTimeInterval: Self.warmUp)
                let (report, memory) = try MemoryUse.during { try store.compact(strategy) }
                guard let memory else {
                    return output.remark("memory", "skipped: this system doesn't tell a process's anonymous memory")
                }
                show(strategy, report, memory)
            }
            try store.close()
        }
    }

    private func show(_ strategy: CompactionStrategy, _ report: CompactionReport, _ memory: MemoryUse) {
        output.measurement(
            "memory",
            [
                "rows": .count(rows), "strategy": .text(strategy.rawValue), "moved_rows": .count(report.movedRows),
                "duration": .seconds(report.duration.seconds), "baseline": .bytes(memory.baseline),
                "peak": .bytes(memory.peak),
                "added": .bytes(memory.added),
            ]
        )
        output.limit(
            "memory: anonymous memory added by \(strategy.rawValue) at \(rows) rows",
            atMost: .bytes(Self.limit),
            measured: .bytes(memory.added)
        )
    }
}
