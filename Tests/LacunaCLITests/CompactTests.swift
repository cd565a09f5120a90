import Foundation
import Lacuna
import TestSupport
import Testing

/// `compact` with a limit. At one byte per second it never ends by itself.
@Suite(.timeLimit(.minutes(40))) struct CompactTests {
    private let directory: TemporaryDirectory
    private let store: String

    /// 100 rows of a disk block each, the first 50 of them dead: every strategy has something to do.
    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        try succeed("create", store, "--dimension", "1024")
        try Fixture.npy(directory / "v.npy", 100, dimension: 1_024)
        try succeed("import", store, directory / "v.npy")
        try succeed("delete", store, "--where", "id <= 50")
    }

    private func expectUnharmed() throws {
        #expect(try succeed("verify", store, "--json").json()["rows"] as? Int == 50)
        #expect(try succeed("recover", store, "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
    }

    @Test(arguments: CompactionStrategy.allCases) func everyStrategyHasAName(_ strategy: CompactionStrategy) throws {
        let plan = try succeed("compact", store, "--strategy", strategy.rawValue, "--dry-run", "--json").json()
        let name = try #require(plan["strategy"] as? String)
        #expect(strategy == .auto ? name != "none" : name == strategy.rawValue)
        let done = try succeed(
            "compact",
            store,
            "--strategy",
            strategy.rawValue,
            "--max-rate",
            "1000000000",
            "--deadline",
            "1e9",
            "--json"
        )
        #expect(try done.json()["strategy"] as? String == name)
        try expectUnharmed()
    }

    @Test(arguments: CompactionStrategy.allCases) func theDeadline(_ strategy: CompactionStrategy) throws {
        let words = ["compact", store, "--strategy", strategy.rawValue]
        let run = try lacuna(words + ["--max-rate", "1", "--deadline", "0.1", "--json"])
        run.expectFailure(75, saying: "the deadline has passed, and the store is in order")
        #expect(run.text == "" && run.error.split(separator: "\n").count == 1)
        try expectUnharmed()
        try succeed(words)
        try expectUnharmed()
    }

    /// Most of the time the compaction waits for its rate; the target is there before the first wait.
    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func anInterruptEndsARateLimitedWait(_ signal: Int32, _ status: Int32) throws {
        let program = try Program.lacuna.start(["compact", store, "--strategy", "rewrite", "--max-rate", "1"])
        while program.isRunning && !FileManager.default.fileExists(atPath: store + "/vectors-2.f32") { usleep(1_000) }
        program.signal(signal)
        let run = try program.finish()
        #expect(!run.wasKilled && run.status == status)
        #expect(run.error == "error: interrupted; run the command again to go on\n")
        #expect(!FileManager.default.fileExists(atPath: store + "/vectors-2.f32"))
        try expectUnharmed()
    }
}
