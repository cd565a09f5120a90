// The bug story: a sync of the backup's data file was taken away, and no test missed it. The power would have gone a minute
// after the backup was acknowledged, and its rows would have been zeros: found out on the day it was needed.
//
// So the power goes here before every operation of a backup and of a restore, in the copy, in the directory's names and in
// its parent's.

import Testing

@testable import Lacuna

@Suite struct BackupExplorationTests {
    @Test func everyMomentOfEveryBackup() async throws {
        var total = BackupExplorer.Counts()
        let explored = try await onTwoThreads(BackupScenario.allCases) { scenario in
            let explorer = try BackupExplorer.explore(scenario, seeds: 16)
            print("backups, \(scenario): \(explorer.counts)")
            return explorer
        }
        for (scenario, explorer) in explored {
            for failure in explorer.failures { Issue.record("\(failure)") }
            #expect(explorer.counts.new > 0 && explorer.counts.nothing + explorer.counts.old > 0, "\(scenario)")
            total += explorer.counts
        }
        print("backups, all: \(total)")
        #expect(total.states >= 1_000)
    }
}
