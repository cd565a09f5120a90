import Foundation
import Lacuna
import TestSupport
import Testing

@testable import LacunaCLI

/// The exit statuses that tell a script what to do next.
@Suite struct ExitStatusTests {
    @Test func theAnswerIsNo() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        #expect(try fail(1, "get", store, "2", "7", "--json", saying: "the id 7").lines.count == 1)
        try fail(1, "search", store, "--like", "7", saying: "the id 7")
        for words in [["search", store, "--like", "1", "--where", "id > 9"], ["list", store, "--where", "id > 9"]] {
            let run = try lacuna(words + ["--json"])
            #expect(run.status == 1, "\(run.error)")
            #expect(run.text == "")
        }
        try fail(1, "search", store, "--like", "1", "--where", "id > 9", saying: "wider --where")
        let export = try lacuna(["export", store, directory / "none.npy", "--where", "id > 9", "--json"])
        #expect(export.status == 1)
        #expect(try export.json()["rows"] as? Int == 0)
        #expect(export.error == "")
        #expect(!FileManager.default.fileExists(atPath: directory / "none.npy"))
        for words in [["delete", store, "7"], ["delete", store, "--where", "id > 9"]] {
            let run = try lacuna(words + ["--json"])
            #expect(run.status == 1)
            #expect(try run.json()["deleted"] as? Int == 0)
        }
        try succeed("delete", store, "1", "2", "3")
        #expect(try succeed("list", store).text == "", "an empty store has an answer")
        let search = try fail(1, "search", store, saying: "no row", input: "[1,2,3]")
        #expect(!search.error.contains("wider"), "there is none to be widened")
    }

    @Test func noSuchStoreOrFile() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("file", "text")
        for path in [directory / "none", directory.path, file] {
            for command in ["stats", "verify", "recover", "map", "list", "compact"] {
                try fail(66, command, path)
            }
        }
        let store = try Fixture.store(directory, 3)
        try fail(66, "import", store, directory / "none.npy", saying: "none.npy")
        try fail(66, "import", store, directory / "s.npy", "--metadata", directory / "none.jsonl", saying: "none.jsonl")
        try fail(66, "import", store, directory / "s.npy", "--ids", directory / "none.txt", saying: "none.txt")
        try fail(66, "search", store, "--vector", directory / "none.npy", saying: "none.npy")
        try fail(66, "delete", store, "--ids", directory / "none.txt", saying: "none.txt")
        try fail(66, "demo", "--sample", directory.path, saying: "/demo to run; run this in a clone")
    }

    @Test func cannotCreate() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(73, "create", store, "--dimension", "3", saying: "another path")
        try fail(73, "create", directory.path, "--dimension", "3", saying: "exists")
        try fail(73, "create", directory / "s.npy", "--dimension", "3")
        try fail(73, "create", directory / "no/such", "--dimension", "3", saying: "parent")
        try fail(73, "export", store, directory / "no/such.npy")
        try fail(73, "map", store, "--svg", directory / "no/such.svg")
        #expect(try Fixture.rowCount(store) == 3)
    }

    @Test func busyStore() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let writer = try VectorStore<Int64>.open(at: store)
        try writer.put([1, 2, 3], for: 4)
        for words in [
            ["delete", store, "1"], ["erase", store, "1"], ["put", store, "9"], ["compact", store],
            ["recover", store], ["import", store, directory / "s.npy"],
        ] {
            try lacuna(words, input: "[1,2,3]").expectFailure(75)
        }
        for words in [
            ["list", store], ["stats", store], ["verify", store], ["get", store, "4"],
            ["search", store, "--like", "1"],
            ["export", store, directory / "e.npy"], ["map", store], ["compact", store, "--dry-run"],
            ["recover", store, "--dry-run"], ["report", store, "--html", directory / "r.html", "--verify"],
        ] {
            let run = try lacuna(words)
            #expect(run.status == 0, "\(words): \(run.error)")
        }
        try writer.close()
        try succeed("delete", store, "1")
    }

    @Test func damage() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        // A component of the second row.
        try directory.flip("s/vectors-1.f32", at: 4096 + 12 + 5)
        let salvage = "`lacuna recover \(store) --salvage FILE.jsonl`"
        let remedy = "replace or delete the rows named, or save the rows that are sound with \(salvage)"
        let verified = try fail(1, "verify", store, "--json", saying: remedy).json()
        #expect(
            try succeed("recover", store).text == "clean: nothing to do; rows were not checked: `verify` reads them\n"
        )
        #expect(verified["ok"] as? Bool == false)
        #expect(verified["bad_checksums"] as? [Int] == [2])
        try fail(76, "get", store, "2", saying: "2")
        try fail(76, "search", store, "--like", "2", saying: "the row of id 2 doesn't match its checksum")
        try succeed("get", store, "1", "3")
        try succeed("delete", store, "1")
        try fail(76, "compact", store, saying: "the row of the id 2 doesn't match its checksum")
    }

    @Test func missingDataFile() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try FileManager.default.removeItem(atPath: store + "/vectors-1.f32")
        for command in ["stats", "list", "compact", "map"] { try fail(76, command, store) }
        let verified = try fail(1, "verify", store, "--json", saying: "recover \(store) --salvage")
        #expect(try verified.json()["ok"] as? Bool == false && !verified.error.contains("rows named"))
        let recovered = try fail(76, "recover", store, "--json").json()
        #expect(recovered["state"] as? String == "damaged")
        #expect((recovered["actions"] as? [Any])?.isEmpty == true)
    }

    @Test func newerFormat() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try Connection(store + "/index.sqlite", .readWrite).execute("PRAGMA user_version = 99")
        for command in ["stats", "verify", "recover", "compact"] { try fail(76, command, store, saying: "upgrade") }
    }

    @Test(
        .enabled(
            if: Mounts.areAllowed,
            "a directory that can't be written needs a read-only mount, since root may write to any other"
        )
    )
    func noPermission() throws {
        let directory = try TemporaryDirectory()
        let outside = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try Mounts.withReadOnly(directory.path, at: directory.path) {
            for words in [
                ["delete", store, "1"], ["erase", store, "1"], ["put", store, "9"], ["compact", store],
                ["recover", store], ["import", store, directory / "s.npy", "--first-id", "10"],
                ["create", directory / "t", "--dimension", "3"], ["export", store, directory / "e.npy"],
                ["map", store, "--svg", directory / "m.svg"], ["report", store, "--html", directory / "r.html"],
            ] {
                try lacuna(words, input: "[1,2,3]").expectFailure(77)
            }
            for words in [
                ["list", store], ["stats", store], ["verify", store], ["get", store, "3"], ["map", store],
                ["report", store, "--html", outside / "r.html"],
            ] {
                try succeed(words)
            }
        }
    }
}
