// The bug story: the disk was full, and the store could neither be written to nor emptied. An error was swallowed, so
// that a compaction that had failed half way was followed by one that worked, and because of the first one's journal
// entry the next open called the store damaged. After a failed fsync a program tried again, got no error (the kernel
// had marked the pages clean), and lost acknowledged data at the next power cut.

import Synchronization
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct IOFaultTests {
    private static let dimension = 1_024

    /// After a write that met an I/O error, the handle refuses others. After a compaction that met one, it does so only
    /// if going on is unsafe: an error in the compaction's target, or in its reading, doesn't concern the store.
    static func checkRefusal(_ store: VectorStore<Int64>, _ scenario: Scenario) throws {
        do {
            #expect(try store.delete(999) == false)
            #expect(scenario.isCompaction, "the handle should have refused")
        } catch { #expect(error.code == .needsReopen) }
    }

    /// SQLite's log can't grow: the data file's tail makes room, and the delete works.
    @Test(arguments: [false, true]) func deletingOnAFullDisk(inABatch: Bool) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                let size = try store.space.logicalBytes
                disk.inject(DiskFault(errno: ENOSPC, matches: { $0.isOnLog && $0.kind == .write }))
                if inABatch {
                    try store.write { batch in for id in [Int64(1), 2, 4] { batch.delete(id) } }
                } else {
                    #expect(try store.delete([1, 2, 4]) == 3)
                }
                #expect(disk.failures == 1)
                #expect(try store.space.logicalBytes < size)
                let after = Scenario.delete.result(before, dimension: Self.dimension)
                #expect(try CrashModel(of: store) == after)
                try store.close()
                try RecoveredStore.check(
                    disk,
                    [after],
                    Progress(acknowledged: 0),
                    dimension: Self.dimension
                )
            }
        }
    }

    /// The database can't grow either, so that the log can't be emptied into it: the room from the tail is enough.
    @Test func deletingOnADiskTooFullToCheckpoint() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                disk.inject(DiskFault(errno: ENOSPC, times: 2, matches: { $0.isSQLite && $0.kind == .write }))
                #expect(try store.delete([1, 2, 4]) == 3)
                #expect(disk.failures == 2)
                #expect(try CrashModel(of: store) == Scenario.delete.result(before, dimension: Self.dimension))
            }
        }
    }

    /// A killed process left a log, and the database has no room for it: the store opens, and rows can be deleted.
    @Test func openingOnADiskTooFullToCheckpoint() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let before = try {
                    let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                    disk.stop(after: 0)
                    extendLifetime(store)
                    return before
                }()
                disk.restart()
                disk.inject(
                    DiskFault(
                        errno: ENOSPC,
                        times: .max,
                        matches: { $0.isSQLite && !$0.isOnLog && $0.kind == .write }
                    )
                )
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(disk.failures > 0)
                #expect(try CrashModel(of: store) == before)
                #expect(try store.delete([1, 2, 4]) == 3)
            }
        }
    }

    /// A rewrite waits for writes before its last sync, and that wait may be the only call that reports an error: then
    /// the copy is given up, and nothing else.
    @Test func writingBackARewriteFails() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try Scenario.prepare(disk, dimension: Self.dimension).0
                // More bytes than a rewrite may be ahead of the disk.
                try store.write { batch in
                    for id in Int64(1_000)..<2_500 {
                        try batch.put(CrashModel.vector(id, version: 0, dimension: Self.dimension), for: id)
                    }
                }
                let before = try CrashModel(of: store)
                disk.inject(DiskFault(errno: EIO, matches: { $0.kind == .writeback }))
                expectError(.ioError) { try store.compact(.rewrite) }
                #expect(disk.failures == 1)
                disk.inject(nil)
                #expect(try CrashModel(of: store) == before)
                #expect(try store.delete(999) == false)
                try store.close()
                let next = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(try CrashModel(of: next) == before)
                try next.compact(.rewrite)
                #expect(try CrashModel(of: next) == before)
            }
        }
    }

    /// There is no room to rebuild the index, and then the log can't be emptied either: the call must report the error
    /// of the disk, and the handle must refuse to write.
    @Test func erasingOnAFullDiskThatFails() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try Scenario.prepare(disk, dimension: Self.dimension).0
                let isEmptied = Atomic(false)
                let fault = DiskFault(errno: ENOSPC, times: 2) { operation in
                    guard operation.isOnLog else { return false }
                    // The log is emptied for the first time before the index is rebuilt.
                    if operation.kind == .truncate { return isEmptied.exchange(true, ordering: .relaxed) }
                    return operation.kind == .write && isEmptied.load(ordering: .relaxed)
                }
                disk.inject(fault)
                expectError(.ioError) { try store.erase(Scenario.deleted) }
                #expect(disk.failures == 2)
                disk.inject(nil)
                try Self.checkRefusal(store, .erase)
            }
        }
    }

    /// After a failed sync the kernel treats the pages as clean: they never reach the disk unless they are written
    /// again. Here every sync of a call fails; then the store is opened again, written to, and the power is cut.
    ///
    /// This is tried with a reader that keeps SQLite's shared memory alive, and without one.
    @Test(arguments: Scenario.allCases, Aftermath.allCases)
    func failedSyncThenPowerCut(_ scenario: Scenario, _ aftermath: Aftermath) throws {
        var failed = true
        var count = 0
        while failed {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    do { failed = try failSync(scenario, at: count, aftermath, disk) } catch {
                        Issue.record("sync \(count): \(error)")
                        failed = false
                    }
                }
            }
            count += 1
        }
        #expect(count > 1)
    }

    enum Aftermath: CaseIterable, Sendable {
        case closed, closedBesideAReader, killed, killedWhileRead

        var isKilled: Bool { self == .killed || self == .killedWhileRead }
        var isRead: Bool { self == .killedWhileRead }
    }

    private func failSync(_ scenario: Scenario, at count: Int, _ aftermath: Aftermath, _ disk: TestDisk) throws -> Bool
    {
        var failed = false
        var other: VectorStore<Int64>?
        let before = try {
            let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
            if aftermath.isRead { #expect(try store.count == before.rows.count) }
            if aftermath == .closedBesideAReader {
                other = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: disk.fileSystem)
            }
            disk.inject(DiskFault(errno: EIO, skipping: count, matches: { $0.kind == .sync }))
            do { try scenario.call(store, dimension: Self.dimension) } catch let error as VectorStoreError {
                #expect(error.code == .ioError)
                try Self.checkRefusal(store, scenario)
            }
            failed = disk.failures > 0
            disk.inject(nil)
            if aftermath.isKilled { disk.stop(after: 0) }
            extendLifetime(store)
            return before
        }()
        disk.restart()
        var states = [before, scenario.result(before, dimension: Self.dimension)]
        let vector = CrashModel.vector(500, version: 9, dimension: Self.dimension)
        let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
        try store.put(vector, for: 500)
        for index in states.indices { states[index].put(500, vector, nil) }
        let moment = disk.now
        extendLifetime(store)
        extendLifetime(other)
        for survival in Survival.extremes {
            try TestDisk.holding(moment.model.afterPowerCut(survival)) { disk in
                try RecoveredStore.check(
                    disk,
                    states,
                    Progress(acknowledged: 0, inFlight: 1),
                    dimension: Self.dimension
                )
            }
        }
        return failed
    }

    /// A commit may have reached the disk although its sync failed. A reader keeps SQLite's shared memory alive, which
    /// says that there was no such commit. The next writer puts its rows into the same slots, and the power is cut
    /// before its own commit: the failed commit must not come back and name these rows.
    @Test func failedSyncThatReachedTheDisk() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                let reader = try VectorStore<Int64>.open(
                    at: disk.directory,
                    access: .readOnly,
                    fileSystem: disk.fileSystem
                )
                disk.inject(DiskFault(reachesDisk: true, matches: { $0.kind == .sync && $0.isOnLog }))
                let error = #expect(throws: VectorStoreError.self) {
                    try Scenario.put.call(store, dimension: Self.dimension)
                }
                #expect(error?.code == .ioError)
                disk.inject(nil)
                try store.close()
                disk.record()
                let next = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                let vector = CrashModel.vector(500, version: 9, dimension: Self.dimension)
                try next.put(vector, for: 500)
                extendLifetime(reader)
                let failed = Scenario.put.result(before, dimension: Self.dimension)
                var states = [before, failed, before, failed]
                for index in 2..<4 { states[index].put(500, vector, nil) }
                for moment in disk.moments { try checkAny(moment, states) }
            }
        }
    }

    private func checkAny(_ moment: Moment, _ states: [CrashModel]) throws {
        try TestDisk.holding(moment.model.afterPowerCut(.nothing)) { disk in
            let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            #expect(try store.verify().isSound, "power cut before operation \(moment.operation)")
            let found = try CrashModel(of: store)
            #expect(states.contains(found), "power cut before operation \(moment.operation)")
        }
    }
}
