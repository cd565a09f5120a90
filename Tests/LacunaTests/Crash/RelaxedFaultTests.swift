// The bug story: a batch failed inside a group, and the bytes of the batches before it were lost: they were in the same
// buffer, which the failed write had emptied. The group was committed all the same, and its rows were garbage.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Groups of relaxed durability on a disk that fails.
@Suite struct RelaxedFaultTests {
    private static let dimension = 1_024
    /// More rows than a writer gathers before it writes.
    private static let manyRows = Int64(1_000)..<2_100

    private struct Stop: Error {}

    private func vector(_ id: Int64) -> [Float] { CrashModel.vector(id, version: 1, dimension: Self.dimension) }

    private func open(_ disk: TestDisk) throws -> VectorStore<Int64> {
        try .open(
            at: disk.directory,
            fileSystem: disk.fileSystem,
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
    }

    private func withStore(_ body: (TestDisk, VectorStore<Int64>, CrashModel) throws -> Void) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let before = try {
                    let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                    try store.close()
                    return before
                }()
                try body(disk, try open(disk), before)
            }
        }
    }

    private func putMany(_ store: VectorStore<Int64>) throws {
        try store.write { batch in for id in Self.manyRows { try batch.put(vector(id), for: id) } }
    }

    private func failWrites(_ disk: TestDisk, _ errno: Int32) {
        disk.inject(DiskFault(errno: errno, matches: { $0.kind == .write && $0.isOnDataFile }))
    }

    @Test func aBatchThatMeetsAFullDiskLeavesItsGroupWhole() throws {
        try withStore { disk, store, before in
            var after = before
            try store.put(vector(100), for: 100)
            failWrites(disk, ENOSPC)
            expectError(.diskFull) { try putMany(store) }
            try store.put(vector(101), for: 101)
            try store.flush()
            for id in [Int64(100), 101] { after.put(id, vector(id), nil) }
            #expect(try store.verify().isSound)
            #expect(try CrashModel(of: store) == after)
        }
    }

    /// After an I/O error has made it unsafe, nothing of a group is committed, neither by the timer nor by closing.
    @Test(arguments: [false, true]) func anIOErrorEndsTheGroup(isCaught: Bool) throws {
        try withStore { disk, store, before in
            try store.put(vector(100), for: 100)
            failWrites(disk, EIO)
            let error = expectError(.ioError) {
                try store.write { batch in
                    do {
                        for id in Self.manyRows { try batch.put(vector(id), for: id) }
                    } catch  where isCaught { throw Stop() }
                }
            }
            #expect(error?.problem.contains("relaxed writes") == true)
            expectError(.needsReopen) { try store.put(vector(101), for: 101) }
            try store.close()
            let next = try open(disk)
            #expect(try next.verify().isSound)
            #expect(try CrashModel(of: next) == before)
        }
    }

    /// Deletes in a group work on a full disk as other deletes do; those of a failed batch don't come back.
    @Test func deletesInAGroupOnAFullDisk() throws {
        try withStore { disk, store, before in
            try store.write { batch in for id in [Int64(1), 2] { batch.delete(id) } }
            #expect(throws: Stop.self) {
                try store.write { batch in
                    batch.delete(5)
                    throw Stop()
                }
            }
            try store.write { $0.delete(4) }
            disk.inject(DiskFault(errno: ENOSPC, matches: { $0.isOnLog && $0.kind == .write }))
            try store.flush()
            #expect(disk.failures == 1)
            #expect(try CrashModel(of: store) == Scenario.delete.result(before, dimension: Self.dimension))
        }
    }

    /// Writes before a compaction or an erasure are durable before it begins, or the call says that they aren't.
    @Test func maintenanceTellsWhatWasLost() throws {
        for call in [{ try $0.compact(.rewrite) }, { try $0.erase([1]) }] as [(VectorStore<Int64>) throws -> Any] {
            try withStore { disk, store, before in
                try store.put(vector(100), for: 100)
                disk.inject(DiskFault(errno: ENOSPC, times: 1_000, matches: { $0.kind == .write && $0.isOnDataFile }))
                let error = expectError(.diskFull) { try call(store) }
                disk.inject(nil)
                #expect(error?.problem.contains("relaxed writes") == true)
                #expect(try CrashModel(of: store) == before)
                try store.flush()
            }
        }
    }

    /// Whatever fails when a group is committed, the group is in the store whole or not at all, and the call says so.
    @Test(arguments: [ENOSPC, EIO]) func everyOperationOfAFlushFails(_ errno: Int32) throws {
        var failed = true
        var count = 0
        while failed {
            try withStore { disk, store, before in
                var after = before
                for id in Int64(100)...103 {
                    try store.put(vector(id), for: id)
                    after.put(id, vector(id), nil)
                }
                disk.inject(
                    DiskFault(
                        errno: errno,
                        skipping: count,
                        matches: { errno == EIO ? true : [.write, .allocate].contains($0.kind) }
                    )
                )
                var thrown: VectorStoreError?
                do { try store.flush() } catch let error as VectorStoreError { thrown = error }
                failed = disk.failures > 0
                disk.inject(nil)
                let found = try CrashModel(of: store)
                #expect(found == (thrown == nil ? after : before) || thrown?.code == .ioError && found == after)
                if thrown?.code == .ioError { expectError(.needsReopen) { try store.flush() } }
                try store.close()
                #expect(try open(disk).verify().isSound)
            }
            count += 1
        }
        #expect(count > 1)
    }
}
