// The bug story: a store acknowledged a write, the power went, and the row was gone, or there with another row's bytes.
// Each time it was an order of two writes that no test on a living machine can see, because there the kernel's cache
// survives whatever the program does: the index committed before the data file was synced; a new file's name that no
// sync of its directory had made durable; the old file removed before the commit that superseded it. Or the order was
// right, and recovery from the crash was stopped by the next one.
//
// So here the disk is a model that keeps nothing but what was synced, and whatever else a seed decides, and the world
// stops at every single moment of a workload at which that would leave something else, and at those of the recovery.

import Foundation
import Testing

@testable import Lacuna

@Suite struct CrashExplorationTests {
    /// Not one test a workload: what is asserted in the end is how much of it there was.
    @Test func everyMomentOfEveryWorkload() async throws {
        var total = CrashExplorer.Counts()
        let explored = try await onTwoThreads(CrashWorkload.all) { workload in
            let explorer = try workload.explore(seeds: 3, recoveryStride: 16)
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

    /// As many states as one has patience for: workload after workload from one seed on, each with a number that makes it
    /// again. `make torture` asks for it.
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
            // At once: a long run is often cut short.
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
