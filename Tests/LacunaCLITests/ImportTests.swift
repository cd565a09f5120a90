import Foundation
import LacunaFormats
import TestSupport
import Testing

@Suite struct ImportTests {
    /// JSON that is valid but of the wrong kind is reported as that.
    @Test func valuesOfAnotherKind() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        for (line, words) in [
            (#"{"id":9,"vector":null}"#, "line 1: the vector is not an array of numbers; "),
            (#"{"id":9,"vector":[1,2,3],"metadata":[1]}"#, "line 1: \"metadata\": not a JSON object; "),
            ("[1]", "line 1: not a JSON object; "),
        ] {
            try fail(65, "import", store, try directory.write("r.jsonl", line + "\n"), saying: words)
        }
        try fail(
            65,
            "put",
            store,
            "9",
            "--metadata",
            "[1]",
            saying: "--metadata: not a JSON object; ",
            input: "[1,2,3]"
        )
    }

    /// Nothing of the batch is written.
    @Test(arguments: [("float16", Float(65_520)), ("int8", 1.5), ("int8", 128), ("int8", -129)])
    func componentsWithoutAPlace(_ element: String, _ value: Float) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "2", "--element", element)
        let writer = try NPYWriter(path: directory / "a.npy", dimension: 2)
        for row in 0..<9 { try writer.append([Float(row), row == 6 ? value : 1]) }
        _ = try writer.finish()
        try fail(
            65,
            "import",
            store,
            directory / "a.npy",
            saying: "component 1 of the vector of id 7 is \(value), which"
        )
        #expect(try Fixture.rowCount(store) == 0)
        let vector = try jsonArray(of: [value, 0])
        try fail(65, "put", store, "1", saying: "component 0 of the vector of id 1 is \(value)", input: vector)
        #expect(try Fixture.rowCount(store) == 0)
    }

    /// Files that contradict one another or the store are refused before the first row is written.
    @Test func badFilesChangeNothing() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 3)
        try Fixture.npy(directory / "flat.npy", 3, dimension: 2)
        let garbage = try directory.write("garbage.npy", "this is no array")
        let short = try directory.write("short.jsonl", "{\"id\":1}\n{\"id\":2}\n")
        let twice = try directory.write("twice.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":1}\n")
        let mixed = try directory.write("mixed.jsonl", "{\"id\":1}\n{\"n\":2}\n{\"id\":3}\n")
        let texts = try directory.write("texts.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n")
        let keys = try directory.write("keys.jsonl", "{\"id\":1}\n{\"id\":2,\"n\":{\"k\":1,\"k\":2}}\n{\"id\":3}\n")
        let broken = try directory.write("broken.jsonl", "{\"id\":1}\n{\"id\":2\n{\"id\":3}\n")
        let ids = try directory.write("ids.txt", "1\n2\n3\n4\n")
        let words = try directory.write("words.txt", "1\ntwo\n3\n")
        let vectors = directory / "v.npy"
        for (arguments, expected) in [
            ([directory / "flat.npy"], "2 components"), ([garbage], "garbage.npy"),
            ([vectors, "--metadata", short], "has 2 lines for the 3 rows"),
            ([vectors, "--metadata", twice], "twice.jsonl, line 3: the id 1 is there twice"),
            ([vectors, "--metadata", mixed], "mixed.jsonl, line 2"), ([vectors, "--metadata", texts], "line 1"),
            ([vectors, "--metadata", broken], "broken.jsonl, line 2"),
            ([vectors, "--metadata", keys], "keys.jsonl, line 2: the key 'k' occurs twice in one object; remove one"),
            ([vectors, "--ids", ids], "has 4 ids for the 3 rows"),
            ([vectors, "--ids", words], "words.txt, line 2: 'two'"),
        ] {
            try lacuna(["import", store] + arguments).expectFailure(65, saying: expected)
        }
        try fail(64, "import", store, vectors, "--first-id", "9223372036854775806", saying: "--first-id")
        #expect(try Fixture.rowCount(store) == 0)
        try succeed("import", store, vectors, "--first-id", "9223372036854775805")
        #expect(try Fixture.rowCount(store) == 3)
    }

    @Test(arguments: [
        ("{\"id\":1}", "no \"vector\""), ("{\"id\":1,\"vector\":[1,2]}", "2 components"),
        ("{\"id\":1,\"vector\":[1,2,1e39]}", "component 2"), ("{\"id\":1,\"vector\":[1,2,NaN]}", "line 2"),
        ("{\"id\":1,\"vector\":[1,2,3],\"metadata\":{},\"name\":\"x\"}", "has \"name\" beside its \"metadata\""),
        ("{\"id\":1.5,\"vector\":[1,2,3]}", "1.5"),
        ("{\"id\":1,\"vector\":[1,2,3],\"metadata\":{\"k\":1,\"k\":1}}", "line 2: the key 'k' occurs twice"),
        ("{\"id\":1,\"vector\":[1,2,3],\"metadata\":[]}", "line 2"), ("[1,2,3]", "line 2"),
        ("{\"id\":7,\"vector\":[1,2,3]}", "the id 7 is there twice"),
    ])
    func badRowOfJSONLines(_ row: String, _ expected: String) throws {
        let directory = try TemporaryDirectory()
        try succeed("create", directory / "s", "--dimension", "3")
        let rows = try directory.write("r.jsonl", "{\"id\":7,\"vector\":[1,2,3]}\n\(row)\n")
        try fail(65, "import", directory / "s", rows, saying: expected)
        #expect(try Fixture.rowCount(directory / "s") == 0)
    }

    /// A row that only the store can refuse stops the import at its batch, and the line counts the rows before that.
    @Test func errorInALaterBatchCountsTheRowsThatAreKept() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        let writer = try NPYWriter(path: directory / "v.npy", dimension: 3)
        for row in 0..<50 { try writer.append(row == 33 ? [1, .nan, 2] : Fixture.vector(row)) }
        _ = try writer.finish()
        let run = try fail(65, "import", store, directory / "v.npy", "--batch", "10", "--acks", saying: "34")
        #expect(run.lines == ["ACK 10", "ACK 20", "ACK 30"])
        #expect(run.error.contains("; 30 rows were imported before this and are kept"))
        #expect(try Fixture.rowCount(store) == 30)
    }

    @Test func replacing() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 4)
        try Fixture.npy(directory / "v.npy", 2, dimension: 3)
        let metadata = try directory.write("m.jsonl", "{\"id\":3,\"new\":true}\n{\"id\":4}\n")
        try fail(65, "import", store, directory / "v.npy", "--metadata", metadata, saying: "exists already")
        let words = ["import", store, directory / "v.npy", "--metadata", metadata, "--replace"]
        #expect(try succeed(words + ["--json"]).json()["old_metadata"] as? String == "kept")
        func metadataOfThreeAndFour() throws -> [String] {
            try succeed("list", store, "--json").lines.suffix(2).map {
                String($0.dropFirst(#"{"id":3,"metadata":"#.utf8.count))
            }
        }
        #expect(try metadataOfThreeAndFour() == [#"{"new":true}}"#, #"{"n": 4}}"#])
        #expect(try succeed(words).text.hasSuffix("; where there were no new metadata, old ones were kept\n"))
        let dropped = try succeed(words + ["--drop-metadata", "--json"]).json()
        #expect(dropped["old_metadata"] as? String == "dropped")
        #expect(try metadataOfThreeAndFour() == [#"{"new":true}}"#, "null}"])
        try fail(65, "put", store, "3", saying: "exists already", input: "[1,2,3]")
        try succeed("put", store, "3", "--replace", input: "[1,2,3]")
        #expect(
            try succeed("get", store, "3", "--json").text
                == "{\"id\":3,\"vector\":[1.0,2.0,3.0],\"metadata\":{\"new\":true}}\n"
        )
        try succeed("put", store, "3", "--replace", "--drop-metadata", input: "[1,2,4]")
        #expect(
            try succeed("get", store, "3", "--json").text
                == "{\"id\":3,\"vector\":[1.0,2.0,4.0],\"metadata\":null}\n"
        )
    }

    /// If every row brings metadata, or none may replace another, there is nothing to say of old ones.
    @Test func importingSaysNothingOfOldMetadataWithoutReason() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        let rows = #"{"id":1,"vector":[1,2,3],"metadata":{}}"# + "\n"
        let full = try directory.write("full.jsonl", rows)
        let new = try directory.write("new.jsonl", #"{"id":9,"vector":[1,2,3]}"# + "\n")
        for words in [[full, "--replace"], [new]] {
            let answer = try succeed(["import", store] + words + ["--json"]).json()
            #expect(answer["old_metadata"] is NSNull)
        }
        #expect(try succeed("import", store, full, "--replace").text.hasSuffix(" rows a second\n"))
    }

    @Test func acknowledgements() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 25)
        let imported = try succeed("import", store, directory / "v.npy", "--batch", "10", "--acks", "--json")
        #expect(imported.lines.prefix(3) == ["ACK 10", "ACK 20", "ACK 25"])
        #expect(imported.lines.count == 4)
        let deleted = try succeed("delete", store, "--where", "id > 3", "--batch", "20", "--acks", "--json")
        #expect(deleted.lines == ["ACK 20", "ACK 22", "{\"deleted\":22,\"missing\":0}"])
    }

    @Test func idsInAFileOfTheirOwn() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3", "--ids", "text")
        try Fixture.npy(directory / "v.npy", 2)
        try fail(64, "import", store, directory / "v.npy", saying: "can't be counted")
        try succeed("import", store, directory / "v.npy", "--ids", try directory.write("ids", "one\n two \n"))
        #expect(
            try succeed("list", store, "--json").lines.map { $0.prefix(12) } == ["{\"id\":\" two ", "{\"id\":\"one\","]
        )
        try fail(
            65,
            "import",
            store,
            directory / "v.npy",
            "--ids",
            try directory.write("same", "a\na\n"),
            saying: "line 2"
        )
        let deleted = try succeed("delete", store, "--ids", try directory.write("gone", "one\nnone\n"), "--json")
        #expect(deleted.text == "{\"deleted\":1,\"missing\":1}\n")
    }

    @Test(arguments: ["[1,2]", "[1,2,3,4]", "[1,2,null]", "[1,2,3", "", "{}", "[1,2,1e40]", "[1,2,NaN]"])
    func badVectorOnStandardInput(_ text: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try fail(65, "put", store, "9", input: text)
        try fail(65, "search", store, input: text)
        #expect(try Fixture.rowCount(store) == 2)
    }

    @Test(arguments: ["[]", "{", "{\"id\":3}", "{\"a\":01}", "{\"a\":NaN}", "text"])
    func badMetadata(_ text: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try fail(65, "put", store, "9", "--metadata", text, input: "[1,2,3]")
        #expect(try Fixture.rowCount(store) == 2)
    }
}
