// The bug story: the tests would have passed whatever the store did. A change that made puts faster took a sync away,
// and all of them stayed green.
//
// So here each protection is taken away once, and the search must find that it is missing.

import Testing

@testable import Lacuna

#if LACUNA_PLANTED_BUGS
@Suite struct PlantedBugTests {
    @Test(arguments: PlantedBug.allCases) func isFound(_ bug: PlantedBug) throws {
        let found = try PlantedBug.$planted.withValue(bug) { try Self.find(bug) }
        let (by, what) = try #require(found, "\(bug) was not found")
        print("planted bug \(bug): found by \(by): \(what.prefix(300))")
    }

    /// The test that found the bug, and its message; nil if none did.
    private static func find(_ bug: PlantedBug) throws -> (by: String, what: String)? {
        switch bug {
        case .checksumNotChecked: return try findRot().map { ("a rotten row", $0) }
        case .zerosNotSynced: return try findRemains().map { ("an erased row", $0) }
        case .logNotWrittenAgain:
            return try CleanPagesTests.failuresWhileTheLogIsCopied().first.map { ("a failed sync", $0) }
        case .checkpointBelieved:
            return try CleanPagesTests.failuresAfterAPartialCheckpoint().first.map {
                ("a failed sync of the database", $0)
            }
        case .rowsNotWrittenAgain:
            let lost = try CleanPagesTests.rowsLost(after: .rewrite)
            return lost.isEmpty ? nil : ("a failed sync of rows", "the rows \(lost) have other bytes")
        case .checkpointBeforeLogName:
            let isInOrder = try MarkKeeperTests.logIsNamedBeforeAForeignCommitIsCopied()
            return isInOrder ? nil : ("a foreign commit", "it was copied into the database before the log had its name")
        case .moveNotAnnounced:
            return try FollowingTests.wrongRowAfterMoves().map { ("a reader beside a compaction in place", $0) }
        case .logNotChecked: return try findLostCommits().map { ("a rotten log", $0) }
        case .logOriginNotChecked, .rowsOfLogNotChecked:
            return try RestoreExplorer.explore(.mixed, stride: 4).failures.first.map { ("a restored backup", $0) }
        default: break
        }
        if !backups(bug).isEmpty { return try findInBackups(bug) }
        for workload in CrashWorkload.all where workloads(bug).contains(workload.name) {
            if let what = try workload.firstFailure() { return ("the workload \(workload)", what) }
        }
        return nil
    }

    private static func workloads(_ bug: PlantedBug) -> [String] {
        switch bug {
        case .rowsNotSynced, .commitBeforeRows, .logNotSynced, .markBeforeCommit: ["single puts"]
        case .directoryNotSynced, .targetNotSynced, .unlinkBeforeCommit, .journalNotCommitted, .stagedRowsVisible:
            ["rewrite"]
        case .newVectorsNotSynced, .staleVectorsKept: ["re-embedding", "a re-embedding in parts"]
        case .movesNotSynced, .truncateBeforeCommit, .offsetFallsEarly, .derivedFileKept: ["in place"]
        case .derivedNameNotSynced: ["rewrite", "in place"]
        case .punchBeforeCommit: ["punch"]
        case .overwriteInPlace: ["replacements"]
        case .logNameNotSynced: ["reopening"]
        case .migrationInParts: ["migration"]
        case .deadNotNoted: ["replacements"]
        case .runNotExtended: ["single puts"]
        case .newIndexNotSynced, .parentNotSynced: ["create"]
        case .checksumNotChecked, .zerosNotSynced, .logNotWrittenAgain, .checkpointBelieved, .rowsNotWrittenAgain,
            .logNotChecked, .checkpointBeforeLogName, .logOriginNotChecked, .rowsOfLogNotChecked, .markNotSynced,
            .copiedRowsNotSynced, .copiedIndexNotSynced, .copiedNamesNotSynced, .removedLogNotSynced, .placeNotSynced,
            .exchangeNotSynced, .firstStepNotSynced, .asideNotSynced, .moveNotAnnounced:
            []
        }
    }

    /// The scenarios that must find the bug.
    private static func backups(_ bug: PlantedBug) -> [BackupScenario] {
        switch bug {
        case .markNotSynced: [.whole, .appending, .restoringAnew]
        case .copiedRowsNotSynced, .copiedIndexNotSynced, .copiedNamesNotSynced:
            [.whole, .appending, .replacing, .restoring, .restoringAnew]
        case .removedLogNotSynced: [.appendingBesideALog]
        case .placeNotSynced: [.whole, .restoringAnew]
        case .exchangeNotSynced: [.replacing, .replacingInTwoSteps, .restoringInTwoSteps]
        case .firstStepNotSynced: [.restoringInTwoSteps]
        case .asideNotSynced: [.restoring]
        default: []
        }
    }

    private static func findInBackups(_ bug: PlantedBug) throws -> (by: String, what: String)? {
        var first: String?
        for scenario in backups(bug) {
            guard let what = try BackupExplorer.explore(scenario, seeds: 32, mostFailures: 1).failures.first else {
                Issue.record("not found by \(scenario)")
                return nil
            }
            first = first ?? what
        }
        return first.map { (backups(bug).map(\.rawValue).joined(separator: ", "), $0) }
    }

    /// A rotten row is copied, and after that nobody can tell any more.
    private static func findRot() throws -> String? {
        for strategy in [CompactionStrategy.rewrite, .inPlace] {
            let error = try RotTests.compactRottenRow(strategy)
            if error?.code != .damaged { return "a rotten row was copied by \(strategy)" }
        }
        return nil
    }

    /// Flips a bit in the middle of the log.
    private static func findLostCommits() throws -> String? {
        let store = try KilledStore.make(commits: 20)
        var log = store.log
        log[log.count / 2] ^= 1
        return try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try store.with(KilledStore.logName, log).write(to: path)
            do {
                let count = try VectorStore<Int64>.open(at: path, access: .readOnly).count
                return "a store of \(store.states[20].rows.count) rows opened with \(count)"
            } catch let error as VectorStoreError where error.code == .damaged { return nil }
        }
    }

    private static func findRemains() throws -> String? {
        try ErasingCrashTests.remainsAfterErasing().first
    }
}

extension CrashWorkload {
    /// The first failure; nil if all is well.
    fileprivate func firstFailure() throws -> String? {
        do { return try explore(seeds: 2, recoveryStride: 6, mostFailures: 1).failures.first } catch {
            return "without a crash: \(error)"
        }
    }
}
#else
@Suite struct PlantedBugTests {
    @Test(.disabled("compiled in only with LACUNA_PLANTED_BUGS=1, as `make test` does")) func isFound() {}
}
#endif
