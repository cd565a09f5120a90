// The bug story: one hole punched for each deleted row freed nothing while a row was smaller than a block, and the
// report counted bytes that the file system had never given back. When holes were rounded outwards to whole blocks,
// they destroyed live neighbours, which nobody noticed until the next read.

import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct PunchTests {
    private static let rows = 300

    private func withStore(
        dimension: Int,
        punchError: Int32? = nil,
        _ body: (TestDisk, VectorStore<Int64>) throws -> Void
    ) throws {
        try TestFiles.withDirectory(onDisk: true) { parent in
            try TestDisk.with(parent + "/store") { disk in
                var fileSystem = disk.fileSystem
                fileSystem.syncsReally = true
                fileSystem.punchError = punchError
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: dimension, metric: .dot),
                    fileSystem: fileSystem
                )
                try store.write { batch in
                    for id in Int64(1)...Int64(Self.rows) {
                        try batch.put(CrashModel.vector(id, version: 0, dimension: dimension), for: id)
                    }
                }
                try body(disk, store)
            }
        }
    }

    private func status(_ disk: TestDisk) throws -> FileStatus {
        try #require(try Directory.status(disk.directory + "/vectors-1.f32"))
    }

    /// The file's bytes of each live row, which holes must not touch.
    private func liveBytes(_ disk: TestDisk, _ store: VectorStore<Int64>) throws -> [Int64: ArraySlice<UInt8>] {
        let file = try TestFiles.read(disk.directory + "/vectors-1.f32")
        return try store.readers.read { snapshot in
            var rows: [Int64: ArraySlice<UInt8>] = [:]
            try snapshot.index.forEachRow(snapshot.record.generation) { id, slot in
                guard case .integer(let id) = id else { return }
                let bytes = snapshot.record.layout.offsets(slot..<slot.advanced(by: 1))
                rows[id] = file[Int(bytes.lowerBound)..<Int(bytes.upperBound)]
            }
            return rows
        }
    }

    @Test(arguments: [64, 1_000, 1_024, 1_500, 2_048]) func neighboursAreNotTouched(_ dimension: Int) throws {
        try withStore(dimension: dimension) { disk, store in
            var generator = SplitMix64(seed: UInt64(dimension))
            for _ in 0..<4 {
                // Single rows here and there, and a group of neighbours, also of rows that died in an earlier round.
                let start = Int64.random(in: 1...Int64(Self.rows - 100), using: &generator)
                let dead = try store.ids().filter { id in
                    (start..<start + 60).contains(id) || Int.random(in: 0..<8, using: &generator) == 0
                }
                try store.delete(dead)
                let before = try liveBytes(disk, store)
                let model = try CrashModel(of: store)
                let statusBefore = try status(disk)
                let report = try store.compact(.punch)
                let statusAfter = try status(disk)
                #expect(try liveBytes(disk, store) == before)
                #expect(try CrashModel(of: store) == model)
                #expect(statusAfter.size == statusBefore.size)
                if report.strategy == .punch {
                    #expect(report.allocatedBytesBefore == statusBefore.allocated)
                    #expect(report.allocatedBytesAfter == statusAfter.allocated)
                    #expect(statusAfter.allocated < statusBefore.allocated)
                }
                #expect(try store.verify().isSound)
            }
            #expect(disk.log.contains { $0.kind == .punch })
        }
    }

    /// 128 rows share a block, and die one after the other: none of the deletes frees a block, all together do.
    @Test func singleRowsCoalesce() throws {
        try withStore(dimension: 8) { disk, store in
            for remainder in 0..<4 {
                try store.delete((1...Int64(Self.rows)).filter { $0 % 4 == Int64(remainder) && $0 != 1 })
            }
            let expected = try store.compactionPlan(.punch).reclaimedBytes
            let before = try status(disk).allocated
            let report = try store.compact(.punch)
            let after = try status(disk).allocated
            #expect(before - after >= Int64(Self.rows) * 32 / 4_096 * 4_096 - 4_096)
            #expect(before - after == expected)
            #expect(report.allocatedBytesBefore - report.allocatedBytesAfter == before - after)
            #expect(try store.vector(for: 1) == CrashModel.vector(1, version: 0, dimension: 8))
        }
    }

    /// If the file system can't make holes, the dead rows are zeroed, and the report says that nothing was freed.
    @Test(arguments: [EOPNOTSUPP, ENOSYS]) func withoutHoles(_ errno: Int32) throws {
        try withStore(dimension: 1_000, punchError: errno) { disk, store in
            try store.delete(Array(100...140))
            let before = try liveBytes(disk, store)
            let report = try store.compact(.punch)
            #expect(report.allocatedBytesBefore == report.allocatedBytesAfter)
            #expect(try liveBytes(disk, store) == before)
            let file = try TestFiles.read(disk.directory + "/vectors-1.f32")
            #expect(file[(4_096 + 99 * 4_000)..<(4_096 + 140 * 4_000)].allSatisfy { $0 == 0 })
            #expect(try store.verify().isSound)
        }
    }

    /// A row that a reader holds stays as it is after its deletion, and is released when the reader has ended.
    @Test func readersAreWaitedFor() throws {
        try withStore(dimension: 1_024) { disk, store in
            let reader = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: disk.fileSystem)
            let expected = CrashModel.vector(50, version: 0, dimension: 1_024)
            let found = try reader.withVector(for: 50) { row in
                try store.delete(Array(40...60))
                for _ in 0..<2 {
                    let error = #expect(throws: VectorStoreError.self) { try store.compact(.punch, .waiting(0)) }
                    #expect(error?.code == .busy)
                }
                #expect(!disk.log.contains { $0.kind == .punch })
                // The writer goes on meanwhile, and so do new readers.
                try store.put(expected, for: 10_000)
                #expect(try store.vector(for: 50) == nil)
                return row.indices.allSatisfy { row[$0] == expected[$0] }
            }
            #expect(found == true)
            #expect(try store.compact(.punch, .waiting(0)).strategy == .punch)
            #expect(disk.log.contains { $0.kind == .punch })
            #expect(try store.verify().isSound)
        }
    }
}
