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

    @Test(arguments: ["npy", "jsonl"])
    func roundTrip(_ format: String) throws {
        let directory = try TemporaryDirectory()
        let original = try originalStore(directory)
        let first = directory / "first.\(format)"
        let done = try succeed("export", original, first, "--json").json()
        #expect(done["rows"] as? Int == Self.metadata.count)
        let names = format == "npy" ? ["npy", "jsonl"] : ["jsonl"]
        #expect(done["bytes"] as? Int == (try names.reduce(0) { $0 + (try directory.read("first.\($1)")).count }))
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
        #expect(!FileManager.default.fileExists(atPath: first + ".partial"))
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
            try succeed("export", second, directory / "d.npy")
            #expect(try directory.read("d.npy") == directory.read("a.npy"))
            #expect(try succeed("verify", second, "--json").json()["ok"] as? Bool == true)
        }
    }

    @Test func anExistingFileIsReplacedWhole() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        let target = try directory.write("e.jsonl", String(repeating: "old\n", count: 100))
        try succeed("export", store, target)
        #expect(
            String(decoding: try directory.read("e.jsonl"), as: UTF8.self) == """
                {"id":1,"vector":[-38.5,-37.5,-36.5],"metadata":{"n": 1}}
                {"id":2,"vector":[-36.5,-34.5,-32.5],"metadata":{"n": 2}}

                """
        )
    }
}
