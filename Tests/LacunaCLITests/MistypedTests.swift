import TestSupport
import Testing

@testable import LacunaCLI

/// Errors say what was meant, and point at the place in the user's own text.
@Suite struct MistypedTests {
    @Test(arguments: [
        (["serch"], "'serch' is not a command; did you mean `lacuna search`?"),
        (["help", "complact"], "'complact' is not a command; did you mean `lacuna compact`?"),
        (["ls"], "'ls' is not a command; did you mean `lacuna list`?"),
        (["my store", "stats", "--json"], "the command comes first: `lacuna stats 'my store' --json`"),
        (["xyzzy"], "`lacuna --help` lists the commands"),
        (["stats", "x", "--jsn"], "unknown option '--jsn'; did you mean '--json'?"),
        (["list", "x", "--limit", "-1"], "--limit -1 is out of range"),
        (["search", "x", "-k", "-3"], "-k -3 is out of range"), (["list", "x", "--limit"], "`lacuna help list`"),
        (["compact", "x", "--wait", "-1"], "--wait -1.0 is out of range"),
        (["list", "x", "--columns", "a", "--json"], "--columns and --json exclude each other"),
        (["list", "x", "--columns", "a,,b"], "'' is no field"),
        (["list", "x y"], "make the store with `lacuna create 'x y' --dimension N`"),
    ])
    func theErrorSaysWhatToType(_ words: [String], _ said: String) throws {
        let run = try lacuna(words)
        run.expectFailure(words == ["list", "x y"] ? 66 : 64, saying: said)
    }

    @Test func aNegativeIDMayBeTheExample() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(1, "search", store, "--like", "-5", saying: "the id -5")
    }

    @Test(arguments: [
        ("section = 'games'", "write `metadata ->> 'section'`", "section = 'games'", "^^^^^^^"),
        ("id = 1 AND author.name = 'A'", "write `metadata ->> '$.author.name'`", nil, "           ^^^^^^"),
        ("metdata ->> 'a' = 1", "did you mean `metadata`?", nil, "^^^^^^^"),
        (#"metadata ->> 'a' = "b""#, "single quotes: 'b'", nil, "                   ^^^"),
        ("lenght(metadata) > 3", "did you mean length?", nil, "^^^^^^"),
        ("id > 1 adn id < 3", "did you mean AND?", nil, "       ^^^"),
        ("id > 1 AND", "ends too early", nil, "          ^"), ("id = 'a", "doesn't end", nil, "     ^"),
        ("id = 1 é", "beyond ASCII", nil, "       ^"), ("id\n = 日", "beyond ASCII", #"id\u{a} = 日"#, "          ^^"),
        ("rowid = 1", "`rowid` is no column", nil, "^^^^^"),
        ("instr(metadata, id) > 0", "second argument", nil, "                ^^"),
    ])
    func aFilterIsPointedAt(_ filter: String, _ said: String, _ shown: String?, _ marks: String) throws {
        try expectPlace(["--where", filter], said, shown ?? filter, marks)
    }

    @Test(arguments: [
        (#"{"a":1"#, "`}` is missing", "      ^"), (#"{"a":{"$eqq":1}}"#, "did you mean `$eq`?", "      ^^^^^^"),
        (#"{"$and":[{"x":1},{"a":{"$in":1}}]}"#, "takes a list", "                       ^^^^^"),
        (#"{"$nor":[]}"#, #"write {"$not": {"$or": […]}}"#, " ^^^^^^"),
        (#"{"a":{"b":1}}"#, "write the operator with a $, or the key `b` inside of `a` as `a.b`", "      ^^^"),
    ])
    func aFilterInJSONIsPointedAt(_ filter: String, _ said: String, _ marks: String) throws {
        try expectPlace(["--filter", filter], said, filter, marks)
    }

    private func expectPlace(_ words: [String], _ said: String, _ shown: String, _ marks: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let run = try lacuna(["list", store] + words)
        run.expectFailure(64, saying: said)
        let lines = run.error.split(separator: "\n").map(String.init)
        #expect(lines.dropFirst() == ["  " + shown, "  " + marks])
    }

    @Test func aLongFilterIsCutAroundThePlace() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let filter =
            String(repeating: "id <> 1 AND ", count: 20) + "nam = 1" + String(repeating: " AND id <> 2", count: 20)
        let lines = try fail(64, "list", store, "--where", filter).error.split(separator: "\n").map(String.init)
        #expect(lines.count == 3 && lines[1].columns <= 80 && lines[1].contains("…") && lines[1].hasSuffix("…"))
        let indent = lines[2].prefix { $0 == " " }.count
        #expect(lines[1].dropFirst(indent).hasPrefix("nam = 1") && lines[2].hasSuffix(" ^^^"))
    }

    @Test func nothingMatchedSaysWhichLimitToWiden() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(1, "list", store, "--where", "id > 9", saying: "nothing matched; try a wider --where")
        try fail(1, "list", store, "--filter", #"{"n": 9}"#, saying: "nothing matched; try a wider --filter")
        try fail(1, "search", store, "--like", "1", "--radius", "0", saying: "nothing matched; try a larger --radius")
    }

    @Test func verifyNamesThings() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try directory.flip("s/vectors-1.f32", at: 4096 + 12 + 5)
        let run = try fail(1, "verify", store, saying: "`lacuna restore BACKUP \(store)`")
        #expect(run.text.contains("rows with a bad checksum: id 2"))
    }

    @Test func aBackupOverTheStoreItself() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(64, "backup", store, store, saying: "is the store itself")
        try fail(64, "backup", store, store + "/.", "--incremental", saying: "is the store itself")
    }
}
