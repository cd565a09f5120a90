import Foundation
import TestSupport
import Testing

/// Command lines that are wrong in themselves yield status 64, one line that says why, and nothing on standard output.
@Suite struct UsageTests {
    @Test(arguments: [
        (["no-such-command"], "no-such-command"),
        ([], "no command"),
        (["create"], "<store>"),
        (["create", "x"], "--dimension"),
        (["create", "x", "--dimension", "many"], "many"),
        (["create", "x", "--dimension", "3", "--metric", "manhattan"], "manhattan"),
        (["create", "x", "--dimension", "3", "--element", "float64"], "float64"),
        (["create", "x", "--dimension", "3", "--normalized"], "--model"),
        (["create", "x", "--dimension", "3", "--model-version", "2"], "--model"),
        (["create", "x", "--dimension", "3", "--model", ""], "name of the model is empty"),
        (["import", "x", "rows.xlsx"], "rows.xlsx"),
        (["import", "x", "rows.jsonl", "--metadata", "m.jsonl"], "--metadata"),
        (["import", "x", "rows.npy", "--batch", "0"], "--batch"),
        (["import", "x", "rows.npy", "--first-id", "one"], "one"),
        (["import", "x", "rows.npy", "--drop-metadata"], "--drop-metadata goes with --replace"),
        (["put", "x", "1", "--drop-metadata"], "--drop-metadata goes with --replace"),
        (["put", "x", "1", "--replace", "--drop-metadata", "--metadata", "{}"], "exclude each other"),
        (["set", "x"], "<ids-and-patch>"),
        (["set", "x", "{}"], "no row was named"),
        (["set", "x", "-5", "{}"], "come after `--`"),
        (["get", "x"], "<ids>"),
        (["list", "x", "--limit", "0"], "--limit"),
        (["delete", "x"], "nothing to delete"),
        (["delete", "x", "--filter", " { }"], "the filter {} passes every row"),
        (["delete", "x", "-5"], "come after `--`"),
        (["get", "x", "-5"], "come after `--`"),
        (["erase", "x"], "nothing to erase"),
        (["erase", "x", "-5"], "come after `--`"),
        (["erase", "x", "1", "--max-rate", "0"], "--max-rate"),
        (["erase", "x", "1", "--deadline", "0"], "--deadline"),
        (["erase", "x", "1", "--deadline", "inf"], "--deadline"),
        (["search", "x", "-k", "0"], "-k"),
        (["search", "x", "--threads", "0"], "--threads"),
        (["search", "x", "--like", "1", "--vector", "q.npy"], "exclude"),
        (["search", "x", "--row", "1"], "--vector"),
        (["search", "x", "--unlike", "1"], "--unlike"),
        (["search", "x", "--like", "1", "--radius", "nan"], "--radius nan"),
        (["search", "x", "--like", "1", "--radius", "-inf"], "--radius -inf"),
        (["search", "x", "--like", "1", "--radius", "near"], "near"),
        (["search", "x", "--like", "1", "--after", "page2"], "'page2' is not a cursor"),
        (["search", "x", "--vector", "q.npy", "--after", "page2"], "'page2' is not a cursor"),
        (["search", "x", "--vector", "q.npy", "--row", "-1"], "--row"),
        (["compact", "x", "--strategy", "magic"], "magic"),
        (["compact", "x", "--max-rate", "0"], "--max-rate 0 is out of range"),
        (["compact", "x", "--max-rate=-1"], "--max-rate -1 is out of range"),
        (["compact", "x", "--max-rate", "fast"], "'fast'"),
        (["compact", "x", "--max-rate", "1.5"], "'1.5'"),
        (["compact", "x", "--max-rate", "9223372036854775808"], "9223372036854775808"),
        (["compact", "x", "--deadline", "0"], "--deadline 0.0 is out of range"),
        (["compact", "x", "--deadline=-0.5"], "--deadline -0.5 is out of range"),
        (["compact", "x", "--deadline", "inf"], "--deadline inf is out of range"),
        (["compact", "x", "--deadline", "nan"], "--deadline nan is out of range"),
        (["compact", "x", "--deadline", "soon"], "'soon'"),
        (["compact", "x", "--dry-run", "--max-rate", "0"], "--max-rate"),
        (["recover", "x", "--salvage", "lost.npy"], "name a .jsonl file"),
        (["export", "x", "rows.parquet"], "rows.parquet"),
        (["torture"], "<store>"),
        (["torture", "x", "--seconds", "0"], "--seconds 0 is out of range"),
        (["torture", "x", "--seed", "many"], "many"),
    ])
    func isRefused(_ arguments: [String], _ words: String) throws {
        let run = try lacuna(arguments)
        run.expectFailure(64, saying: words)
        #expect(run.text == "")
    }

    @Test(arguments: [
        ["--help"], ["help", "import"], ["--version"], ["create", "--help"], ["demo", "--help"], ["map", "-h"],
    ])
    func helpIsAnAnswer(_ arguments: [String]) throws {
        let run = try lacuna(arguments)
        #expect(run.status == 0)
        #expect(!run.text.isEmpty)
        #expect(run.error == "")
    }

    @Test func argumentsThatTheStoreRefuses() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(64, "create", directory / "big", "--dimension", "65537", saying: "65537")
        try fail(64, "get", store, "one", saying: "'one' is not an id")
        try fail(64, "delete", store, "1", "2.5", saying: "'2.5' is not an id")
        try fail(64, "erase", store, "1", "2.5", saying: "'2.5' is not an id")
        try fail(64, "set", store, "1", "x", "{}", saying: "'x' is not an id")
        try fail(64, "search", store, "--like", "x", saying: "'x' is not an id")
        try fail(64, "put", store, "x", saying: "'x' is not an id", input: "[1,2,3]")
        try fail(65, "put", store, "1", saying: "replace it with `--replace`", input: "[1,2,3]")
        #expect(try Fixture.rowCount(store) == 3)
    }

    @Test(arguments: ["", "nonsense", "[]", #"{"n": {"$like": 1}}"#, #"{"n": 1"#, #"{"n": {"$in": 1}}"#])
    func aWrongFilterInJSONIsAUsageError(_ filter: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        for words in [
            ["list", store], ["delete", store], ["search", store, "--like", "1"],
            ["export", store, directory / "e.npy"],
        ] {
            try lacuna(words + ["--filter", filter]).expectFailure(64)
        }
        #expect(try Fixture.rowCount(store) == 3)
        #expect(!FileManager.default.fileExists(atPath: directory / "e.npy"))
    }

    @Test(arguments: [
        "nonsense", "1; DELETE FROM vectors", "1) UNION SELECT id FROM vectors --", "(SELECT count(*) FROM store) = 1",
        "id IN (SELECT id FROM vectors)", "load_extension('x')", "1) OR (1", "",
    ])
    func filterIsAnExpressionAndNothingElse(_ filter: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        for words in [
            ["list", store], ["delete", store], ["set", store, "{}"], ["search", store, "--like", "1"],
            ["export", store, directory / "e.npy"],
        ] {
            try lacuna(words + ["--where", filter]).expectFailure(64)
        }
        #expect(try Fixture.rowCount(store) == 3)
        #expect(!FileManager.default.fileExists(atPath: directory / "e.npy"))
    }

    @Test func theVersionIsTheNewestOfTheChangelog() throws {
        let file = Repository.root.appendingPathComponent("CHANGELOG.md")
        let changelog = try String(contentsOf: file, encoding: .utf8)
        let version = try #require(changelog.firstMatch(of: /\n## (\S+)/)).output.1
        #expect(try Program.lacuna.run(["--version"]).lines == ["lacuna \(version)"])
    }
}
