// The bug story: a sync failed, the program ended, and the next one read from the kernel's cache what the disk had never
// got: the kernel had marked the pages clean, so no later sync wrote them. The log was copied into the database, the power
// went in the middle, and neither was whole.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct CleanPagesTests {
    private static let dimension = 1_024

    /// A store for whose last commit the sync of the log failed, and whose process was killed then: the kernel's cache
    /// has the commit, and the disk doesn't. Returns it with the states before and after the commit.
    static func failedSync() throws -> (Moment, [CrashModel]) {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: dimension)
                disk.inject(DiskFault(errno: EIO, matches: { $0.kind == .sync && $0.isOnLog }))
                expectError(.ioError) { try Scenario.put.call(store, dimension: dimension) }
                let moment = disk.now
                extendLifetime(store)
                return (moment, [before, Scenario.put.result(before, dimension: dimension)])
            }
        }
    }

    /// The failures after a power cut at each moment of the next open. Any part of what that open writes may be on the
    /// disk, but nothing of what the failed sync should have written.
    static func failuresWhileTheLogIsCopied() throws -> [String] {
        let (killed, states) = try failedSync()
        let moments = try TestDisk.killed(at: killed) { disk in
            disk.record()
            try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
            return disk.moments
        }
        #expect(moments.count > 10)
        return failures(moments, states, Progress(acknowledged: 0, inFlight: 1))
    }

    /// The failures after a power cut at each of the moments.
    private static func failures(_ moments: [Moment], _ states: [CrashModel], _ progress: Progress) -> [String] {
        var failures: [String] = []
        for moment in moments {
            for survival in Survival.extremes + (1...4).map({ .some(seed: $0) }) {
                do {
                    try TestDisk.holding(moment.model.afterPowerCut(survival)) { disk in
                        try RecoveredStore.check(disk, states, progress, dimension: dimension)
                    }
                } catch {
                    failures.append("a power cut before operation \(moment.operation) that left \(survival): \(error)")
                }
            }
        }
        return failures
    }

    @Test func powerCutsWhileTheLogIsCopied() throws {
        #expect(try Self.failuresWhileTheLogIsCopied() == [])
    }

    /// While a snapshot is held, a part of the log is copied into the database, which SQLite doesn't sync. The next
    /// checkpoint copies the rest, and its sync fails: the kernel drops all of it as clean. A reader keeps SQLite's
    /// shared memory alive, which says that the database has the first part.
    ///
    /// Returns the failures after a power cut at each moment of the next open, and after that open has cut the log.
    static func failuresAfterAPartialCheckpoint() throws -> [String] {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var store: VectorStore<Int64>?
                var model: CrashModel
                (store, model) = try Scenario.prepare(disk, dimension: dimension)
                // The metadata lie on pages of their own, which later commits don't touch.
                let long = "{\"long\":\"\(String(repeating: "x", count: 20_000))\"}"
                let vector = CrashModel.vector(300, version: 0, dimension: dimension)
                try store?.put(vector, for: 300, metadataJSON: long)
                model.put(300, vector, long)
                let reader = try VectorStore<Int64>.open(
                    at: disk.directory,
                    access: .readOnly,
                    fileSystem: disk.fileSystem
                )
                func emptyLog() throws -> Bool? { try store?.writing().turn { try $0.log.empty() } }
                try reader.read { _ in
                    try store.map { try Scenario.put.call($0, dimension: dimension) }
                    #expect(try emptyLog() == false)
                }
                disk.inject(DiskFault(matches: { $0.kind == .sync && $0.name == StorePaths.indexName }))
                expectError(.ioError) { try emptyLog() }
                disk.inject(nil)
                store = nil
                disk.record()
                let next = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                model = Scenario.put.result(model, dimension: dimension)
                #expect(try CrashModel(of: next) == model)
                let moments = disk.moments + [disk.now]
                extendLifetime(reader)
                #expect(moments.last?.model.liveFiles[StorePaths.indexName + "-wal"]?.length ?? 0 > 0)
                return failures(moments, [model], Progress(acknowledged: 0))
            }
        }
    }

    @Test func powerCutsAfterAPartialCheckpoint() throws {
        #expect(try Self.failuresAfterAPartialCheckpoint() == [])
    }

    /// If the disk is full when the log or the rows must be written again (which takes room on file systems that copy
    /// on writing), nothing may be written that relies on them: for SQLite a lost frame in the middle would end the
    /// log, and later acknowledged commits would be lost with it.
    @Test(arguments: [true, false]) func noRoomToWriteAgain(_ isLog: Bool) throws {
        let (killed, states) = try Self.failedSync()
        let moment = try TestDisk.killed(at: killed) { disk in
            disk.inject(
                DiskFault(errno: ENOSPC, matches: { $0.kind == .write && (isLog ? $0.isOnLog : $0.isOnDataFile) })
            )
            expectError(.diskFull) {
                try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                    .put([Float](repeating: 3, count: Self.dimension), for: 900)
            }
            #expect(disk.failures == 1)
            let reader = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: disk.fileSystem)
            #expect(states.contains(try CrashModel(of: reader)))
            return disk.now
        }
        #expect(Self.failures([moment], states, Progress(acknowledged: 0, inFlight: 1)) == [])
    }

    /// Rows that a commit in the log names are in the kernel's cache as clean pages, and not on the disk. After the
    /// next open has written to the store, they must be on the disk.
    @Test(arguments: [Scenario.put, .replace, .inPlace, .rewrite])
    func rowsThatOnlyTheLogNames(_ scenario: Scenario) throws {
        #expect(try Self.rowsLost(after: scenario) == [])
    }

    static func rowsLost(after scenario: Scenario) throws -> [Int64] {
        let moment = try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try Scenario.prepare(disk, dimension: dimension).0
                let isEmptied = try store.writing().turn { try $0.log.empty() }
                #expect(isEmptied)
                try store.put([Float](repeating: 1, count: dimension), for: 300)
                var older = disk.now.model.liveFiles[try store.info.dataFile] ?? FileImage()
                try scenario.call(store, dimension: dimension)
                let file = try store.info.dataFile
                if scenario == .rewrite {
                    // The disk has the header of the new file.
                    older = disk.now.model.liveFiles[file] ?? FileImage()
                    older.zero(DataFileHeader.length..<older.length)
                }
                var model = disk.now.model
                model.lose(since: older, of: file)
                extendLifetime(store)
                return Moment(model: model, operation: 0, progress: Progress())
            }
        }
        return try TestDisk.killed(at: moment) { disk in
            let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            try store.put([Float](repeating: 2, count: dimension), for: 400)
            let ids = try store.ids()
            let cut = disk.now
            extendLifetime(store)
            return try TestDisk.holding(cut.model.afterPowerCut(.nothing)) { disk in
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(try store.ids() == ids)
                return try store.verify().badChecksums
            }
        }
    }
}
