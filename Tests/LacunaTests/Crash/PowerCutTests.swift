// The bug story: a store acknowledged a write, the power went, and the row was gone, or there with another row's bytes.
// Each time it was an order of two writes that no test on a living machine can see, because there the kernel's cache
// survives whatever the program does: the index committed before the data file was synced; a new file's name that no
// sync of its directory had made durable; the old file removed before the commit that superseded it.
//
// So here the disk is a model that keeps nothing but what was synced, and the power goes at every moment of a random
// workload at which a cut would leave something else.

import Testing

@testable import Lacuna

@Suite struct PowerCutTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let dimension: Int
        let seed: UInt64
        var isRelaxed = false
        var testDescription: String { "dimension \(dimension), seed \(seed)\(isRelaxed ? ", relaxed" : "")" }
    }

    @Test(arguments: [
        Case(dimension: 8, seed: 1), Case(dimension: 8, seed: 2), Case(dimension: 1_024, seed: 3),
        Case(dimension: 1_000, seed: 4), Case(dimension: 8, seed: 5, isRelaxed: true),
        Case(dimension: 1_000, seed: 6, isRelaxed: true),
    ])
    func everyMomentOfAWorkload(_ arguments: Case) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                disk.recordCuts()
                let workload = Workload(
                    disk,
                    dimension: arguments.dimension,
                    seed: arguments.seed,
                    isRelaxed: arguments.isRelaxed
                )
                try workload.run(steps: 40)
                let cuts = disk.cuts
                #expect(cuts.count > (arguments.isRelaxed ? 60 : 100))
                try RecoveredStore.check(cuts, disk.log, workload.states, dimension: arguments.dimension)
            }
        }
    }
}
