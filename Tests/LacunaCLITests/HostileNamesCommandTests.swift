// The bug story: a directory from outside had a named pipe in place of a lock file, and every command hung and ignored
// an interrupt. Or it had a link there, and a command that only reads made a file at the link's target.

import Foundation
import TestSupport
import Testing

/// Runs each command on a store whose directory has something else than a file under one of the names.
@Suite(.timeLimit(.minutes(40))) struct HostileNamesCommandTests {
    private static let names = [
        "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "index.sqlite-journal", "writer.lock", "readers-0.lock",
        "vectors-1.f32",
    ]

    private static let commands: [[String]] = [
        ["get", "S", "1"], ["list", "S"], ["search", "S", "--like", "1"], ["stats", "S"], ["verify", "S"],
        ["export", "S", "D/out.jsonl"], ["map", "S"], ["report", "S", "--html", "D/report.html"], ["put", "S", "9"],
        ["delete", "S", "1"], ["erase", "S", "1"], ["compact", "S"], ["compact", "S", "--dry-run"], ["recover", "S"],
        ["recover", "S", "--dry-run"], ["import", "S", "D/s.npy", "--first-id", "50"],
        ["recover", "S", "--salvage", "D/salvaged.jsonl"],
    ]

    /// Salvage reads what can be read, and looks neither at locks nor at shared memory that it doesn't need.
    private static func mayWork(_ command: [String], _ name: String) -> Bool {
        if command.contains("--salvage") { return true }
        // These commands take no snapshot, and so they need no reader's lock.
        let takesNone = ["put", "delete", "import"].contains(command[0]) || command == ["recover", "S", "--dry-run"]
        return takesNone && name == "readers-0.lock"
    }

    /// The status is 137 if the command doesn't end.
    private let lacunaInTime = Program.lacuna.started(by: Program("timeout", "-s", "KILL", "30"))

    @Test(arguments: names) func everyCommandEndsAtAPipe(_ name: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try? FileManager.default.removeItem(atPath: store + "/" + name)
        try #require(unsafe mkfifo(store + "/" + name, 0o644) == 0)
        let before = Set(try FileManager.default.contentsOfDirectory(atPath: store))
        for command in Self.commands {
            let words = command.map { word in
                word == "S" ? store : word.replacingOccurrences(of: "D/", with: directory.path + "/")
            }
            let run = try lacunaInTime.run(words, input: "[1, 2, 3]")
            if Self.mayWork(command, name) && run.status == 0 { continue }
            // `verify` answers that it found damage.
            #expect(run.status == (command[0] == "verify" ? 1 : 76), "\(command): \(run.error)")
            #expect(run.error.split(separator: "\n").count == 1, "\(command): \(run.error)")
            #expect(run.error.hasPrefix("error: "), "\(command): \(run.error)")
            #expect((run.text + run.error).contains(name), "\(command): \(run.text) \(run.error)")
            let after = Set(try FileManager.default.contentsOfDirectory(atPath: store))
            #expect(after.subtracting(["index.sqlite-wal", "index.sqlite-shm"]).isSubset(of: before), "\(command)")
        }
    }
}
