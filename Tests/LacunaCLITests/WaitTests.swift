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

    private func expectItWaits(_ program: RunningProgram) throws {
        while program.isRunning, try !program.errorSoFar.contains("\n") { usleep(1_000) }
        let line = try program.errorSoFar
        #expect(program.isRunning && line.hasPrefix("waiting: \(store) is open for writing"), "\(line)")
    }

    @Test func withoutItTheErrorSaysSo() throws {
        try fail(75, "delete", store, "60", saying: "`--wait SECONDS`")
        let run = try lacuna(["delete", store, "60", "--wait", "0.2"])
        let lines = run.error.split(separator: "\n")
        #expect(run.status == 75 && lines.map { $0.prefix(9) } == ["waiting: ", "error: \(store.prefix(2))"])
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
        try expectItWaits(waiting)
        try endCompaction()
        let run = try waiting.finish()
        #expect(run.status == 0, "\(words) \(run.error)")
        try succeed("verify", store)
    }

    @Test func anInterruptEndsTheWait() throws {
        let waiting = try Program.lacuna.start(["delete", store, "60", "--wait", "1000"])
        try expectItWaits(waiting)
        waiting.signal(SIGINT)
        let run = try waiting.finish()
        #expect(!run.wasKilled && run.status == 130)
        try endCompaction()
    }
}
