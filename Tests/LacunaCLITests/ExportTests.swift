import Foundation
import LacunaFormats
import TestSupport
import Testing

/// Every format exports byte for byte what was imported.
@Suite struct ExportTests {
    /// Metadata whose text must not change: the order of keys, the spelling of numbers, white space and escapes. Some
    /// are empty, some rows have none.
    private static let metadata: [String?] = [
        "{\"b\": 1, \"a\": 1.0e+00}", "{ \"a\" :1 }", "{}", "{ }", nil,
        "{\"x\":\"\\u00e9 \\/ é\",\"y\":[1, {\"id\":2}]}",
        "{\"n\": 12345678901234567890123.5000}", "{\"a\":1,\"c\":{\"a\":2}}",
    ]

    private func originalStore(_ directory: TemporaryDirectory) throws -> String {
        let store = directory / "original"
        try succeed("create", store, "--dimension", "4", "--metric", "euclidean")
        let components: [[Float]] = [
            [0.1, -0.0, .leastNonzeroMagnitude, 3.4028235e38], [1, 2, 3, 4], [-1.5, 16_777_216, 1e-7, 0.333_333_34],
            [0, 0, 0, 0],
        ]
        for (index, json) in Self.metadata.enumerated() {
            let vector = try jsonArray(of: components[index % components.count])
            let arguments = ["put", store, "\(index * 7 + 1)"] + (json.map { ["--metadata", $0] } ?? [])
            let run = try lacuna(arguments, input: vector)
            #expect(run.status == 0, "\(run.error)")
        }
        return store
    }

    /// The formats with ids and metadata that are written, and that an import reads.
    private static let wholeFormats = RowFormat.written.map(\.name)
        .filter { RowFormat(named: $0) != nil && $0 != "fvecs" }

    @Test(arguments: wholeFormats)
    func roundTrip(_ format: String) throws {
        let directory = try TemporaryDirectory()
        let original = try originalStore(directory)
        let first = directory / "first.\(format)"
        let done = try succeed("export", original, first, "--json").json()
        #expect(done["rows"] as? Int == Self.metadata.count)
        let names = format == "npy" ? ["npy", "jsonl"] : [format]
        let files = (names + ["\(format).store.json"]).map { "first.\($0)" }
        #expect(done["files"] as? [String] == files.map { directory / $0 })
        #expect(done["bytes"] as? Int == (try files.reduce(0) { $0 + (try directory.read($1)).count }))
        let copy = directory / "copy"
        try succeed("create", copy, "--dimension", "4", "--metric", "euclidean")
        try succeed(
            ["import", copy, first] + (format == "npy" ? ["--metadata", directory / "first.jsonl"] : [])
        )
        let ids = Self.metadata.indices.map { "\($0 * 7 + 1)" }
        let before = try succeed(["get", original, "--json"] + ids)
        #expect(before.lines.count == ids.count)
        #expect(before.text == (try succeed(["get", copy, "--json"] + ids)).text)
        try succeed("export", copy, directory / "second.\(format)")
        for name in names { #expect(try directory.read("first.\(name)") == directory.read("second.\(name)")) }
        #expect(!FileManager.default.fileExists(atPath: first + ".lacuna-partial"))
    }

    @Test func sampleComesBackByteForByte() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.sampleStore(directory)
        try succeed("export", store, directory / "sample.npy")
        let samples = URL(fileURLWithPath: Repository.sample)
        for name in ["sample.npy", "sample.jsonl"] {
            let original = try Data(contentsOf: samples.appendingPathComponent(name))
            #expect(try directory.read(name) == original, "\(name)")
        }
    }

    @Test func fvecs() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 5)
        try succeed("export", store, directory / "a.fvecs", "--where", "id <> 2")
        let bytes = try directory.read("a.fvecs")
        #expect(bytes.count == 4 * (4 + 12))
        #expect(bytes.prefix(4) == Data([3, 0, 0, 0]))
        try succeed("create", directory / "t", "--dimension", "3")
        try succeed("import", directory / "t", directory / "a.fvecs", "--first-id", "-2")
        #expect(try succeed("list", directory / "t", "--json").lines.map { $0.prefix(8) }.first == "{\"id\":-2")
        try succeed("export", directory / "t", directory / "b.fvecs")
        #expect(try directory.read("b.fvecs") == bytes)
        try directory.flip("a.fvecs", at: 16)
        try fail(65, "import", directory / "t", directory / "a.fvecs", "--first-id", "100", saying: "row 1")
        #expect(try Fixture.rowCount(directory / "t") == 4)
    }

    /// A .npy file has the type of the store's element, and the other formats have the same values.
    @Test(arguments: [("float16", "<f2", NPYElement.half), ("int8", "|i1", .int8)])
    func elements(_ element: String, _ type: String, _ inFile: NPYElement) throws {
        let directory = try TemporaryDirectory()
        let original = try NPYWriter(path: directory / "a.npy", dimension: 3, element: inFile)
        for row in 0..<50 { try original.append([Float(row), -128, Float(row % 7 - 60)]) }
        _ = try original.finish()
        func store(_ name: String, from file: String) throws -> String {
            let store = directory / name
            let made = try succeed("create", store, "--dimension", "3", "--element", element, "--json")
            #expect(try made.json()["element"] as? String == element)
            try succeed("import", store, directory / file)
            return store
        }
        let first = try store("first", from: "a.npy")
        #expect(try succeed("stats", first, "--json").json()["element"] as? String == element)
        #expect(try succeed("get", first, "2").text.contains("[1.00000, -128.00000, -59.00000]"))
        try succeed("export", first, directory / "b.npy")
        #expect(try directory.read("b.npy") == directory.read("a.npy"))
        #expect(String(decoding: try directory.read("b.npy").prefix(128), as: UTF8.self).contains("'\(type)'"))
        for format in ["fvecs", "jsonl"] {
            try succeed("export", first, directory / "c.\(format)")
            let second = try store(format, from: "c.\(format)")
            try succeed("export", second, directory / "\(format).npy")
            #expect(try directory.read("\(format).npy") == directory.read("a.npy"))
            #expect(try succeed("verify", second, "--json").json()["ok"] as? Bool == true)
        }
    }

    /// The files of an export to a format, without the directory and the description.
    private static let files = [
        "npy": ["a.npy", "a.jsonl"], "fvecs": ["a.fvecs"], "jsonl": ["a.jsonl"], "csv": ["a.csv"],
        "sqlite": ["a.sqlite"], "sql": ["a.sql"],
    ]

    /// An export replaces its own files, whole.
    @Test(arguments: files.keys)
    func theSameExportAgain(_ ending: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 20)
        let names = Self.files[ending]! + ["a.\(ending).store.json"]
        let first = try succeed("export", store, directory / "a.\(ending)", "--json").json()
        #expect(first["rows"] as? Int == 20)
        #expect(first["files"] as? [String] == names.map { directory / $0 })
        try succeed("delete", store, "--where", "id > 2")
        #expect(try succeed("export", store, directory / "a.\(ending)", "--json").json()["rows"] as? Int == 2)
        try succeed("export", store, directory / "fresh.\(ending)")
        for name in Self.files[ending]! {
            #expect(
                try directory.read(name) == directory.read(name.replacing("a.", with: "fresh.", maxReplacements: 1))
            )
        }
        #expect(try directory.names().filter { $0.hasPrefix("a.") } == names.sorted())
    }

    /// Every other file in the way stays as it is, and nothing is written.
    @Test(arguments: files.keys)
    func filesOfOthersStay(_ ending: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        let target = directory / "a.\(ending)"
        for name in Self.files[ending]! + ["a.\(ending).store.json"] {
            let path = try directory.write(name, "mine")
            try fail(73, "export", store, target, saying: name)
            #expect(try directory.read(name) == Data("mine".utf8))
            try FileManager.default.removeItem(atPath: path)
            // A link that leads nowhere is a file of others as well.
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nowhere")
            try fail(73, "export", store, target, saying: name)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "nowhere")
            try FileManager.default.removeItem(atPath: path)
            #expect(try directory.names() == ["s", "s.jsonl", "s.npy"])
        }
        let other = directory / "other"
        try succeed("create", other, "--dimension", "3")
        try succeed("export", other, target)
        let before = try Self.files[ending]!.map { try directory.read($0) }
        try fail(73, "export", store, target, saying: "belongs to another export")
        #expect(try Self.files[ending]!.map { try directory.read($0) } == before)
    }

    @Test func formatsThatShareANameStayApart() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try succeed("export", store, directory / "all.npy")
        let metadata = try directory.read("all.jsonl")
        try fail(73, "export", store, directory / "all.jsonl", saying: "all.jsonl is there already")
        #expect(try directory.read("all.jsonl") == metadata)
        try succeed("export", store, directory / "rows.jsonl")
        let rows = try directory.read("rows.jsonl")
        try fail(73, "export", store, directory / "rows.npy", saying: "rows.jsonl is there already")
        #expect(try directory.read("rows.jsonl") == rows)
        #expect(!FileManager.default.fileExists(atPath: directory / "rows.npy"))
    }

    /// Its description names files that now belong to another export.
    @Test func aRenamedExportIsRefused() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try succeed("export", store, directory / "all.npy")
        for name in ["npy", "jsonl", "npy.store.json"] {
            try FileManager.default.moveItem(atPath: directory / "all.\(name)", toPath: directory / "old.\(name)")
        }
        try succeed("export", store, directory / "all.npy")
        let refused = try lacuna(["import", directory / "copy", directory / "old.npy"])
        refused.expectFailure(65, saying: "describes the export all.npy, not old.npy")
        #expect(!FileManager.default.fileExists(atPath: directory / "copy"))
    }

    @Test func anExportOfAnotherNumberOfRowsIsRefused() throws {
        let directory = try TemporaryDirectory()
        try succeed("export", try Fixture.store(directory, 2), directory / "a.fvecs")
        let two = try directory.read("a.fvecs")
        try succeed("delete", directory / "s", "1")
        try succeed("export", directory / "s", directory / "a.fvecs")
        _ = try directory.write("a.fvecs", [UInt8](two))
        try fail(65, "import", directory / "copy", directory / "a.fvecs", saying: "it has 2 rows, and")
    }

    @Test func refusedPaths() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try fail(64, "export", store, store + "/x.csv", saying: "lies in the store's directory")
        try fail(73, "export", store, directory / "x.jsonl", "--to", "npy", saying: "both the file of vectors and")
        #expect(try directory.names() == ["s", "s.jsonl", "s.npy"])
    }

    /// A program that reads may have set the pipe so that no write waits.
    @Test func aPipeThatDoesNotWait() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let expected = try succeed("export", store, "--to", "jsonl").text
        let pipe = Pipe()
        let writing = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(writing, F_SETFL, fcntl(writing, F_GETFL) | O_NONBLOCK) == 0)
        // The pipe is full until the export has begun to wait, or failed.
        var filled = 0
        let dots = [UInt8](repeating: 0x2E, count: 4_096)
        while case let count = unsafe Foundation.write(writing, dots, dots.count), count > 0 { filled += count }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.lacuna.path)
        process.arguments = ["export", store, "--to", "jsonl"]
        process.standardOutput = pipe
        try process.run()
        try pipe.fileHandleForWriting.close()
        let output = try #require(try pipe.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(String(decoding: output.dropFirst(filled), as: UTF8.self) == expected)
    }

    @Test func theDescriptionSaysWhatTheStoreIs() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        let made = try succeed(
            ["create", store, "--dimension", "2", "--metric", "dot", "--ids", "uuid", "--element", "float16"]
                + ["--model", "m\"1", "--model-version", "2", "--normalized", "--json"]
        ).json()
        try succeed("export", store, directory / "a.npy")
        let text = String(decoding: try directory.read("a.npy.store.json"), as: UTF8.self)
        let expected: NSDictionary = [
            "store": made["uuid"]!, "dimension": 2, "metric": "dot", "ids": "uuid", "element": "float16",
            "model": "m\"1", "model_version": "2", "normalized": true, "rows": 0, "files": ["a.npy", "a.jsonl"],
        ]
        #expect(try jsonObject(text) as NSDictionary == expected)
    }

    /// An import of an export makes a store like the exported one, and the same rows.
    @Test(
        arguments: wholeFormats,
        [("integer", "5"), ("text", "a\"\u{301}\n\\.,é"), ("uuid", "6f9619ff-8b86-d011-b42d-00c04fc964ff")]
    )
    func anImportMakesTheSameStore(_ ending: String, _ ids: (kind: String, id: String)) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed(
            ["create", store, "--dimension", "2", "--metric", "dot", "--ids", ids.kind, "--element", "float16"]
                + ["--model", "m", "--model-version", "2", "--no-normalized"]
        )
        try succeed("put", store, ids.id, "--metadata", "{ \"a\":1.0e0}", input: "[0.5,-0.0]")
        try succeed("export", store, directory / "a.\(ending)")
        let made = try succeed("import", directory / "copy", directory / "a.\(ending)")
        #expect(made.error.hasSuffix("copy was made, as \(directory / "a.\(ending).store.json") describes it\n"))
        try succeed("export", directory / "copy", directory / "b.\(ending)")
        for name in Self.files[ending]! {
            #expect(try directory.read(name) == directory.read(name.replacing("a.", with: "b.", maxReplacements: 1)))
        }
        let before = try succeed("stats", store, "--json").json()
        let after = try succeed("stats", directory / "copy", "--json").json()
        for key in ["dimension", "metric", "ids", "element", "model", "model_version", "normalized", "live"] {
            #expect("\(try #require(before[key]))" == "\(try #require(after[key]))", "\(key)")
        }
    }

    @Test func anImportSaysHowTheStoreDiffers() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let export = directory / "a.npy"
        try succeed("export", store, export)
        let other = directory / "other"
        try succeed(["create", other, "--dimension", "3", "--metric", "dot", "--element", "int8"])
        try fail(65, "import", other, export, saying: "component 0")
        try succeed("create", directory / "dot", "--dimension", "3", "--metric", "dot")
        let run = try succeed("import", directory / "dot", export)
        #expect(run.error.contains("distances were euclidean and are dot here"), "\(run.error)")
        #expect(try succeed("list", directory / "dot", "--json").lines == succeed("list", store, "--json").lines)
        try succeed("create", directory / "four", "--dimension", "4")
        try fail(65, "import", directory / "four", export, saying: "3 components")
        try succeed("create", directory / "text", "--dimension", "3", "--ids", "text")
        try fail(65, "import", directory / "text", export, saying: "not an id")
    }

    @Test func aFailedImportSaysThatItMadeTheStore() throws {
        let directory = try TemporaryDirectory()
        try succeed("export", try Fixture.store(directory, 3), directory / "a.jsonl")
        let lines = String(decoding: try directory.read("a.jsonl"), as: UTF8.self)
        _ = try directory.write("a.jsonl", lines + "{}\n")
        try fail(65, "import", directory / "new", directory / "a.jsonl", "--batch", "2", saying: "new was made, as ")
        #expect(try Fixture.rowCount(directory / "new") == 2)
    }

    /// A description is as hostile as any file.
    @Test func descriptionsThatCantBeRight() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try succeed("export", store, directory / "a.npy")
        let text = String(decoding: try directory.read("a.npy.store.json"), as: UTF8.self)
        let new = directory / "new"
        func expectRefusal(_ status: Int32, _ old: String, _ other: String, saying words: String) throws {
            let forged = text.replacing(old, with: other)
            try #require(forged != text)
            _ = try directory.write("a.npy.store.json", forged)
            try fail(status, "import", new, directory / "a.npy", saying: words)
            #expect(!FileManager.default.fileExists(atPath: new))
        }
        try expectRefusal(65, "\"rows\" : 3", "\"rows\" : null", saying: "interrupted")
        try expectRefusal(65, "\"euclidean\"", "\"manhattan\"", saying: "no store of this version")
        try expectRefusal(65, "\"integer\"", "7", saying: "doesn't describe an export")
        try expectRefusal(64, "\"dimension\" : 3", "\"dimension\" : -3", saying: "dimension")
        // A name that leads elsewhere is no file beside this one.
        _ = try directory.write("a.npy.store.json", text.replacing("\"a.jsonl\"", with: "\"../a.jsonl\""))
        try succeed("import", new, directory / "a.npy")
        #expect(try succeed("list", new, "--json").lines[0].contains("null"))
    }

    @Test func nothingIsWrittenIfNothingMatches() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        let before = try directory.names()
        for ending in Self.files.keys {
            try fail(1, "export", store, directory / "a.\(ending)", "--where", "id > 5", saying: "nothing matched")
            let run = try lacuna(["export", store, directory / "a.\(ending)", "--where", "id > 5", "--json"])
            #expect(run.status == 1 && run.error.isEmpty)
            #expect(try run.json() as NSDictionary == ["rows": 0, "bytes": 0, "files": [String]()])
        }
        for format in ["jsonl", "csv", "postgres"] {
            let run = try lacuna(["export", store, "--to", format, "--where", "id > 5"])
            run.expectFailure(1)
            #expect(run.output.isEmpty)
        }
        #expect(try directory.names() == before)
    }

    /// What goes to standard output is what would be in the file.
    @Test(arguments: [("jsonl", "jsonl"), ("csv", "csv"), ("postgres", "sql")])
    func standardOutput(_ format: String, _ ending: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 5)
        try succeed("export", store, directory / "a.\(ending)")
        for arguments in [["--to", format], ["-", "--to", format]] {
            #expect(try succeed(["export", store] + arguments).output == directory.read("a.\(ending)"))
        }
        try fail(64, "export", store, "--to", format, "--json", saying: "--json")
    }

    @Test func wordsThatDontFit() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 1)
        try fail(64, "export", store, saying: "the format is missing")
        try fail(64, "export", store, directory / "a.txt", saying: "no known format")
        try fail(64, "export", store, "--to", "parquet", saying: "parquet")
        for format in ["npy", "fvecs", "sqlite"] {
            try fail(64, "export", store, "--to", format, saying: "name a file")
        }
        try fail(64, "export", store, directory / "a.csv", "--sync", saying: "--sync")
        try fail(64, "export", store, directory / "a.csv", "--table", "t", saying: "--table")
        try fail(64, "export", store, directory / "a.sqlite", "--index", "none", saying: "--index")
        try fail(64, "export", store, directory / "a.sqlite", "--table", "SQLite_x", saying: "SQLite")
        try fail(64, "export", store, "--to", "postgres", "--table", "", saying: "0 bytes")
        try fail(64, "export", store, "--to", "postgres", "--table", String(repeating: "t", count: 55), saying: "55")
        #expect(try directory.names() == ["s", "s.jsonl", "s.npy"])
    }
}
