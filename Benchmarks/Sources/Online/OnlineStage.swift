import Foundation
import Lacuna
import Measuring

/// A rewrite of a store whose rows are half dead, or the making of codes, under a load of reads and writes, compared
/// with the same load alone.
struct OnlineStage {
    let options: RunOptions
    let rows: Int
    let name: String
    var work = Work.rewrite
    let output: Output

    enum Work: String {
        case rewrite, accelerate

        func run(_ store: VectorStore<Int64>) throws -> (duration: Duration, pause: Duration) {
            switch self {
            case .rewrite:
                let report = try store.compact(.rewrite)
                return (report.duration, report.longestWriterPause)
            case .accelerate:
                let report = try store.accelerate()
                return (report.duration, report.longestWriterPause)
            }
        }
    }

    /// The results of a run; times are in seconds.
    struct Run {
        let idle: Load.Result
        let busy: Load.Result
        let duration: Duration
        let longestPause: Duration

        var readRatio: Double { busy.reads.percentile(99) / idle.reads.percentile(99) }
        var writeRatio: Double { busy.writes.percentile(99) / idle.writes.percentile(99) }
        var pause: Double { longestPause.seconds }
    }

    /// - Returns: The results of each run.
    func measure(in scratch: Scratch) throws -> [Run] {
        try scratch.withPath("online-\(rows)") { path in
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: options.dimension, metric: .euclidean)
            )
            let pool = VectorPool(dimension: options.dimension)
            var population = Population(seed: options.seed)
            // A first run that doesn't count warms up, and determines the duration of the load without a compaction.
            var seconds = options.idleSeconds
            var runs: [Run] = []
            for run in 0...options.runs {
                try population.fill(store, to: rows, pool)
                try store.stopAccelerating()
                try population.halve(store)
                ProcessStatus.syncDisks()
                let result = try once(store, pool, &population, idleSeconds: seconds)
                seconds = max(seconds, result.duration.seconds)
                if run == 0 { continue }
                runs.append(result)
                show(run, "idle", result.idle)
                show(run, work.rawValue, result.busy)
            }
            for (run, result) in runs.enumerated() { show(run + 1, result) }
            output.limit(
                "\(name): at \(rows) rows verify() is sound afterwards, and ids and rows are those that were written",
                holds: try population.isWhole(store, pool)
            )
            try store.close()
            return runs
        }
    }

    private func once(
        _ store: VectorStore<Int64>,
        _ pool: VectorPool,
        _ population: inout Population,
        idleSeconds: Double
    ) throws -> Run {
        let load = Load(store: store, pool: pool)
        let (_, idle) = try load.run(on: &population) { Thread.sleep(forTimeInterval: idleSeconds) }
        let ((duration, pause), busy) = try load.run(on: &population) { try work.run(store) }
        return Run(idle: idle, busy: busy, duration: duration, longestPause: pause)
    }

    private func show(_ run: Int, _ load: String, _ result: Load.Result) {
        for (operation, latencies) in [("read", result.reads), ("write", result.writes)] {
            output.measurement(
                name,
                [
                    "rows": .count(rows), "run": .count(run), "load": .text(load), "operation": .text(operation),
                    "calls": .count(latencies.count), "p50": .seconds(latencies.percentile(50)),
                    "p99": .seconds(latencies.percentile(99)), "max": .seconds(latencies.longest),
                ]
            )
        }
    }

    private func show(_ run: Int, _ result: Run) {
        output.measurement(
            name,
            [
                "rows": .count(rows), "run": .count(run),
                "duration": .seconds(result.duration.seconds), "read_p99": .ratio(result.readRatio),
                "write_p99": .ratio(result.writeRatio), "longest_writer_pause": .seconds(result.pause),
                "longest_write": .seconds(result.busy.writes.longest),
                "longest_idle_write": .seconds(result.idle.writes.longest),
            ]
        )
    }

    // MARK: Limits

    func run(in scratch: Scratch) throws {
        let runs = try measure(in: scratch)
        output.limit(
            "\(name): p99 of reads by id, \(work.rawValue) ÷ idle, median of runs",
            atMost: .ratio(2),
            measured: .ratio(runs.map(\.readRatio).median)
        )
        output.limit(
            "\(name): p99 of writes, \(work.rawValue) ÷ idle, median of runs",
            atMost: .ratio(3),
            measured: .ratio(runs.map(\.writeRatio).median)
        )
        Self.limitPause(name, runs, output)
    }

    /// Compares the longest pause of all runs with that of all idle loads, which took as long in total.
    private static func limitPause(_ name: String, _ runs: [Run], _ output: Output) {
        let idle = runs.map(\.idle.writes.longest).max() ?? 0
        output.limit(
            "\(name): longest writer pause, 50 ms or 1.5 × the longest idle write",
            atMost: .seconds(max(0.05, 1.5 * idle)),
            measured: .seconds(runs.map(\.pause).max() ?? .nan)
        )
    }
}

/// The pause of a writer with a tenth of the rows and with all of them: it must not grow with the store.
struct GrowthStage {
    let options: RunOptions
    let output: Output

    func run(in scratch: Scratch) throws {
        let rows = options.rows ?? 1_000_000
        let runs = try [rows / 10, rows].map { rows in
            try OnlineStage(options: options, rows: rows, name: "growth", output: output).measure(in: scratch)
        }
        let pauses = runs.map { $0.map(\.pause).median }
        // The longer of two equal loads has the longer longest write, even without a compaction.
        let idle = runs[1].map(\.idle.writes.longest).median
        output.limit(
            "growth: longest writer pause at \(rows) rows, 1.5 × that at \(rows / 10) or the longest idle write, medians",
            atMost: .seconds(1.5 * max(pauses[0], idle)),
            measured: .seconds(pauses[1])
        )
    }
}
