import Foundation
import LacunaFormats
import TestSupport
import Testing

/// What PostgreSQL or pgvector can't keep is refused before anything is written. `PostgresTests` checks that a server
/// takes what lies just within a limit.
@Suite struct ExportLimitTests {
    private func expectRefusal(
        _ store: String,
        _ directory: TemporaryDirectory,
        _ options: [String] = [],
        saying words: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        for target in ["-", directory / "out.sql"] {
            let run = try lacuna(["export", store, target, "--to", "postgres"] + options)
            run.expectFailure(65, saying: words, at: location)
            #expect(run.output.isEmpty, sourceLocation: location)
        }
        #expect(try directory.names().filter { $0.hasPrefix("out") } == [], sourceLocation: location)
    }

    @Test(arguments: [
        (#"{"ok":1,"a":["x\u0000y"]}"#, "U+0000"), (#"{"\u0000":1}"#, "U+0000"), (#"{"a":"\ud83e"}"#, "surrogate"),
        (#"{"a":"\udd86\ud83e"}"#, "surrogate"), (#"{"a":1e131072}"#, "number"), (#"{"a":-12.5E131071}"#, "number"),
        (#"{"a":[1e-16384]}"#, "number"), (#"{"a":0.1e-99999999999999999999}"#, "number"),
    ])
    func metadata(_ json: String, _ words: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try succeed("put", store, "9", "--metadata", json, input: "[1,2,3]")
        try expectRefusal(store, directory, saying: words)
        try expectRefusal(store, directory, ["--sync"], saying: "id 9: ")
        #expect(try succeed("export", store, "--to", "postgres", "--where", "id < 9").lines.contains("\\."))
        // Other formats have a place for it.
        #expect(try succeed("export", store, "--to", "csv").lines.count == 5)
    }

    @Test func ids() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "1", "--ids", "text")
        try succeed("put", store, String(repeating: "é", count: 1_347), input: "[1]")
        try expectRefusal(store, directory, saying: "2694 bytes")
    }

    @Test(arguments: [
        (16_001, "none", "float32", "16,000"), (2_001, "hnsw", "float32", "2,000"), (4_001, "half", "float32", "4,000"),
        (4_001, "hnsw", "float16", "4,000"), (16_001, "none", "int8", "16,000"),
    ])
    func dimensions(_ dimension: Int, _ index: String, _ element: String, _ words: String) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "\(dimension)", "--element", element)
        try expectRefusal(store, directory, ["--index", index], saying: words)
    }

    @Test func componentsBeyondFloat16() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "2")
        try succeed("put", store, "1", input: "[1,-65520]")
        try expectRefusal(store, directory, ["--index", "half"], saying: "component 1")
        #expect(try succeed("export", store, "--to", "postgres").lines.contains("\\."))
    }
}
