import Foundation
import TestSupport
import Testing

/// With `--json`, each command prints one line, with at least the keys that scripts were promised.
@Suite struct AnswerTests {
    private func expect(_ object: [String: Any], _ keys: String, _ location: SourceLocation = #_sourceLocation) {
        let missing = Set(keys.split(separator: " ").map(String.init)).subtracting(object.keys)
        #expect(missing.isEmpty, "\(object)", sourceLocation: location)
    }

    @Test func create() throws {
        let directory = try TemporaryDirectory()
        let made = try succeed("create", directory / "s", "--dimension", "7", "--json").json()
        expect(made, "uuid dimension metric ids element")
        #expect(made["dimension"] as? Int == 7)
        #expect(made["metric"] as? String == "cosine")
        #expect(made["ids"] as? String == "integer")
        #expect(made["element"] as? String == "float32")
        let other = try succeed(
            "create",
            directory / "t",
            "--dimension",
            "7",
            "--metric",
            "dot",
            "--ids",
            "uuid",
            "--element",
            "float32",
            "--json"
        ).json()
        #expect(other["metric"] as? String == "dot")
        #expect(other["ids"] as? String == "uuid")
    }

    @Test func importing() throws {
        let directory = try TemporaryDirectory()
        try succeed("create", directory / "s", "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 25)
        let done = try succeed("import", directory / "s", directory / "v.npy", "--batch", "10", "--json").json()
        expect(done, "rows batches seconds rows_per_second bytes old_metadata")
        #expect(done["rows"] as? Int == 25)
        #expect(done["batches"] as? Int == 3)
        #expect(done["bytes"] as? Int == 25 * 12)
    }

    @Test func rows() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 4)
        #expect(try succeed("put", store, "9", "--json", input: " [0.1, -2e3, 3] \n").text == "{\"id\":9}\n")
        #expect(
            try succeed("get", store, "9", "2", "--json").lines == [
                "{\"id\":9,\"vector\":[0.1,-2000.0,3.0],\"metadata\":null}",
                "{\"id\":2,\"vector\":[-36.5,-34.5,-32.5],\"metadata\":{\"n\": 2}}",
            ]
        )
        #expect(
            try succeed("list", store, "--where", "id > 3", "--json").lines == [
                "{\"id\":4,\"metadata\":{\"n\": 4}}", "{\"id\":9,\"metadata\":null}",
            ]
        )
        #expect(
            try succeed("list", store, "--filter", "{\"n\": {\"$gt\": 2}}", "--json").lines == [
                "{\"id\":3,\"metadata\":{\"n\": 3}}", "{\"id\":4,\"metadata\":{\"n\": 4}}",
            ]
        )
        // A row must pass both.
        let both = ["--where", "id < 4 OR id = 9", "--filter", "{\"n\": {\"$gt\": 2}}"]
        #expect(try succeed(["list", store, "--json"] + both).lines == ["{\"id\":3,\"metadata\":{\"n\": 3}}"])
        #expect(try succeed(["search", store, "--like", "1", "--json"] + both).lines.count == 1)
        #expect(try succeed(["export", store, directory / "both.jsonl", "--json"] + both).json()["rows"] as? Int == 1)
        #expect(try succeed("list", store, "--limit", "2", "--json").lines.count == 2)
        #expect(
            try succeed("delete", store, "9", "77", "9", "--json").json() as NSDictionary == [
                "deleted": 1, "missing": 1,
            ]
        )
        #expect(try succeed(["delete", store, "--json"] + both).json()["deleted"] as? Int == 1)
    }

    @Test func search() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 4)
        let lines = try succeed("search", store, "-k", "2", "--json", input: "[-38.5,-37.5,-36.5]").lines
        #expect(lines.count == 2)
        #expect(lines[0] == "{\"query\":0,\"rank\":1,\"id\":1,\"distance\":0.0,\"metadata\":{\"n\": 1}}")
        let last =
            "{\"query\":0,\"rank\":2,\"id\":2,\"distance\":5.385164807134504,\"metadata\":{\"n\": 2},\"cursor\":\""
        #expect(lines[1].hasPrefix(last) && lines[1].hasSuffix("\"}"))
    }

    @Test func storeAsAWhole() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 10)
        try succeed("delete", store, "--where", "id <= 4")
        let stats = try succeed("stats", store, "--json").json()
        expect(
            stats,
            """
            uuid dimension metric ids element generation data_file live dead fragmentation logical_bytes \
            allocated_bytes live_bytes dead_bytes punchable_bytes index_bytes schema_version
            """
        )
        #expect(stats["live"] as? Int == 6)
        #expect(stats["dead"] as? Int == 4)
        #expect(stats["fragmentation"] as? Double == 0.4)
        #expect(stats["dead_bytes"] as? Int == 48)
        let plan = try succeed("compact", store, "--dry-run", "--json").json()
        expect(plan, "strategy reason rows_moved bytes_written bytes_reclaimed disk_needed")
        #expect(plan["strategy"] as? String == "rewrite")
        let keys = """
            strategy rows_live rows_moved bytes_written logical_before logical_after allocated_before \
            allocated_after seconds longest_writer_pause_seconds generation
            """
        let compacted = try succeed("compact", store, "--json").json()
        expect(compacted, keys)
        #expect(compacted["rows_moved"] as? Int == 6)
        #expect(compacted["generation"] as? Int == 2)
        let again = try succeed("compact", store, "--json").json()
        expect(again, keys)
        #expect(again["strategy"] as? String == "none")
        #expect(try succeed("compact", store, "--dry-run", "--json").json()["strategy"] as? String == "none")
        let verified = try succeed("verify", store, "--json").json()
        expect(verified, "ok rows bad_checksums out_of_bounds shared_offsets bad_metadata unknown_files index")
        #expect(verified["ok"] as? Bool == true)
        #expect(verified["rows"] as? Int == 6)
        #expect(try succeed("recover", store, "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
        #expect(try succeed("recover", store, "--dry-run", "--json").text == "{\"state\":\"clean\",\"actions\":[]}\n")
        let exported = try succeed("export", store, directory / "e.jsonl", "--json").json()
        expect(exported, "rows bytes files")
        #expect(exported["rows"] as? Int == 6)
        let files = ["e.jsonl", "e.jsonl.store.json"]
        #expect(exported["files"] as? [String] == files.map { directory / $0 })
        #expect(exported["bytes"] as? Int == (try files.reduce(0) { $0 + (try directory.read($1)).count }))
    }

    /// People get words, and never a line that only a script could want.
    @Test func peopleGetWords() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 10)
        for (words, expected) in [
            (["stats", store], "fragmentation"), (["get", store, "3"], "3 components"), (["list", store], "n: 7"),
            (["search", store, "--like", "1"], "rank"), (["compact", store], "nothing to do"),
            (["verify", store], "sound: 10 rows"), (["set", store, "3", #"{"n":7}"#], "changed the metadata of 1 row"),
            (["recover", store], "clean"),
            (["map", store], "10 rows: 10 live, 0 dead, 0 punched"),
            (["delete", store, "1", "99"], "deleted 1 row; 1 id had no row"),
            (["export", store, directory / "e.npy"], "exported 9 rows"), (["compact", store], "strategy"),
        ] {
            let run = try lacuna(words)
            #expect(run.status == 0, "\(words): \(run.error)")
            #expect(run.text.contains(expected), "\(words): \(run.text)")
            #expect(!run.text.contains("\u{1B}"), "colour without a terminal")
        }
    }
}
