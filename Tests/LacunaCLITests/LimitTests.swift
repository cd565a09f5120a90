import Foundation
import TestSupport
import Testing

/// If a limit of the system is met, or the temporary directory is of no use, one line says so and tells the remedy.
@Suite struct LimitTests {
    private let directory: TemporaryDirectory
    private let store: String

    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        try succeed("create", store, "--dimension", "16")
    }

    /// Runs `lacuna` in a shell that has executed `setting` first.
    private func lacuna(after setting: String, _ arguments: [String]) throws -> ProgramRun {
        let shell = Program("sh", "-c", setting + "; exec \"$0\" \"$@\"")
        let run = try Program.lacuna.started(by: shell).run(arguments)
        #expect(!run.wasKilled, "\(setting)")
        return run
    }

    /// The signal for this limit would end the process. Since it is ignored, the write fails with an error.
    @Test(arguments: [64, 256, 1_024]) func aFileSizeLimitIsAnError(blocks: Int) throws {
        try Fixture.npy(directory / "v.npy", 40_000, dimension: 16)
        let run = try lacuna(after: "ulimit -f \(blocks)", ["import", store, directory / "v.npy"])
        run.expectFailure(74, saying: "ulimit -f")
        try succeed("verify", store)
        try succeed("import", store, directory / "v.npy", "--replace")
        #expect(try Fixture.rowCount(store) == 40_000)
    }

    @Test func anExportsFileSizeLimitIsAnError() throws {
        try Fixture.npy(directory / "v.npy", 20_000, dimension: 16)
        try succeed("import", store, directory / "v.npy")
        let run = try lacuna(after: "ulimit -f 64", ["export", store, directory / "out.npy"])
        run.expectFailure(74, saying: "ulimit -f")
        #expect(!FileManager.default.fileExists(atPath: directory / "out.npy"))
    }

    /// The limit is met at a different place each time.
    @Test func aLimitOfOpenFilesIsToldAsWhatItIs() throws {
        var failures = 0
        for limit in 6...24 {
            let run = try lacuna(after: "ulimit -n \(limit)", ["compact", store, "--strategy", "rewrite"])
            if run.status == 0 { continue }
            // With a lower limit the process can't even be loaded.
            guard run.error.hasPrefix("error: ") else { continue }
            failures += 1
            run.expectFailure(74, saying: "ulimit -n")
        }
        #expect(failures > 3)
        try succeed("verify", store)
    }

    @Test func aMissingTemporaryDirectoryIsNamed() throws {
        let missing = directory / "missing"
        let run = try lacuna(
            after: "TMPDIR='\(missing)'; export TMPDIR",
            ["recover", store, "--salvage", directory / "saved.jsonl"]
        )
        run.expectFailure(74, saying: missing)
        #expect(run.error.contains("set TMPDIR"))
    }
}
