import Foundation
import Lacuna
import Measuring

/// Compares a compaction in place with a rewrite, without any other load. A tenth of the rows is dead, either in groups
/// of neighbours or scattered.
struct InPlaceStage {
    let options: RunOptions
    let output: Output

    private var rows: Int { options.rows ?? 300_000 }

    enum Layout: String, CaseIterable {
        case runs, scattered

        /// The limit of the time, as a share of a rewrite's.
        var share: Double {
            switch self {
            case .runs: 0.35
            case .scattered: 1
            }
        }
    }

    private struct Cost {
        let seconds: Double
        let written: Int64
        let due: Int64
        let isWhole: Bool
    }

    func run(in scratch: Scratch) throws {
        let strategies = [CompactionStrategy.rewrite, .inPlace]
        for layout in Layout.allCases {
            var costs: [CompactionStrategy: [Cost]] = [:]
            for run in 1...options.runs {
                // The order changes, so that neither always has the warmer disk.
                for strategy in run.isMultiple(of: 2) ? strategies.reversed() : strategies {
                    costs[strategy, default: []].append(try measure(strategy, layout, run, scratch))
                }
            }
            judge(layout, costs)
        }
    }

    private func measure(
        _ strategy: CompactionStrategy,
        _ layout: Layout,
        _ run: Int,
        _ scratch: Scratch
    ) throws -> Cost {
        try scratch.withPath("in-place") { path in
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: options.dimension, metric: .euclidean)
            )
            let pool = VectorPool(dimension: options.dimension)
            // The same rows die for both strategies.
            var population = Population(seed: options.seed + UInt64(run))
            try population.fill(store, to: rows, pool)
            try population.delete(dead(layout, &population.random), from: store)
            // Rows were added to an empty store in the order of their ids, so the id is also the slot.
            let live = population.live
            let tail = live.count { $0 >= Int64(live.count) }
            ProcessStatus.syncDisks()
            let device = ProcessStatus.deviceBytesWritten
            var report: CompactionReport?
            let duration = try timed { report = try store.compact(strategy) }
            ProcessStatus.syncDisks()
            let deviceBytes = device.flatMap { before in ProcessStatus.deviceBytesWritten.map { $0 - before } }
            let cost = Cost(
                seconds: duration.seconds,
                written: report?.writtenBytes ?? 0,
                due: Int64(tail * options.dimension * MemoryLayout<Float>.stride),
                isWhole: try population.isWhole(store, pool)
            )
            output.measurement(
                "in-place",
                [
                    "rows": .count(rows), "dead": .text(layout.rawValue), "run": .count(run),
                    "strategy": .text(strategy.rawValue), "duration": .seconds(cost.seconds),
                    "moved_rows": .count(report?.movedRows ?? 0), "must_move_rows": .count(tail),
                    "pwrite": .bytes(cost.written), "must_move": .bytes(cost.due),
                    "device_write": deviceBytes.map { .bytes($0) } ?? .text("unknown"),
                ]
            )
            try store.close()
            return cost
        }
    }

    /// The ids of a tenth of the rows: in ten runs, evenly spread over the file, or drawn at random.
    private func dead(_ layout: Layout, _ random: inout SplitMix) -> Set<Int64> {
        switch layout {
        case .runs:
            Set(
                (0..<10).flatMap { run in
                    let first = Int64(rows * (2 * run + 1) / 20)
                    return first..<first + Int64(rows / 100)
                }
            )
        case .scattered: Set((0..<Int64(rows)).shuffled(using: &random).prefix(rows / 10))
        }
    }

    private func judge(_ layout: Layout, _ costs: [CompactionStrategy: [Cost]]) {
        let name = "in-place, dead \(layout.rawValue)"
        output.limit("\(name): every store is whole afterwards", holds: costs.values.joined().allSatisfy(\.isWhole))
        guard let rewrites = costs[.rewrite], let moves = costs.first(where: { $0.key != .rewrite })?.value else {
            return
        }
        output.limit(
            "\(name): time, in place ÷ rewrite, median of runs",
            atMost: .ratio(layout.share),
            measured: .ratio(zip(moves, rewrites).map { $0.seconds / $1.seconds }.median)
        )
        output.limit(
            "\(name): bytes passed to pwrite ÷ bytes of the rows that must move, most of any run",
            atMost: .ratio(1.2),
            measured: .ratio(moves.map { Double($0.written) / Double($0.due) }.max() ?? .nan)
        )
    }
}
