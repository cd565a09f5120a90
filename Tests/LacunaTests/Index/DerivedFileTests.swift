import Foundation
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Later versions may derive files from the rows. This version ignores them, and leaves none that is outdated.
@Suite struct DerivedFileTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1_024, metric: .euclidean))
        try store.write { batch in
            for id in Int64(1)...20 { try batch.put([Float](repeating: Float(id), count: 1_024), for: id) }
        }
        try store.delete([2, 5, 6])
        try DerivedIDs.make(store, 1, SystemFileSystem())
    }

    private var file: String { scratch.file(DerivedIDs.name(1)) }
    private var isThere: Bool { FileManager.default.fileExists(atPath: file) }
    private var listed: Int {
        get throws { try rawConnection(scratch.index).rows(1, "SELECT name FROM files").count }
    }

    private func expectSound() throws {
        let report = try store.verify()
        #expect(report.isSound && report.unknownFiles == [])
        let query = [Float](repeating: 7, count: 1_024)
        #expect(try store.search(for: query, limit: 2).map(\.id) == [7, 8])
    }

    @Test func itIsPassedOver() throws {
        try expectSound()
        try store.close()
        let report = try VectorStoreRecovery.recover(at: scratch.store)
        #expect(report.state == .clean && report.actions.isEmpty)
        #expect(isThere)
        try FileManager.default.removeItem(atPath: file)
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
        #expect(try VectorStore<Int64>.open(at: scratch.store).verify().isSound)
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace])
    func whatMovesRowsRemovesIt(_ strategy: CompactionStrategy) throws {
        try store.compact(strategy)
        #expect(try !isThere && listed == 0)
        try expectSound()
    }

    @Test func punchingKeepsIt() throws {
        try store.compact(.punch)
        #expect(try isThere && listed == 1)
        try expectSound()
    }

    @Test func erasingRemovesIt() throws {
        try store.erase([3])
        #expect(try !isThere && listed == 0)
        try expectSound()
    }

    /// A crash comes between the commit that gives up the file and the file's removal.
    @Test func recoveryRemovesWhatWasGivenUp() throws {
        try store.close()
        try tamper(scratch.index, "UPDATE files SET generation = 0")
        let plan = try VectorStoreRecovery.recover(at: scratch.store, dryRun: true)
        #expect(plan.state == .recovered && isThere)
        #expect(plan.actions.map(\.kind) == [.removeFile] && plan.actions.map(\.file) == [DerivedIDs.name(1)])
        #expect(plan.actions.map(\.bytes) == [160])
        #expect(try VectorStoreRecovery.recover(at: scratch.store).actions.map(\.file) == [DerivedIDs.name(1)])
        #expect(try !isThere && listed == 0)
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
    }

    /// A prepared index may list anything.
    @Test(arguments: ["writer.lock", "vectors-1.f32", "notes.txt", "../notes.txt", "derived-.ids", "derived-1.IDS"])
    func aNameThatNoDerivedFileHasIsLeftAlone(_ name: String) throws {
        try store.close()
        let path = URL(fileURLWithPath: scratch.file(name)).standardized.path
        if !FileManager.default.fileExists(atPath: path) { try Data("mine".utf8).write(to: URL(fileURLWithPath: path)) }
        try tamper(scratch.index, "INSERT INTO files VALUES ('\(name)', 0, 'ids', 0, 0)")
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    /// A name that isn't a regular file's is left alone too: its row goes, and nothing waits for a file.
    @Test func aDirectoryOfTheNameIsLeftAlone() throws {
        try store.close()
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        try tamper(scratch.index, "UPDATE files SET generation = 0")
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
        #expect(isThere)
        #expect(try listed == 0)
    }

    /// A full disk doesn't keep anybody from opening the store.
    @Test func theRowStaysOnAFullDisk() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                func open() throws -> VectorStore<Int64> {
                    try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                }
                func rows() throws -> Int {
                    try rawConnection(disk.directory + "/index.sqlite").rows(1, "SELECT name FROM files").count
                }
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: 8),
                    fileSystem: disk.fileSystem
                )
                try store.put([Float](repeating: 1, count: 8), for: 1)
                try DerivedIDs.make(store, 1, disk.fileSystem)
                try store.close()
                try tamper(disk.directory + "/index.sqlite", "UPDATE files SET generation = 0")
                disk.inject(DiskFault(errno: ENOSPC, times: 1_000, matches: { $0.isOnLog && $0.kind == .write }))
                let opened = try open()
                #expect(disk.failures > 0)
                disk.inject(nil)
                #expect(try opened.count == 1)
                try opened.close()
                #expect(try rows() == 1)
                try open().close()
                #expect(try rows() == 0)
            }
        }
    }

    @Test func aBackupHasNone() throws {
        let backup = scratch.file("../backup")
        try store.backup(to: backup)
        #expect(try rawConnection(backup + "/index.sqlite").rows(1, "SELECT name FROM files").isEmpty)
        #expect(try !Directory.names(backup).contains(DerivedIDs.name(1)))
        #expect(try VectorStore<Int64>.open(at: backup, access: .readOnly).verify().isSound)
    }
}
