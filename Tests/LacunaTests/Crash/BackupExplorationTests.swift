// The bug story: a sync of the backup's data file was taken away, and no test missed it. After a power cut a minute
// after the backup was acknowledged, its rows would have been zeros, and nobody would have noticed before the backup
// was needed.
//
// So here the power is cut before every operation of a backup and of a restore: on the copy's files, on the names in
// its directory, and on those in its parent.

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
