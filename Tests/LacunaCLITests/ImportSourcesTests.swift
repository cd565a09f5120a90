import Foundation
import LacunaFormats
import TestSupport
import Testing

/// Imports from standard input, and those that go on.
@Suite struct ImportSourcesTests {
    /// Runs a shell line in which `$L` is the command, `$S` the store, and `$D` the directory.
    private func shell(_ line: String, _ directory: TemporaryDirectory, _ store: String) throws -> ProgramRun {
        let script = "L='\(Program.lacuna.path)' S='\(store)' D='\(directory.path)'; \(line)"
        return try Program("sh").run(["-c", script], input: "")
    }

    @Test func standardInputIsReadLikeAFile() throws {
        let directory = try TemporaryDirectory()
        try Fixture.npy(directory / "v.npy", 2_500)
        let rows = (1...2_500).map { "{\"id\":\($0),\"vector\":[1,2,\($0)],\"metadata\":{\"n\":\($0)}}\n" }.joined()
        _ = try directory.write("v.jsonl", rows)
        for name in ["npy", "jsonl"] {
            let (piped, read) = (directory / "piped-\(name)", directory / "read-\(name)")
            for store in [piped, read] { try succeed("create", store, "--dimension", "3") }
            try succeed("import", read, directory / "v.\(name)")
            let run = try shell("gzip -c $D/v.\(name) | gunzip -c | $L import $S - --format \(name)", directory, piped)
            #expect(run.status == 0, "\(run.error)")
            for store in [piped, read] { try succeed("export", store, store + ".jsonl") }
            #expect(try directory.read("piped-\(name).jsonl") == directory.read("read-\(name).jsonl"))
        }
    }

    @Test func aPipeThatEndsTooSoonKeepsWhatWasAcknowledged() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 2_500)
        let run = try shell("head -c 20000 $D/v.npy | $L import $S - --format npy --acks", directory, store)
        run.expectFailure(65, saying: "; 1000 rows were imported before this and are kept")
        #expect(run.lines == ["ACK 1000"])
        #expect(try Fixture.rowCount(store) == 1_000)
        let more = try shell("(cat $D/v.npy; printf x) | $L import $S - --format npy --skip-existing", directory, store)
        more.expectFailure(65, saying: "bytes follow its 2500 rows")
    }

    /// Counts that only the end tells.
    @Test func idsThatDontFitStandardInput() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        let rows = String(repeating: "{\"vector\":[1,2,3]}\n", count: 3)
        for ids in ["1\n2\n", "1\n2\n3\n4\n"] {
            let file = try directory.write("ids", ids)
            for more in [[], ["--first-id", "5"]] {
                let words = ["import", store, "-", "--format", "jsonl", "--ids", file, "--replace"] + more
                try lacuna(words, input: rows).expectFailure(65, saying: "ids for the ")
            }
            let words = ["import", store, "-", "--format", "jsonl", "--ids", file]
            try lacuna(words).expectFailure(65, saying: "has more ids for the 0 rows")
        }
    }

    @Test func pipesAreStandardInput() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        let run = try shell("mkfifo $D/p.npy; $L import $S $D/p.npy", directory, store)
        run.expectFailure(66, saying: "p.npy: it isn't a regular file; save it as a file, or send it to standard input")
    }

    @Test func theSameCommandFinishesAnImport() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        try Fixture.npy(directory / "v.npy", 25)
        try Fixture.npy(directory / "half.npy", 12)
        try succeed("import", store, directory / "half.npy")
        let words = ["import", store, directory / "v.npy", "--skip-existing", "--batch", "10"]
        let run = try succeed(words + ["--acks", "--json"])
        #expect(run.lines.dropLast() == ["ACK 10", "ACK 20", "ACK 25"])
        let answer = try jsonObject(try #require(run.lines.last))
        #expect(answer["rows"] as? Int == 13 && answer["skipped"] as? Int == 12)
        #expect(try Fixture.rowCount(store) == 25)
        #expect(try succeed(words).text.hasSuffix("; skipped 25 rows that existed\n"))
        try fail(64, "import", store, directory / "v.npy", "--skip-existing", "--replace", saying: "exclude each other")
        try fail(65, "import", store, directory / "v.npy", saying: "the id 1 exists already; the ids are counted")
    }

    @Test func formatsOfFiles() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3")
        let rows = try directory.write("rows.txt", "{\"id\":1,\"vector\":[1,2,3]}\n")
        try fail(64, "import", store, rows, saying: "is of no known format; add --format with one of npy, ")
        try fail(64, "import", store, rows, "--format", "xml", saying: "'xml' is no known format; give one of npy, ")
        try fail(64, "import", store, "-", saying: "the format of standard input isn't given; add --format ")
        try fail(64, "import", store, "rows.jsonl.gz", saying: "'rows.jsonl.gz' is compressed; unpack it on the way: ")
        try fail(64, "import", store, "v.npy", "--batch", "-5", saying: "--batch -5 is out of range; ")
        try succeed("import", store, rows, "--format", "jsonl")
        try Fixture.npy(directory / "v.npy", 2)
        try fail(64, "import", store, directory / "v.npy", "--id-field", "n", saying: ".npy takes no --id-field; ")
        let bytes = try directory.write("v.bvecs", [3, 0, 0, 0, 0, 127, 255, 3, 0, 0, 0, 1, 2, 3] as [UInt8])
        try succeed("import", store, bytes, "--first-id", "10")
        let found = try succeed("get", store, "10", "11", "--json").lines
        #expect(found.first == #"{"id":10,"vector":[0.0,127.0,255.0],"metadata":null}"# && found.count == 2)
    }

    /// The fields of rows that other programs have written.
    @Test func fieldsOfJSONLines() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "2")
        func imported(_ row: String, _ options: String...) throws -> String {
            let rows = try directory.write("r.jsonl", row + "\n")
            try succeed(["import", store, rows, "--replace", "--drop-metadata"] + options)
            return try succeed("get", store, "1", "--json").text
        }
        let head = #"{"id":1,"vector":[0.5,-1.0],"metadata":"#
        #expect(
            try imported(#"{"id": 1, "text" : "a\u0062", "embedding":[0.5,-1],"n":1.50}"#)
                == head + #"{"text": "a\u0062", "n": 1.50}}"# + "\n"
        )
        #expect(try imported(#"{"id":1,"vector":[0.5,-1]}"#) == head + "null}\n")
        let row = #"{"key":1,"v":[0.5,-1],"vector":[9],"info":{"a":1},"b":2}"#
        #expect(
            try imported(row, "--id-field", "key", "--vector-field", "v")
                == head + #"{"vector": [9], "info": {"a":1}, "b": 2}}"# + "\n"
        )
        #expect(
            try imported(row, "--id-field", "key", "--vector-field", "v", "--metadata-field", "info")
                == head + "{\"a\":1}}\n"
        )
        let wrong = try directory.write("w.jsonl", "{\"id\":1,\"vec\":[1,2]}\n")
        try fail(65, "import", store, wrong, saying: #"w.jsonl, line 1: the row has no "vector", but "id", "vec"; "#)
    }
}
