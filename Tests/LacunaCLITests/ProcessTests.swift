import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

/// These tests watch or stop a process while it runs.
@Suite struct ProcessTests {
    /// The pipe has room for 64 KiB and the acknowledgements take more, so the import can't end before the signal.
    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interruptKeepsWhatWasAcknowledged(_ signal: Int32, _ status: Int32) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 20_000)
        let program = try Program.lacuna.start(["import", store, directory / "v.npy", "--batch", "1", "--acks"])
        try program.read(1)
        program.signal(signal)
        let run = try program.finish()
        #expect(!run.wasKilled && run.status == status)
        let acknowledged = try run.acknowledged()
        #expect(run.error.hasPrefix("error: interrupted; "))
        #expect(run.error.contains("; \(acknowledged) rows were imported before this and are kept"))
        #expect(try Fixture.rowCount(store) == acknowledged)
        #expect(try succeed("recover", store, "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
        try succeed("verify", store)
    }

    /// The rows that match at once just fill the buffer of standard output. Once that is printed, the filter works on
    /// the next row for ever, and nothing else checks for a signal.
    @Test(.timeLimit(.minutes(40)), arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interruptEndsAnEndlessFilter(_ signal: Int32, _ status: Int32) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3_000)
        let tables = (0..<15).map { "json_each('[0,1,2,3,4,5,6,7,8,9]') AS t\($0)" }.joined(separator: ", ")
        var bytes = 0
        let printed = try succeed("list", store, "--json").lines.prefix { line in
            defer { bytes += line.utf8.count + 1 }
            return bytes < 1 << 16
        }
        let filter = "id <= \(printed.count) OR (SELECT count(*) FROM \(tables) WHERE t0.value + t14.value > 0) > 0"
        let program = try Program.lacuna.start(["list", store, "--json", "--where", filter])
        try program.read(1 << 16)
        program.signal(signal)
        let run = try program.finish()
        #expect(!run.wasKilled && run.status == status)
        #expect(run.error == "error: interrupted; run the command again to go on\n")
    }

    /// A log that claims to be long is read to its end before the store opens.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")), .timeLimit(.minutes(40)))
    func interruptEndsTheLookThroughALongLog() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 1)
        let log = URL(fileURLWithPath: store + "/index.sqlite-wal")
        try Data().write(to: log)
        let file = try FileHandle(forWritingTo: log)
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        let program = try Program.lacuna.start(["stats", store])
        while try !isReading(program, "index.sqlite-wal") { usleep(1_000) }
        program.signal(SIGINT)
        let run = try program.finish()
        #expect(run.status == 130)
        #expect(run.error.hasPrefix("error: interrupted: opening was cancelled when "))
        #expect(
            run.error.hasSuffix(
                " of the 1099511627776 bytes of index.sqlite-wal had been read; run the command again to go on\n"
            )
        )
    }

    /// Returns whether the process has a file of that name open.
    private func isReading(_ program: RunningProgram, _ name: String) throws -> Bool {
        let descriptors = "/proc/\(program.processID)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: descriptors).contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: descriptors + "/" + $0))?.hasSuffix(name)
                == true
        }
    }

    @Test func interruptWhileAVectorIsAwaited() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 1)
        let program = try Program.lacuna.start(["put", store, "2"])
        // More than a pipe holds: once it is written, the process has begun to read, and has set its handlers up.
        try program.write(String(repeating: " ", count: 1 << 17))
        program.signal(SIGINT)
        #expect(try program.finish().status == 130)
        #expect(try Fixture.rowCount(store) == 1)
    }

    /// Readers go on beside the leftovers of a killed compaction, and recovery removes these.
    @Test func killedCompactionIsRecovered() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 100)
        try succeed("delete", store, "--where", "id % 2 = 0")
        try Fixture.killCompaction(of: store)
        let left = store + "/vectors-2.f32"
        #expect(FileManager.default.fileExists(atPath: left))
        #expect(try succeed("list", store, "--json").lines.count == 50)
        #expect(try Fixture.rowCount(store) == 50)
        let plan = try succeed("recover", store, "--dry-run", "--json").json()
        #expect(FileManager.default.fileExists(atPath: left))
        let done = try succeed("recover", store, "--json").json()
        #expect(!FileManager.default.fileExists(atPath: left))
        #expect(plan as NSDictionary == done as NSDictionary)
        #expect(done["state"] as? String == "recovered")
        let actions = try #require(done["actions"] as? [[String: Any]])
        #expect(actions.map { $0["action"] as? String } == ["abort", "remove-file"])
        #expect(actions.allSatisfy { Set($0.keys) == ["action", "file", "bytes", "detail"] })
        #expect(try succeed("recover", store, "--json").json()["state"] as? String == "clean")
        #expect(try succeed("compact", store, "--json").json()["generation"] as? Int == 3)
        try succeed("verify", store)
    }

    /// As in `lacuna list | head -1`, the pipe's reader ends early, and that is no error.
    @Test func closedPipe() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.sampleStore(directory)
        let program = try Program.lacuna.start(["list", store, "--json"])
        try program.closeOutput()
        let run = try program.finish()
        #expect(!run.wasKilled && run.status == 74 && run.error == "")
    }

    @Test func mapDrawsGapsAndHoles() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.sampleStore(directory)
        try succeed("delete", store, "--where", "id > 100 AND id <= 400")
        try succeed("compact", store, "--strategy", "punch")
        try succeed("delete", store, "--where", "id > 900")
        let map = try succeed("map", store).text
        #expect(map.contains("1,000 rows: 600 live, "))
        for character in ["█", "░", "·"] { #expect(map.contains(character)) }
        let drawn = try succeed("map", store, "--svg", directory / "m.svg")
        #expect(drawn.text.hasPrefix("drew "))
        let picture = try directory.read("m.svg")
        #expect(XMLParser(data: picture).parse())
        let text = String(decoding: picture, as: UTF8.self)
        #expect(text.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
        #expect(text.contains("<title") && text.contains("600 live"))
        try succeed("create", directory / "empty", "--dimension", "3")
        #expect(try succeed("map", directory / "empty").text.contains("no rows"))
        try succeed("map", directory / "empty", "--svg", directory / "e.svg")
    }
}
