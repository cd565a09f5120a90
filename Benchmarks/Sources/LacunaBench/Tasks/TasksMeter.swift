import Foundation
import Lacuna
import Measuring

/// Measures one store. Blocking and asynchronous calls take turns, so that noise hits both.
struct TasksMeter: Sendable {
    let store: VectorStore<Int64>
    let queries: [[Float]]

    private static let callers = 64
    private static let searchesPerCaller = 8
    private static let searchingTasks = 200
    private static let tick = Duration.milliseconds(10)
    private static let ticks = 300

    func run(_ runs: Int, _ output: Output, rows: Int) async throws {
        var single: [Double] = []
        var many: [Double] = []
        var times: [Double] = []
        for run in -1..<runs {
            let blocked = try blockingSearch()
            let awaited = try await awaitedSearch()
            let threads = try await onThreads()
            let tasks = try await inTasks()
            // The first run makes the map known to the process.
            if run < 0 { continue }
            times.append(blocked)
            single.append(awaited / blocked)
            many.append(threads / tasks)
        }
        let late = try await latenesses()
        output.measurement(
            "tasks",
            [
                "rows": .count(rows), "blocking": .seconds(times.median), "awaited_/_blocking": .ratio(single.median),
                "64_tasks_/_threads": .ratio(many.median), "tick_late": .seconds(late.median),
                "longest": .seconds(late.max() ?? .nan),
            ]
        )
        output.limit(
            "\(rows) rows: time of a search that is awaited ÷ of one that blocks",
            atMost: .ratio(1.1),
            measured: .ratio(single.median)
        )
        output.limit(
            "\(rows) rows: searches a second of \(Self.callers) tasks ÷ of a thread for each core",
            atLeast: .ratio(0.9),
            measured: .ratio(many.median)
        )
        output.limit(
            "\(rows) rows: a tick is late beside \(Self.searchingTasks) searching tasks, a writer and a compaction",
            atMost: .seconds(0.005),
            measured: .seconds(late.median)
        )
    }

    // MARK: One caller

    private func blockingSearch() throws -> Double {
        try queries.map { query in try timed { _ = try store.search(for: query, limit: 10) }.seconds }.median
    }

    private func awaitedSearch() async throws -> Double {
        var times: [Double] = []
        for query in queries {
            let start = ContinuousClock.now
            _ = try await store.search(for: query, limit: 10)
            times.append((.now - start).seconds)
        }
        return times.median
    }

    // MARK: Many callers

    /// The seconds that a thread for each core takes for all searches.
    private func onThreads() async throws -> Double {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let share = Self.callers * Self.searchesPerCaller / cores
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for core in 0..<cores {
                group.addTask {
                    try await withCheckedThrowingContinuation { done in
                        Thread { done.resume(with: Result { try search(share, from: core) }) }.start()
                    }
                }
            }
            try await group.waitForAll()
        }
        return (.now - start).seconds
    }

    private func search(_ count: Int, from first: Int) throws {
        for number in 0..<count {
            _ = try store.search(
                for: queries[(first + number) % queries.count],
                limit: 10,
                options: .init(threads: 1)
            )
        }
    }

    /// The seconds that many tasks take for as many searches.
    private func inTasks() async throws -> Double {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.callers {
                group.addTask {
                    for number in 0..<Self.searchesPerCaller {
                        _ = try await store.search(for: queries[(caller + number) % queries.count], limit: 10)
                    }
                }
            }
            try await group.waitForAll()
        }
        return (.now - start).seconds
    }

    // MARK: A tick

    /// How late a task is that sleeps again and again, while others search, write and compact.
    private func latenesses() async throws -> [Double] {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.searchingTasks {
                group.addTask {
                    var number = caller
                    while !Task.isCancelled {
                        _ = try await store.search(for: queries[number % queries.count], limit: 10)
                        number += 1
                    }
                }
            }
            group.addTask {
                var id = Int64(1_000_000)
                while !Task.isCancelled {
                    try await store.put(queries[0], for: id)
                    try await store.delete(id)
                    id += 1
                }
            }
            group.addTask { while !Task.isCancelled { try await store.compact(.rewrite) } }
            var late: [Double] = []
            for _ in 0..<Self.ticks {
                let due = ContinuousClock.now + Self.tick
                try await Task.sleep(until: due)
                late.append((.now - due).seconds)
            }
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
            return late
        }
    }
}
