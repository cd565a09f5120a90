// The bug story: a store acknowledged a write, the power was cut, and the row was gone, or had another row's bytes.
// Each time the reason was an order of two writes that no test on a running machine can see, because there the kernel's
// cache survives whatever the program does: the index committed before the data file was synced; a new file's name was
// not made durable by a sync of its directory; the old file was removed before the commit that superseded it. Or the
// order was right, and the next crash stopped the recovery from the first one.
//
// So here the disk is a model that keeps only what was synced, and other parts as a seed decides. The world stops at
// every moment of a workload at which a crash would leave another state, and at the moments of the recovery.

import Foundation
import Testing

@testable import Lacuna

@Suite struct CrashExplorationTests {
    /// This is one test, and not one for each workload, because it asserts the counts of all of them in the end.
    @Test func everyMomentOfEveryWorkload() async throws {
        var total = CrashExplorer.Counts()
        let explored = try await onTwoThreads(CrashWorkload.all) { workload in
            let explorer = try workload.explore(seeds: 2, recoveryStride: 48)
            print("crashes, \(workload): \(explorer.counts)")
            return explorer
        }
        for (workload, explorer) in explored {
            for failure in explorer.failures { Issue.record("\(workload): \(failure)") }
            total += explorer.counts
        }
        print("crashes, all workloads: \(total)")
        #expect(total.states >= 20_000)
    }

    /// Explores as many states as asked for: workload after workload from a seed on, each with a seed that repeats it.
    /// `make torture` runs it.
    @Test(.enabled(if: Torture.states > 0, "a long run: `make torture`")) func asManyStatesAsAreAskedFor() async throws
    {
        var total = CrashExplorer.Counts()
        var seed = Torture.firstSeed
        while total.states < Torture.states {
            let seeds = seed..<seed + 2
            let explored = try await onTwoThreads(Array(seeds)) { seed in
                try CrashWorkload.random(seed).explore(seeds: 8, recoveryStride: 2)
            }
            for (seed, explorer) in explored {
                for failure in explorer.failures { Issue.record("SEED=\(seed): \(failure)") }
                total += explorer.counts
            }
            seed = seeds.upperBound
            print("crashes, \(total); to go on from here: make torture SEED=\(seed)")
            // The output is flushed at once, since a long run is often interrupted.
            fflush(nil)
        }
    }

    private enum Torture {
        private static func number(_ name: String) -> UInt64? {
            ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
        }

        static let states = Int(clamping: number("LACUNA_TORTURE_STATES") ?? 0)
        static let firstSeed = number("LACUNA_TORTURE_SEED") ?? 1
    }
}
