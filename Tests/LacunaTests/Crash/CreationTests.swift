// The bug story: `create` was called at a path where something was already. The data file of an empty store was
// replaced by one with another UUID before `create` checked whether the index was a store's. Somebody else's directory
// was refused, but only after a lock file had been put into it.

import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct CreationTests {
    private func create(_ disk: TestDisk) throws -> VectorStore<Int64> {
        try VectorStore<Int64>.create(
            at: disk.directory,
            configuration: .init(dimension: 8, metric: .dot),
            fileSystem: disk.fileSystem
        )
    }

    private func contents(_ directory: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try Directory.names(directory) { files[name] = try TestFiles.read(directory + "/" + name) }
        return files
    }

    /// After a kill at any operation, only `create` accepts what is left, and finishes it.
    @Test func killedAtEveryOperation() throws {
        var stopped = true
        var count = 0
        while stopped {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    disk.stop(after: count)
                    do { try create(disk).close() } catch { try #require(disk.isStopped, "\(error)") }
                    stopped = disk.isStopped
                    disk.restart()
                    do { try check(disk) } catch { Issue.record("killed after \(count) operations: \(error)") }
                }
            }
            count += 1
        }
        #expect(count > 10)
    }

    private func check(_ disk: TestDisk) throws {
        do {
            try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
        } catch let error as VectorStoreError {
            #expect([.notAStore, .noSuchStore].contains(error.code), "\(error)")
            try create(disk).close()
        }
        let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
        try RecoveredStore.checkOrder(store, disk)
        try store.put([1, 2, 3, 4, 5, 6, 7, 8], for: 1)
        try store.close()
    }

    /// A creation that failed because the disk was full leaves nothing that stops the next one.
    @Test(arguments: [ENOSPC, EIO]) func failsAtEveryOperation(_ errno: Int32) throws {
        var failed = true
        var count = 0
        while failed {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    disk.inject(DiskFault(errno: errno, skipping: count, matches: { $0.kind.changesFiles }))
                    do { try create(disk).close() } catch let error as VectorStoreError {
                        #expect([.diskFull, .ioError].contains(error.code), "\(error)")
                    }
                    failed = disk.failures > 0
                    disk.inject(nil)
                    do { try check(disk) } catch { Issue.record("failed at operation \(count): \(error)") }
                }
            }
            count += 1
        }
        #expect(count > 10)
    }

    /// If a descriptor of the index is closed while another thread has the store open, the locks of that thread are
    /// dropped. Then another process that reads the index removes the log under the writer.
    @Test(.enabled(if: Program.sqlite.isInstalled, "needs the sqlite3 shell"))
    func aReaderThatOpensAtOnceKeepsItsLocks() throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let reader = Guarded<VectorStore<Int64>?>(nil)
            let fileSystem = OpeningFileSystem {
                reader.withLock { $0 = try? VectorStore<Int64>.open(at: path, access: .readOnly) }
            }
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: 8, metric: .dot),
                fileSystem: fileSystem
            )
            #expect(reader.withLock { $0 } != nil)
            try store.put([1, 2, 3, 4, 5, 6, 7, 8], for: 1)
            #expect(
                try Program.sqlite.run([path + "/index.sqlite", "SELECT count(*) FROM vectors"]).text == "1\n"
            )
            #expect(TestFiles.exists(path + "/index.sqlite-wal"))
        }
    }

    private struct OpeningFileSystem: FileSystemLayer {
        let hasRenamed: @Sendable () -> Void

        func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
            try below.rename(name, to: newName, in: directory)
            hasRenamed()
        }
    }

    @Test func refusesAStoreWithoutRowsUntouched() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                try create(disk).close()
                let before = try contents(disk.directory)
                let error = #expect(throws: VectorStoreError.self) { try create(disk) }
                #expect(error?.code == .alreadyExists)
                #expect(try contents(disk.directory)["vectors-1.f32"] == before["vectors-1.f32"])
                try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
            }
        }
    }

    /// A damaged store is not an unfinished one: making its data file anew would hide the loss.
    @Test func refusesAStoreWhoseDataFileIsMissing() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try create(disk)
                try store.put([1, 2, 3, 4, 5, 6, 7, 8], for: 1)
                try store.close()
                TestFiles.remove(disk.directory + "/vectors-1.f32")
                let error = #expect(throws: VectorStoreError.self) { try create(disk) }
                #expect(error?.code == .alreadyExists)
                #expect(!TestFiles.exists(disk.directory + "/vectors-1.f32"))
            }
        }
    }

    @Test(arguments: ["letter.txt", "vectors-1.f32", "vectors-2.f32", "index.sqlite"])
    func refusesAForeignDirectoryUntouched(_ name: String) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                try TestFiles.makeDirectory(disk.directory)
                try TestFiles.write(Array("somebody's own notes".utf8), to: disk.directory + "/" + name)
                let before = try contents(disk.directory)
                let error = #expect(throws: VectorStoreError.self) { try create(disk) }
                #expect([.alreadyExists, .notAStore, .damaged].contains(error?.code))
                #expect(try contents(disk.directory) == before)
            }
        }
    }
}
