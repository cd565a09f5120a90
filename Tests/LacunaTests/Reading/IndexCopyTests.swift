import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Copies of the index in the temporary directory: who may make them, and who removes them.
@Suite struct IndexCopyTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func makeStore() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4, metric: .dot))
        try store.write { batch in for id in Int64(1)...50 { try batch.put([Float(id), 1, 2, 3], for: id) } }
        try store.close()
    }

    /// Makes a directory as a killed process leaves it. The next process that makes a copy removes it, unless its lock
    /// is held.
    private func leftOver(_ files: [String]) throws -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let name = "lacuna-index-" + String((0..<6).map { _ in letters.randomElement() ?? "x" })
        let path = TemporaryFiles.directory + "/" + name
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        for file in files { try write(Data("rows".utf8), to: path + "/" + file) }
        return path
    }

    private func makeCopy() throws { _ = try IndexCopy(StorePaths(scratch.store), SystemFileSystem()) }

    // MARK: Copies of killed processes

    @Test func aKilledProcesssCopyGoes() throws {
        try makeStore()
        let path = try leftOver(["index.sqlite", "index.sqlite-wal", "index.sqlite-shm", IndexCopy.lockName])
        try makeCopy()
        #expect(!exists(path))
    }

    @Test func aCopyInUseStays() throws {
        try makeStore()
        let path = try leftOver(["index.sqlite", IndexCopy.lockName])
        defer { try? remove(path) }
        let lock = try FileLock(IndexCopy.lockName, in: Directory(path), create: false)
        #expect(try lock.tryLock(exclusive: true))
        try makeCopy()
        #expect(exists(path + "/index.sqlite"))
        lock.unlock()
    }

    /// Somebody may have given a store, or a part of one, such a name.
    @Test(arguments: [["index.sqlite", "writer.lock", IndexCopy.lockName], ["index.sqlite"], []])
    func whatIsNoCopyStays(_ names: [String]) throws {
        try makeStore()
        let path = try leftOver(names)
        defer { try? remove(path) }
        try makeCopy()
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == names.sorted())
    }

    @Test func whatOthersMayReadIsNoCopy() throws {
        try makeStore()
        let path = try leftOver(["index.sqlite", IndexCopy.lockName])
        defer { try? remove(path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        try makeCopy()
        #expect(exists(path + "/index.sqlite"))
    }

    @Test func twoCopiesDontTakeEachOtherAway() throws {
        try makeStore()
        let paths = try StorePaths(scratch.store)
        let first = try IndexCopy(paths, SystemFileSystem())
        let second = try IndexCopy(paths, SystemFileSystem())
        for copy in [first, second] {
            #expect(try copy.directory.names() == ["index.sqlite", IndexCopy.lockName])
        }
    }

    /// Salvage's one connection has all files open.
    @Test func salvagesCopyHasNoNameWhileItIsRead() throws {
        try makeStore()
        let source = try SalvageSource(StorePaths(scratch.store), SystemFileSystem())
        let copy = try #require(source.indexCopy)
        #expect(!exists(copy.directory.path))
        var ids: [SQLValue] = []
        let lost = try source.index?.forEachRemainingRow(1) { id, _ in if let id { ids.append(id) } }
        #expect(lost == nil && ids.count == 50)
    }

    // MARK: Beside open handles

    /// Closing the copy's descriptor would drop the locks of every connection of this process.
    @Test func salvageIsRefusedBesideAReadingHandle() throws {
        try makeStore()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let error = expectError(.busy) { try VectorStoreRecovery.salvage(at: scratch.store) { _ in } }
        #expect(error?.remedy.description.contains("close those handles") == true)
        #expect(try reader.ids().count == 50)
        try reader.close()
        #expect(try VectorStoreRecovery.salvage(at: scratch.store) { _ in }.verified == 50)
    }

    /// Handles are found by directory, not by path.
    @Test func salvageIsRefusedByAnotherPath() throws {
        try makeStore()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let link = scratch.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: scratch.store)
        expectError(.busy) { try VectorStoreRecovery.salvage(at: link) { _ in } }
        try reader.close()
        #expect(try VectorStoreRecovery.salvage(at: link) { _ in }.verified == 50)
    }

    @Test func noConnectionComesWhileTheIndexIsCopied() throws {
        try makeStore()
        let paths = try StorePaths(scratch.store)
        try OpenConnections.excluded(from: paths.directory) { () throws(VectorStoreError) in
            expectError(.busy) { try VectorStore<Int64>.open(at: scratch.store, access: .readOnly) }
            expectError(.busy) { try IndexCopy(paths, SystemFileSystem()) }
        }
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).count == 50)
    }

    @Test func anErrorOfTheTemporaryDirectoryNamesItAndTheCure() {
        for (errno, code) in [
            (ENOSPC, VectorStoreError.Code.diskFull), (EDQUOT, .diskFull), (EACCES, .permissionDenied),
            (EROFS, .readOnly), (ENOENT, .ioError), (ENOTDIR, .ioError),
        ] {
            let error = VectorStoreError(
                temporary: SystemError(errno: errno, call: "create a temporary directory in", path: "/there")
            )
            #expect(error.code == code && error.problem.contains("/there"))
            #expect(error.remedy.description.contains("set TMPDIR"))
        }
    }
}
