import Foundation
import TestSupport
import Testing

/// `--wait`, while a compaction that a rate limit holds up has the store.
@Suite(.timeLimit(.minutes(40))) struct WaitTests {
    private let directory: TemporaryDirectory
    private let store: String
    private let compaction: RunningProgram

    init() throws {
        directory = try TemporaryDirectory()
        store = try Fixture.store(directory, 100)
        try succeed("delete", store, "--where", "id <= 50")
        compaction = try Program.lacuna.start(["compact", store, "--strategy", "rewrite", "--max-rate", "1"])
        while compaction.isRunning && !FileManager.default.fileExists(atPath: store + "/vectors-2.f32") {
            usleep(1_000)
        }
    }

    private func endCompaction() throws {
        compaction.signal(SIGKILL)
        _ = try compaction.finish()
    }

    @Test func withoutItTheErrorSaysSo() throws {
        try fail(75, "delete", store, "60", saying: "`--wait SECONDS`")
        try fail(75, "delete", store, "60", "--wait", "0.2", saying: "is open for writing")
        try endCompaction()
    }

    @Test(arguments: [
        ["delete", "S", "60"], ["set", "S", "60", "{}"], ["put", "S", "1"], ["erase", "S", "60"], ["recover", "S"],
        ["index", "S", "add", "n"], ["accelerate", "S"], ["compact", "S"], ["import", "S", "F", "--first-id", "500"],
    ])
    func theCommandGoesOnAfterwards(_ words: [String]) throws {
        let words = words.map { $0 == "S" ? store : $0 == "F" ? directory / "s.npy" : $0 } + ["--wait", "1000"]
        let waiting = try Program.lacuna.start(words)
        try waiting.write("[1,2,3]")
        // It ends only after the compaction.
        #expect(waiting.isRunning)
        try endCompaction()
        let run = try waiting.finish()
        #expect(run.status == 0, "\(words) \(run.error)")
        try succeed("verify", store)
    }

    @Test func anInterruptEndsTheWait() throws {
        let waiting = try Program.lacuna.start(["delete", store, "60", "--wait", "1000"])
        // Without a handler the signal would kill it.
        while waiting.isRunning {
            waiting.signal(SIGINT)
            usleep(200_000)
        }
        let run = try waiting.finish()
        #expect(run.wasKilled || run.status == 130)
        try endCompaction()
    }
}
