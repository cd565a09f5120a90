import Foundation
import TestSupport
import Testing

/// The exit statuses, the keys and the messages of `backup` and `restore`.
@Suite struct BackupTests {
    private let directory: TemporaryDirectory
    private let store: String
    private let backup: String

    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        backup = directory / "b"
        try succeed("create", store, "--dimension", "4")
        try Fixture.npy(directory / "v.npy", 20, dimension: 4)
        try succeed("import", store, directory / "v.npy")
    }

    @Test func aRoundTrip() throws {
        try succeed("delete", store, "3")
        let made = try succeed("backup", store, backup, "--json").json()
        #expect(made["rows"] as? Int == 19)
        #expect(made["incremental"] as? Bool == false)
        for key in ["bytes_copied", "bytes_shared", "commit_sequence", "seconds", "dead_bytes"] {
            #expect(made[key] is NSNumber, "\(key)")
        }
        try succeed("delete", store, "1", "2")
        let restored = try succeed("restore", backup, store, "--json").json()
        #expect(restored["rows"] as? Int == 19)
        let aside = try #require(restored["moved_aside"] as? String)
        #expect(try succeed("stats", aside, "--json").json()["live"] as? Int == 17)
        #expect(try succeed("stats", store, "--json").json()["live"] as? Int == 19)
        #expect(try succeed("verify", store, "--json").json()["ok"] as? Bool == true)
        let new = try succeed("restore", backup, directory / "elsewhere", "--json").json()
        #expect(new["moved_aside"] is NSNull)
    }

    @Test func broughtUpToDate() throws {
        try succeed("backup", store, backup, "--incremental")
        try succeed("put", store, "100", input: "[1, 2, 3, 4]")
        let made = try succeed("backup", store, backup, "--incremental", "--json").json()
        #expect(made["incremental"] as? Bool == true)
        #expect(made["rows"] as? Int == 21)
        // A reader leaves its files beside the index.
        try succeed("verify", backup)
        try succeed("put", store, "101", input: "[1, 2, 3, 4]")
        #expect(
            try succeed("backup", store, backup, "--incremental", "--json").json()["incremental"] as? Bool == true
        )
        #expect(try succeed("verify", backup, "--json").json()["rows"] as? Int == 22)
    }

    @Test func refusals() throws {
        try succeed("backup", store, backup)
        try fail(73, "backup", store, backup, saying: "exists already")
        try fail(64, "backup", store, store + "/inside", saying: "lies in a store")
        try fail(66, "backup", store, directory / "missing/b")
        try fail(66, "backup", directory / "missing", backup)
        try fail(66, "restore", directory / "missing", store)
        try fail(64, "restore", backup, backup)
        try FileManager.default.createDirectory(atPath: directory / "letters", withIntermediateDirectories: false)
        _ = try directory.write("letters/letter.txt", "dear")
        try fail(73, "restore", backup, directory / "letters", saying: "holds no store")
        try directory.flip("b/vectors-1.f32", at: 4_096)
        try fail(76, "restore", backup, store, saying: "row of the id 1")
        #expect(try succeed("verify", store, "--json").json()["ok"] as? Bool == true)
        try fail(75, "backup", store, directory / "c", "--deadline", "1e-9")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == [
                "b", "letters", "s", "v.npy",
            ]
        )
    }
}
