import Foundation
import LacunaFormats
import TestSupport
import Testing

/// `accelerate`, and what the other commands say about codes.
@Suite(.timeLimit(.minutes(40))) struct AccelerateTests {
    private let directory: TemporaryDirectory
    private let store: String

    /// 600 rows: two tiles of 256, and some without codes.
    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        try succeed("create", store, "--dimension", "24")
        try Fixture.npy(directory / "v.npy", 600, dimension: 24)
        try succeed("import", store, directory / "v.npy")
    }

    private var files: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: store).filter { $0.hasSuffix(".codes") }
        }
    }

    private func stats() throws -> [String: Any] { try succeed("stats", store, "--json").json() }

    private func nearest() throws -> [String] { try succeed("search", store, "--like", "7", "-k", "5", "--json").lines }

    @Test func itMakesRenewsAndRemovesCodes() throws {
        let right = try nearest()
        let made = try succeed("accelerate", store, "--json").json()
        #expect(Set(made.keys) == ["kind", "components", "bytes", "rows", "seconds"])
        #expect(made["kind"] as? String == "codes" && made["rows"] as? Int == 512)
        let bytes = try #require(made["bytes"] as? Int)
        let size = try FileManager.default.attributesOfItem(atPath: store + "/" + #require(files.first))[.size]
        #expect(size as? Int == bytes)
        #expect((1...24).contains(try #require(made["components"] as? Int)))
        var stats = try stats()
        #expect(stats["acceleration"] as? String == "codes")
        #expect(stats["codes_rows"] as? Int == 512 && stats["codes_bytes"] as? Int == bytes)
        #expect(try succeed("stats", store).text.contains(" of 512 of 600 rows\n"))
        #expect(try nearest() == right)
        try succeed("import", store, directory / "v.npy", "--first-id", "1001")
        #expect(try succeed("accelerate", store).lines.first == "coded       1,024 rows")
        try succeed("delete", store, "--where", "id > 1000")
        #expect(try nearest() == right)
        let removed = try succeed("accelerate", store, "--off", "--json").json()
        #expect(removed["kind"] as? String == "codes" && removed["seconds"] is Double)
        #expect(["components", "bytes", "rows"].allSatisfy { removed[$0] as? Int == 0 })
        #expect(try files == [])
        stats = try self.stats()
        #expect(stats["acceleration"] as? String == "none")
        #expect(stats["codes_rows"] as? Int == 0 && stats["codes_bytes"] as? Int == 0)
        #expect(try nearest() == right)
        #expect(try succeed("accelerate", store, "--off").text == "the store has no codes\n")
    }

    @Test func aStoreMayWantCodesFromTheBeginning() throws {
        let other = directory / "t"
        let made = try succeed("create", other, "--dimension", "24", "--acceleration", "codes", "--json").json()
        #expect(made["acceleration"] as? String == "codes")
        #expect(try succeed("stats", other, "--json").json()["acceleration"] as? String == "codes")
        #expect(try succeed("accelerate", other).text.hasPrefix("too few rows"))
        try succeed("import", other, directory / "v.npy")
        #expect(try succeed("accelerate", other, "--json").json()["rows"] as? Int == 512)
        #expect(try succeed("verify", other, "--json").json()["ok"] as? Bool == true)
        #expect(try succeed("create", directory / "u", "--dimension", "3", "--acceleration", "none").status == 0)
        try fail(64, "create", directory / "v", "--dimension", "3", "--acceleration", "fast", saying: "fast")
    }

    @Test func compactMakesTheMissingOnes() throws {
        #expect(try succeed("compact", store, "--json").json()["codes_rows"] as? Int == 0)
        try succeed("accelerate", store)
        try succeed("delete", store, "--where", "id > 100 AND id <= 300")
        let right = try nearest()
        let done = try succeed("compact", store, "--strategy", "rewrite", "--json").json()
        #expect(done["codes_rows"] as? Int == 256 && (done["codes_bytes"] as? Int ?? 0) > 0)
        #expect(try stats()["codes_rows"] as? Int == 256)
        try succeed("erase", store, "100")
        #expect(try stats()["codes_rows"] as? Int == 0)
        let run = try succeed("compact", store)
        #expect(run.lines.last?.hasPrefix("made codes of 256 rows, ") == true)
        #expect(try nearest() == right)
    }

    @Test(arguments: [
        (["--off", "--max-rate", "1"], "--off takes neither"), (["--off", "--deadline", "1"], "--off takes neither"),
        (["--max-rate", "0"], "--max-rate 0 is out of range"),
    ])
    func whatIsRefused(_ words: [String], _ saying: String) throws {
        try lacuna(["accelerate", store] + words).expectFailure(64, saying: saying)
        #expect(try files == [])
    }

    /// At one byte per second it never ends by itself.
    @Test func theDeadline() throws {
        let run = try lacuna(["accelerate", store, "--max-rate", "1", "--deadline", "0.1", "--json"])
        run.expectFailure(75, saying: "the deadline has passed, and the store is in order")
        #expect(run.text == "")
        #expect(try files == [])
        #expect(try succeed("verify", store, "--json").json()["ok"] as? Bool == true)
        #expect(try succeed("recover", store, "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
        #expect(try succeed("accelerate", store, "--json").json()["rows"] as? Int == 512)
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func anInterruptEndsIt(_ signal: Int32, _ status: Int32) throws {
        let program = try Program.lacuna.start(["accelerate", store, "--max-rate", "1"])
        while try program.isRunning && files.isEmpty { usleep(1_000) }
        program.signal(signal)
        let run = try program.finish()
        #expect(!run.wasKilled && run.status == status)
        #expect(run.error == "error: interrupted; run the command again to go on\n")
        #expect(try files == [])
    }

    /// A killed acceleration leaves a part of a file, which nobody uses: there is nothing to recover, and the next
    /// acceleration removes it.
    @Test func aKillLeavesNothingToRecover() throws {
        let right = try nearest()
        let program = try Program.lacuna.start(["accelerate", store, "--max-rate", "1"])
        while try program.isRunning && files.isEmpty { usleep(1_000) }
        program.signal(SIGKILL)
        #expect(try program.finish().wasKilled)
        let left = try files
        #expect(left.count == 1)
        #expect(try succeed("recover", store, "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
        let verified = try succeed("verify", store, "--json").json()
        #expect(verified["ok"] as? Bool == true && verified["unknown_files"] as? [String] == [])
        #expect(try files == left)
        #expect(try nearest() == right)
        #expect(try succeed("accelerate", store, "--json").json()["rows"] as? Int == 512)
        #expect(try files.count == 1 && files != left)
        #expect(try nearest() == right)
    }
}
