import Foundation
import TestSupport
import Testing

@testable import Lacuna

@Suite struct RestoreTests {
    private static let dimension = 8

    private func makeStore(_ scratch: Scratch) throws -> (store: VectorStore<Int64>, backup: String, state: CrashModel)
    {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: Self.dimension))
        for id in Int64(1)...20 { try store.put(CrashModel.vector(id, version: 0, dimension: Self.dimension), for: id) }
        let backup = scratch.path + "/backup"
        try store.backup(to: backup)
        let state = try CrashModel(of: store)
        for id in Int64(21)...40 {
            try store.put(CrashModel.vector(id, version: 0, dimension: Self.dimension), for: id)
        }
        try store.delete([1, 2, 3])
        return (store, backup, state)
    }

    private func contents(_ path: String) throws -> CrashModel {
        let store = try VectorStore<Int64>.open(at: path)
        defer { try? store.close() }
        #expect(try store.verify().isSound)
        return try CrashModel(of: store)
    }

    @discardableResult
    private func restore(_ backup: String, _ path: String, _ files: any FileSystem = SystemFileSystem()) throws
        -> RestoreReport
    {
        try VectorStoreBackup.restore(
            backup,
            to: path,
            options: MaintenanceOptions(),
            fileSystem: files,
            progress: { _ in }
        )
    }

    @Test func takesTheStoresPlace() throws {
        let scratch = try Scratch()
        let (store, backup, state) = try makeStore(scratch)
        let newest = try CrashModel(of: store)
        expectError(.locked) { try restore(backup, scratch.store) }
        try store.close()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let report: RestoreReport = try reader.read { snapshot in
            let report = try restore(backup, scratch.store)
            // The snapshot still shows the state that it began with.
            #expect(try snapshot.vector(for: 30)?.bitPatterns == newest.rows[30]?.bits)
            return report
        }
        #expect(report.rows == 20)
        expectError(.moved) { try reader.count }
        try reader.close()
        #expect(try contents(scratch.store) == state)
        let aside = try #require(report.movedAside)
        #expect(try contents(aside) == newest)
        #expect(try contents(backup) == state)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).count == 3)
    }

    @Test func whereThereIsNone() throws {
        let scratch = try Scratch()
        let (store, backup, state) = try makeStore(scratch)
        try store.close()
        let place = scratch.path + "/elsewhere"
        #expect(try restore(backup, place).movedAside == nil)
        #expect(try contents(place) == state)
        expectError(.noSuchStore) { try restore(scratch.path + "/missing", scratch.path + "/x") }
        expectError(.invalidArgument) { try restore(backup, backup) }
    }

    /// People restore because a store is damaged: it is moved aside as it is.
    @Test func aDamagedStoreIsReplaced() throws {
        let scratch = try Scratch()
        let (store, backup, state) = try makeStore(scratch)
        try store.close()
        try write(Data(repeating: 7, count: 8_192), to: scratch.index)
        let report = try restore(backup, scratch.store)
        #expect(try contents(scratch.store) == state)
        #expect(try read(#require(report.movedAside) + "/index.sqlite") == Data(repeating: 7, count: 8_192))
    }

    @Test func aDamagedBackupIsRefused() throws {
        let scratch = try Scratch()
        let (store, backup, _) = try makeStore(scratch)
        let newest = try CrashModel(of: store)
        try store.close()
        try TestFiles.overwrite(backup + "/vectors-1.f32", at: 4_096 + 32, [0xff])
        let error = expectError(.damaged) { try restore(backup, scratch.store) }
        #expect(error?.ids == ["2"])
        #expect(try contents(scratch.store) == newest)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).count == 2)
    }

    @Test func somebodysOwnDirectoryStays() throws {
        let scratch = try Scratch()
        let (store, backup, _) = try makeStore(scratch)
        try store.close()
        let place = scratch.path + "/letters"
        try TestFiles.makeDirectory(place)
        try TestFiles.write([1], to: place + "/letter.txt")
        expectError(.alreadyExists) { try restore(backup, place) }
        #expect(try Directory.names(place) == ["letter.txt"])
    }

    /// The link's target is replaced, and the link stays.
    @Test func aLinkIsFollowed() throws {
        let scratch = try Scratch()
        let (store, backup, state) = try makeStore(scratch)
        try store.close()
        let link = scratch.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: scratch.store)
        let report = try restore(backup, link)
        #expect(report.movedAside?.hasPrefix(scratch.store + ".before-") == true)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == scratch.store)
        #expect(try contents(scratch.store) == state)
    }

    /// The path has the old state or the backup's. If names can't be exchanged, it may have none, and the error says
    /// how to go on.
    @Test(arguments: [true, false]) func killedAtEveryOperation(_ exchanges: Bool) throws {
        var count = 0
        var isStopped = true
        var betweenNames = 0
        while isStopped {
            let scratch = try Scratch()
            let (store, backup, state) = try makeStore(scratch)
            let newest = try CrashModel(of: store)
            try store.close()
            let files = StoppingFileSystem(after: count, exchanges: exchanges)
            let result = Result { try restore(backup, scratch.store, files) }
            isStopped = files.isStopped
            if case .failure(let error) = result { #expect(isStopped, "\(error)") }
            do {
                let found = try contents(scratch.store)
                #expect(found == newest || found == state, "stopped at operation \(count)")
            } catch let error as VectorStoreError {
                betweenNames += 1
                #expect(!exchanges && error.code == .noSuchStore && error.remedy.calls == [.restore], "\(error)")
                #expect(error.description.contains(".before-"), "\(error)")
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
            let states = names.filter { $0.contains(".before-") || $0.contains(".restored-") }
                .compactMap { try? contents(scratch.path + "/" + $0) }
            let isThere = FileManager.default.fileExists(atPath: scratch.store)
            #expect(isThere || states.contains(newest), "the old store is gone")
            try restore(backup, scratch.store)
            #expect(try contents(scratch.store) == state)
            #expect(try contents(backup) == state)
            count += 1
        }
        #expect(count > 10)
        #expect((betweenNames > 0) == !exchanges)
    }

    /// Whatever operation fails once, there is a store at the path.
    @Test(arguments: [true, false]) func failsAtEveryOperation(_ exchanges: Bool) throws {
        var count = 0
        var hasFailed = true
        while hasFailed {
            let scratch = try Scratch()
            let (store, backup, state) = try makeStore(scratch)
            let newest = try CrashModel(of: store)
            try store.close()
            let files = StoppingFileSystem(after: count, exchanges: exchanges, failsOnce: true)
            _ = try? restore(backup, scratch.store, files)
            hasFailed = files.isStopped
            let found = try contents(scratch.store)
            #expect(found == newest || found == state, "failed at operation \(count)")
            count += 1
        }
        #expect(count > 10)
    }
}
