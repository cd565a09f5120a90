// The bug story: a compaction copied rows without checking them. A row that had rotted in the old file was copied with
// a new checksum over the rotten bytes, the old file was removed, and from then on nothing showed that the row was
// wrong.

import Testing

@testable import Lacuna

@Suite struct RotTests {
    /// One wrong bit of one row, wherever it lies: the rewrite stops, names the id, and leaves everything as it was.
    @Test(arguments: [0, 100, 4_095]) func rewriteStopsAtARottenRow(_ byte: Int) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, model) = try Scenario.prepare(disk, dimension: 1_024)
                let path = disk.directory + "/vectors-1.f32"
                let offset = try #require(
                    try store.readers.read { try $0.slot(of: .integer(7)).map($0.record.layout.offset) }
                )
                let good = try TestFiles.read(path)[Int(offset) + byte]
                try TestFiles.overwrite(path, at: Int(offset) + byte, [good ^ 0x10])
                let before = try TestFiles.dataFiles(disk.directory)
                for _ in 0..<2 {
                    let error = #expect(throws: VectorStoreError.self) { try store.compact(.rewrite) }
                    #expect(error?.code == .damaged)
                    #expect(error?.ids == ["7"])
                    #expect(try TestFiles.dataFiles(disk.directory) == before)
                }
                #expect(try store.verify().badChecksums == [7])
                try TestFiles.overwrite(path, at: Int(offset) + byte, [good])
                #expect(try CrashModel(of: store) == model)
                try store.compact(.rewrite)
                try RecoveredStore.checkOrder(store, disk)
                #expect(try CrashModel(of: store) == model)
            }
        }
    }

    /// The error of a compaction that meets a rotten row.
    static func compactRottenRow(_ strategy: CompactionStrategy) throws -> VectorStoreError? {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, _) = try Scenario.prepare(disk, dimension: 1_024)
                // The last row, which moves with every strategy.
                let offset = try store.readers.read { try $0.slot(of: .integer(23)).map($0.record.layout.offset) }
                let path = disk.directory + "/vectors-1.f32"
                let place = Int(try #require(offset)) + 100
                try TestFiles.overwrite(path, at: place, [try TestFiles.read(path)[place] ^ 0x10])
                do { try store.compact(strategy) } catch { return error as? VectorStoreError }
                return nil
            }
        }
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace]) func noCompactionCopiesARottenRow(
        _ strategy: CompactionStrategy
    ) throws {
        let error = try Self.compactRottenRow(strategy)
        #expect(error?.code == .damaged && error?.ids == ["23"])
    }

    /// An error of the caller's progress closure stops the rewrite, which leaves the store as it was.
    @Test func stoppedByTheCaller() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, model) = try Scenario.prepare(disk, dimension: 1_024)
                #expect(throws: CancellationError.self) {
                    try store.compact(.rewrite) { _ in throw CancellationError() }
                }
                try RecoveredStore.checkOrder(store, disk)
                #expect(try CrashModel(of: store) == model)
            }
        }
    }
}
