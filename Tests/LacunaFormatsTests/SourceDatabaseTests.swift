import Foundation
import TestSupport
import Testing

@testable import LacunaFormats

/// Databases in a directory that can't be written, though others may write them there.
@Suite(.enabled(if: Mounts.areAllowed, "needs the right to mount")) struct SourceDatabaseTests {
    private func sqlite(_ path: String, _ script: String) throws -> ProgramRun {
        try Program.sqlite.run(["-bail", path], input: script)
    }

    private let rows = """
        CREATE TABLE t (id, vector);
        INSERT INTO t VALUES (1, '[1,2]'), (2, '[1,2]'), (3, '[1,2]');
        """

    /// Calls `body` with the path of the database in a directory where it can be written, and in one where it can't.
    private func withDatabase(_ script: String, _ body: (_ own: String, _ other: String) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        let source = directory / "source"
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        let run = try sqlite(source + "/a.db", script)
        try #require(run.status == 0, "\(run.error)")
        let other = directory / "other"
        try Mounts.withReadOnly(source, at: other) { try body(source + "/a.db", other + "/a.db") }
    }

    private func reader(_ path: String) throws -> any RowReader {
        try #require(RowFormat(named: "sqlite")).reader(of: .file(path))
    }

    /// While rows are read, nobody writes others.
    @Test func locksWhatOthersMayWrite() throws {
        try withDatabase(rows) { own, other in
            let reader = try reader(other)
            var batch = RowBatch()
            #expect(try reader.read(1, into: &batch) == 1)
            #expect(try sqlite(own, "DELETE FROM t;").error.contains("database is locked"))
            #expect(try reader.read(9, into: &batch) == 2)
        }
    }

    /// A log that is empty needs no lock, but if it doesn't stay so, the rows that were read are no state of it.
    @Test(arguments: ["", "DELETE FROM t WHERE id = 3;", "PRAGMA wal_checkpoint; PRAGMA user_version = 5;"])
    func noticesChangesWithoutALock(_ change: String) throws {
        try withDatabase("PRAGMA journal_mode = WAL;" + rows) { own, other in
            let reader = try reader(other)
            var batch = RowBatch()
            #expect(try reader.read(1, into: &batch) == 1)
            try #require(sqlite(own, change).status == 0)
            if change.isEmpty {
                #expect(try reader.read(9, into: &batch) == 2)
            } else {
                let error = #expect(throws: FormatError.self) { try reader.read(9, into: &batch) }
                #expect(error?.problem.hasSuffix("it was changed while it was read") == true, "\(error?.problem ?? "")")
                #expect(batch.count == 0)
            }
        }
    }

    @Test func saysThatALogCantBeRead() throws {
        try withDatabase("PRAGMA journal_mode = WAL;" + rows) { own, other in
            // The log of a program that was killed, without the shared memory.
            let writer = try Program.sqlite.start(["-bail", own])
            try writer.write("PRAGMA user_version = 5; SELECT 'written';\n")
            while let line = try writer.readLine(), line != "written" {}
            writer.signal(SIGKILL)
            _ = try writer.finish()
            try FileManager.default.removeItem(atPath: own + "-shm")
            let error = #expect(throws: FormatError.self) { try reader(other) }
            #expect(error?.problem.contains("the changes in a.db-wal can't be read") == true, "\(error?.problem ?? "")")
            #expect(error?.remedy.contains("copy it together with its -wal") == true)
        }
    }
}
