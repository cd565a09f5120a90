// The bug story: a store was killed in an import, and its backup was copied over it. The log of the import was still
// there, and SQLite took it for the backup's: there were rows that had never been backed up, with zeros as vectors, and
// `recover` said that all was well. Other mixtures lost rows, or left an index that SQLite could not read.
//
// So here backups are copied, whole and in part, over the states that crashes leave at the moments of a store's life.

import Testing

@testable import Lacuna

@Suite struct RestoreExplorationTests {
    @Test func everyBackupOverEveryCrash() async throws {
        var total = RestoreExplorer.Counts()
        let explored = try await onTwoThreads(RestoreExplorer.Life.all) { life in
            let explorer = try RestoreExplorer.explore(life, stride: 1)
            print("restores, \(life): \(explorer.counts)")
            return explorer
        }
        for (_, explorer) in explored {
            for failure in explorer.failures { Issue.record("\(failure)") }
            total += explorer.counts
        }
        print("restores, all: \(total)")
        #expect(total.refused > 1_000 && total.backups > 200 && total.stores > 200)
    }
}
