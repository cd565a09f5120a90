import Foundation
import TestSupport
import Testing

@Suite struct SetTests {
    private let directory: TemporaryDirectory
    private let store: String

    init() throws {
        directory = try TemporaryDirectory()
        store = try Fixture.store(directory, 4)
    }

    /// The metadata of all rows, as they are printed.
    private func metadata() throws -> [String] {
        try succeed("list", store, "--json").lines.map { line in
            String(try #require(line.range(of: #""metadata":"#).map { line[$0.upperBound...].dropLast() }))
        }
    }

    @Test func ids() throws {
        let answer = try succeed("set", store, "1", "3", "1", #"{"x":{"y":null,"z":1e2},"n":null}"#, "--json")
        #expect(answer.text == "{\"changed\":2}\n")
        #expect(try metadata() == [#"{"x":{"z":1e2}}"#, #"{"n": 2}"#, #"{"x":{"z":1e2}}"#, #"{"n": 4}"#])
        #expect(try succeed("set", store, "2", "{\"x\":\n1}").text == "changed the metadata of 1 row\n")
        #expect(try metadata()[1] == #"{"n": 2,"x":1}"#)
    }

    @Test func aFilter() throws {
        let words = ["set", store, "--where", "metadata ->> 'n' > 2"]
        #expect(try succeed(words + [#"{"big":true}"#, "--json"]).text == "{\"changed\":2}\n")
        #expect(try metadata() == [#"{"n": 1}"#, #"{"n": 2}"#, #"{"n": 3,"big":true}"#, #"{"n": 4,"big":true}"#])
        try succeed("set", store, "--filter", #"{"n": {"$lt": 2}}"#, #"{"n":null}"#)
        #expect(try metadata()[0] == "{}")
        let none = try lacuna(["set", store, "--json", "--where", "id > 100", "{}"])
        #expect(none.status == 1 && none.text == "{\"changed\":0}\n" && none.error == "")
    }

    /// A row that is named twice counts once, whether it still passes after the first change or not.
    @Test func idsAndAFilter() throws {
        let words = ["set", store, "1", "4", "--where", "metadata ->> 'n' > 2"]
        #expect(try succeed(words + ["{}", "--json"]).text == "{\"changed\":3}\n")
        #expect(try succeed(words + [#"{"n":0}"#, "--json"]).text == "{\"changed\":3}\n")
        #expect(try metadata() == [#"{"n": 0}"#, #"{"n": 2}"#, #"{"n": 0}"#, #"{"n": 0}"#])
        try fail(1, "set", store, "1", "77", "--where", "true", #"{"n":1}"#, saying: "no row has the id 77")
        #expect(try metadata()[1] == #"{"n": 2}"#)
    }

    /// The first id has a row, but nothing is changed unless each has one.
    @Test func anIDWithoutARow() throws {
        let before = try metadata()
        let run = try fail(1, "set", store, "1", "77", #"{"x":1}"#, "--json", saying: "no row has the id 77")
        #expect(run.text == "")
        #expect(try metadata() == before)
    }

    @Test func negativeIDs() throws {
        try succeed("put", store, "--", "-5", input: "[1,2,3]")
        try succeed("set", store, "--", "-5", #"{"n":-5}"#)
        #expect(try metadata()[0] == #"{"n":-5}"#)
    }

    @Test(arguments: [
        ("3", "not a JSON object"), ("", "not a JSON object"), ("{", "the patch"), ("[]", "not a JSON object"),
        (#"{"id":1}"#, "the patch can't be used"), (#"{"a":1,"\u0061":2}"#, "the patch can't be used"),
    ])
    func badPatches(_ patch: String, _ words: String) throws {
        let before = try metadata()
        try fail(65, "set", store, "1", patch, saying: words)
        try fail(65, "set", store, "--where", "id > 0", patch, saying: words)
        #expect(try metadata() == before)
    }
}
