import CLacunaSQLite
import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Errors say which limit of the system was reached, even if SQLite meets it, and a limit does no harm.
@Suite struct SystemLimitTests {
    private static let dimension = 8

    private func withStore(_ body: (TestDisk, VectorStore<Int64>, CrashModel) throws -> Void) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: Self.dimension)
                try body(disk, store, before)
            }
        }
    }

    /// SQLite reports a write that a quota or a file size limit stops as an I/O error.
    @Test(arguments: [(EDQUOT, VectorStoreError(.diskFull, "").remedy), (EFBIG, .largerFiles)])
    func aLimitThatSQLitesLogMeetsIsAFullDisk(_ errno: Int32, _ remedy: VectorStoreError.Remedy) throws {
        try withStore { disk, store, before in
            disk.inject(DiskFault(errno: errno, matches: { $0.kind == .write && $0.isOnLog && $0.isSQLite }))
            let error = expectError(.diskFull) { try Scenario.put.call(store, dimension: Self.dimension) }
            #expect(disk.failures == 1 && error?.remedy == remedy, "\(String(describing: error))")
            #expect(try CrashModel(of: store) == before)
            try Scenario.put.call(store, dimension: Self.dimension)
            #expect(try CrashModel(of: store) == Scenario.put.result(before, dimension: Self.dimension))
            #expect(try store.verify().isSound)
        }
    }

    /// After a failed sync nobody knows what is on the disk, whatever its reason.
    @Test(arguments: [EDQUOT, ENOSPC]) func aSyncOfTheLogThatFailsStaysAnIOError(_ errno: Int32) throws {
        try withStore { disk, store, _ in
            disk.inject(DiskFault(errno: errno, matches: { $0.kind == .sync && $0.isOnLog && $0.isSQLite }))
            expectError(.ioError) { try Scenario.put.call(store, dimension: Self.dimension) }
            #expect(disk.failures == 1)
            expectError(.needsReopen) { try store.delete([1]) }
        }
    }

    /// A compaction opens a connection of its own in the writer's turn.
    @Test(arguments: [EMFILE, ENFILE]) func tooManyOpenFilesLeaveTheHandleUsable(_ errno: Int32) throws {
        try withStore { disk, store, before in
            disk.inject(DiskFault(errno: errno, matches: { $0.kind == .open && $0.name == StorePaths.indexName }))
            let error = expectError(.tooManyOpenFiles) { try store.compact(.rewrite) }
            #expect(disk.failures == 1 && error?.code == .tooManyOpenFiles)
            #expect(error?.remedy.description.contains("ulimit -n") == true)
            try store.compact(.rewrite)
            #expect(try CrashModel(of: store) == before)
        }
    }

    @Test func limitsOfTheSystemsCalls() {
        for errno in [EMFILE, ENFILE] {
            let error = VectorStoreError(SystemError(errno: errno, call: "open", path: "/x"))
            #expect(error.code == .tooManyOpenFiles && error.remedy.description.contains("ulimit -n"))
        }
        let error = VectorStoreError(SystemError(errno: EFBIG, call: "write", path: "/x"))
        #expect(error.code == .diskFull && error.remedy == .largerFiles)
    }

    /// A reader writes only temporary files.
    @Test func aReadersFullDiskIsTheTemporaryDirectory() {
        func error(_ code: Int32, _ errno: Int32 = 0, isOfReader: Bool = true) -> VectorStoreError {
            VectorStoreError(
                SQLiteError(code: code, message: "", sql: nil, systemErrno: errno, isOfReader: isOfReader)
            )
        }
        for full in [error(SQLITE_FULL), error(SQLITE_IOERR | 3 << 8, EDQUOT)] {
            #expect(full.code == .diskFull && full.remedy == .otherTemporaryDirectory)
            #expect(full.problem.contains(TemporaryFiles.sqliteDirectory))
        }
        #expect(error(SQLITE_FULL, isOfReader: false).remedy == VectorStoreError(.diskFull, "").remedy)
        // Shared memory lies in the store's directory.
        let memory = error(SQLITE_IOERR | 19 << 8, ENOSPC)
        #expect(memory.code == .diskFull && memory.remedy == VectorStoreError(.diskFull, "").remedy)
        let none = error(SQLITE_IOERR | 25 << 8, isOfReader: false)
        #expect(none.code == .permissionDenied && none.remedy.description.contains("set TMPDIR"))
    }
}
