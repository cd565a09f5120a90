// The bug story: a process was killed in the middle of a compaction; the next one took the half-copied file for the
// store, or removed the file that held the rows, or cleaned up so slowly and was killed again, each time a step further
// into ruin. The kernel's cache survives a killed process, so what it wrote without a sync is there to be read, and then
// a power cut may still take it: recovery must not act on what isn't durable yet.

import Testing

@testable import Lacuna

@Suite struct KillTests {
    private static let dimension = 1_024

    /// Runs the scenario for every number of operations after which the process is killed.
    private func forEachKill(
        _ scenario: Scenario,
        _ body: (TestDisk, [CrashModel], PowerCut.Progress, Int) throws -> Void
    ) throws {
        var stopped = true
        var count = 0
        while stopped {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    let before = try {
                        let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                        disk.stop(after: count)
                        do { try scenario.call(store, dimension: Self.dimension) } catch {
                            try #require(disk.isStopped, "\(error)")
                        }
                        stopped = disk.isStopped
                        return before
                    }()
                    disk.restart()
                    let states = [before, scenario.result(before, dimension: Self.dimension)]
                    let progress =
                        stopped
                        ? PowerCut.Progress(acknowledged: 0, inFlight: 1) : PowerCut.Progress(acknowledged: 1)
                    try body(disk, states, progress, count)
                }
            }
            count += 1
        }
        #expect(count > 5)
    }

    @Test(arguments: Scenario.allCases) func killedAtEveryOperation(_ scenario: Scenario) throws {
        try forEachKill(scenario) { disk, states, progress, count in
            do { try RecoveredStore.check(disk, states, progress, dimension: Self.dimension) } catch {
                Issue.record("killed after \(count) operations of \(scenario): \(error)")
            }
        }
    }

    /// Recovery is interrupted at each of its own operations, by a kill or by a power cut, and run again.
    @Test(arguments: [Scenario.rewrite, .punch]) func recoveryKilledAtEveryOperation(_ scenario: Scenario) throws {
        try forEachKill(scenario) { disk, states, progress, count in
            // Each write to the log is a step; every second one is enough for what recovery finds.
            if count % 2 == 1 { return }
            let model = disk.model
            var stopped = true
            var recovered = 0
            while stopped {
                try TestFiles.withDirectory { parent in
                    let path = parent + "/store"
                    try TestFiles.copy(disk.directory, path)
                    try TestDisk.with(path, model) { disk in
                        disk.stop(after: recovered)
                        _ = try? VectorStore<Int64>.open(at: path, .readWrite, disk.fileSystem)
                        stopped = disk.isStopped
                        let cut = disk.cutNow()
                        disk.restart()
                        do {
                            try RecoveredStore.check(
                                disk,
                                states,
                                progress,
                                dimension: Self.dimension,
                                goingOn: false
                            )
                            try checkCut(cut, states, progress)
                        } catch {
                            Issue.record("killed after \(count), recovery after \(recovered) operations: \(error)")
                        }
                    }
                }
                recovered += 1
            }
        }
    }

    private func checkCut(_ cut: PowerCut, _ states: [CrashModel], _ progress: PowerCut.Progress) throws {
        for variant in UnlinkVariant.allCases {
            try cut.withDisk(variant) { disk in
                try RecoveredStore.check(disk, states, progress, dimension: Self.dimension, goingOn: false)
            }
        }
    }
}
