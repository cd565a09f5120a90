// The bug story: an erasure was killed half-way, and the next start found nothing to do: the rows were deleted, so
// nobody would ever ask for them again, and their bytes stayed. Or everything went well, until a power cut brought back
// an old log, or a file whose name had been removed without a sync.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct ErasingCrashTests {
    private static let dimension = 64
    private static let ids: [Int64] = [1, 2, 3, 4, 5, 11, 12, 20, 21]

    /// A small store with a past: replaced rows, changed metadata, a rewrite that was stopped and a batch that failed.
    private func prepare(_ disk: TestDisk) throws -> (VectorStore<Int64>, ErasedRows<Int64>) {
        let store = try VectorStore<Int64>.create(
            at: disk.directory,
            configuration: .init(dimension: Self.dimension, metric: .dot),
            fileSystem: disk.fileSystem
        )
        var rows = ErasedRows<Int64>(dimension: Self.dimension, seed: 7, metadataCopies: [1, 2, 10, 400])
        try rows.fill(store, (1...24).map { $0 })
        try rows.change(store)
        #expect(throws: CancellationError.self) {
            try store.compact(.rewrite) { if $0.done > 0 { throw CancellationError() } }
        }
        return (store, rows)
    }

    /// Checks that either the erasure never began, and all rows are there, or nothing of the erased rows is.
    private func check(_ disk: TestDisk, _ before: ErasedRows<Int64>, mustBeGone: Bool) throws {
        let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
        var rows = before
        let remains = rows.remains(of: Self.ids)
        let isDeleted = try !store.contains(Self.ids[0])
        #expect(isDeleted || !mustBeGone)
        try (isDeleted ? rows : before).expectSurvivors(store)
        try RecoveredStore.checkOrder(store, disk)
        try store.close()
        if isDeleted { #expect(try remains.find(in: disk.directory) == []) }
    }

    @Test func killedAtEveryOperation() throws {
        var stopped = true
        var count = 0
        while stopped {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    let rows = try {
                        let (store, rows) = try prepare(disk)
                        disk.stop(after: count)
                        do { try store.erase(Self.ids) } catch { try #require(disk.isStopped, "\(error)") }
                        stopped = disk.isStopped
                        return rows
                    }()
                    disk.restart()
                    do { try check(disk, rows, mustBeGone: !stopped) } catch {
                        Issue.record("killed after \(count) operations: \(error)")
                    }
                }
            }
            count += 1
        }
        #expect(count > 30)
    }

    /// The power is cut while rows are erased, and again while the next open completes the erasure. After the call has
    /// returned, no file that may be on the disk has anything of the rows, even if nobody has opened the store again.
    @Test func powerCuts() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try prepare(disk)
                var rows = before
                let remains = rows.remains(of: Self.ids)
                disk.record()
                try store.erase(Self.ids)
                let last = disk.now
                let moments = disk.moments
                disk.record(false)
                #expect(moments.count > 5)
                for survival in Survival.extremes {
                    for (name, image) in last.model.afterPowerCut(survival) ?? [:] {
                        #expect(remains.find(in: image.bytes) == [], "\(name), \(survival)")
                    }
                    for moment in moments {
                        do { try cutAgain(moment, survival, before) } catch {
                            Issue.record("power cut before operation \(moment.operation) (\(survival)): \(error)")
                        }
                    }
                }
                try rows.expectSurvivors(store)
            }
        }
    }

    /// The remains of erased rows on the disk, if the power is cut after the erasure has returned.
    static func remainsAfterErasing() throws -> [String] {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var (store, rows) = try ErasingCrashTests().prepare(disk)
                let remains = rows.remains(of: ids)
                try store.erase(ids)
                return Survival.extremes.flatMap { survival in
                    (disk.now.model.afterPowerCut(survival) ?? [:]).flatMap { name, image in
                        remains.find(in: image.bytes).map { "\(name): \($0) after a power cut that left \(survival)" }
                    }
                }
            }
        }
    }

    private func cutAgain(_ moment: Moment, _ survival: Survival, _ rows: ErasedRows<Int64>) throws {
        var second: [Moment] = []
        try TestDisk.holding(moment.model.afterPowerCut(survival)) { disk in
            disk.record()
            try check(disk, rows, mustBeGone: false)
            second = disk.moments
        }
        // Only every fifth moment is tried, since most are writes of the same kind.
        for (index, inner) in second.enumerated() where index % 5 == moment.operation % 5 {
            try TestDisk.holding(inner.model.afterPowerCut(survival)) { try check($0, rows, mustBeGone: false) }
        }
    }

    /// The sync of the zeros fails, and leaves them only in the kernel's cache: an erasure that goes on finds zeros
    /// there, while the disk still has the rows.
    @Test func aSyncOfZerosThatFails() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var (store, rows) = try prepare(disk)
                let remains = rows.remains(of: Self.ids)
                // After this, the rows are not among those that the next open writes again.
                _ = try store.writing().turn { try $0.log.empty() }
                disk.inject(DiskFault(matches: { $0.kind == .sync && $0.isOnDataFile }))
                let error = #expect(throws: VectorStoreError.self) { try store.erase(Self.ids) }
                #expect(error?.code == .ioError && disk.failures == 1)
                disk.inject(nil)
                try? store.close()
                try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
                for (name, image) in disk.now.model.afterPowerCut(.nothing) ?? [:] {
                    #expect(remains.find(in: image.bytes) == [], "\(name)")
                }
            }
        }
    }

    /// A file that a rewrite has replaced, and that couldn't be removed then, has the rows too.
    @Test func retiredFilesGo() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var (store, rows) = try prepare(disk)
                disk.inject(DiskFault(times: .max, matches: { $0.kind == .unlink }))
                try store.compact(.rewrite)
                disk.inject(nil)
                #expect(TestFiles.exists(disk.directory + "/vectors-1.f32"))
                let remains = rows.remains(of: Self.ids)
                try store.erase(Self.ids)
                let moment = disk.now
                for survival in Survival.extremes {
                    for (name, image) in moment.model.afterPowerCut(survival) ?? [:] {
                        #expect(remains.find(in: image.bytes) == [], "\(name), \(survival)")
                    }
                }
                try store.close()
                #expect(try remains.find(in: disk.directory) == [])
            }
        }
    }

    /// The index can't be rebuilt because the disk is full: the rows are deleted, the space written so far is given
    /// back, and the erasure goes on once there is room.
    @Test func withoutRoomForTheIndex() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var (store, rows) = try prepare(disk)
                let before = rows
                let remains = rows.remains(of: Self.ids)
                var skipped = 0
                var failed = true
                while failed {
                    disk.inject(
                        DiskFault(
                            errno: ENOSPC,
                            skipping: skipped,
                            times: .max,
                            matches: { $0.isOnLog && $0.kind == .write }
                        )
                    )
                    do { try store.erase(Self.ids) } catch let error as VectorStoreError {
                        #expect(error.code == .diskFull)
                    }
                    failed = disk.failures > 0
                    disk.inject(nil)
                    let isDeleted = try !store.contains(Self.ids[0])
                    try (isDeleted ? rows : before).expectReadable(store)
                    skipped += 1
                }
                #expect(skipped > 10)
                try rows.expectSurvivors(store)
                try store.close()
                #expect(try remains.find(in: disk.directory) == [])
            }
        }
    }
}
