// The bug story: a compaction looked its files up by path, again and again. Somebody renamed the store away and made
// another one at the path, as in a deployment: the compaction ended with success, and had unlinked the data file of the
// new store.

import Testing

@testable import Lacuna

/// Swaps a store's directory before every single operation of a call, in several ways.
@Suite struct SwapExplorationTests {
    /// The work of a handle meanwhile.
    enum Work: Sendable, CustomStringConvertible {
        case call(Scenario)
        case batches, relaxed, closing, opening, reading
        /// A store that a crash in the middle of a call has left is opened for writing.
        case recovering(Scenario)

        static let all =
            Scenario.allCases.map(Work.call) + [.batches, .relaxed, .closing, .opening, .reading]
            + killed.map(Work.recovering)

        static let killed: [Scenario] = [.put, .rewrite, .inPlace, .erase]

        var description: String {
            switch self {
            case .call(let scenario): "\(scenario)"
            case .recovering(let scenario): "recovering \(scenario)"
            case .batches: "batches"
            case .relaxed: "relaxed batches"
            case .closing: "closing"
            case .opening: "opening"
            case .reading: "reading"
            }
        }
    }

    private static let dimension = 8
    private static let mostOperations = 5_000
    private static let mostFailures = 3

    /// This is one test, and not one for each call, because it asserts the counts of all of them in the end.
    @Test func everyOperationOfEveryCall() async throws {
        let stores = try SwapStores(dimension: Self.dimension, killing: Work.killed)
        let counts = try await onTwoThreads(Work.all) { work in
            let swaps = try Swap.allCases.map { try explore(work, $0, stores) }
            print("swaps, \(work): \(swaps.reduce(0, +))")
            return swaps.reduce(0, +)
        }
        let total = counts.reduce(0) { $0 + $1.result }
        print("swaps, all calls: \(total)")
        #expect(total >= 4_000)
    }

    /// Swaps before the first operation, before the second, and so on, until there is none left; returns their number.
    private func explore(_ work: Work, _ swap: Swap, _ stores: SwapStores) throws -> Int {
        let run = SwapRun(work: work, swap: swap, dimension: Self.dimension, stores: stores)
        var failures = 0
        for count in 0..<Self.mostOperations {
            do { if try !run.swaps(before: count) { return count } } catch {
                Issue.record("\(swap) before operation \(count) of \(work): \(error)")
                // Failures mostly repeat one another, so a few are enough.
                failures += 1
                if failures >= Self.mostFailures { return count }
            }
        }
        Issue.record("\(work) goes on for ever")
        return 0
    }
}
