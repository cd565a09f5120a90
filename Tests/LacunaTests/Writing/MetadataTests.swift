import Foundation
import Lacuna
import Testing

private struct Photo: Codable, Equatable, Sendable {
    var name: String
    var year: Int
    var tags: [String]
    var place: String?
}

/// Metadata are one JSON object, kept byte for byte.
@Suite struct MetadataTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1))
        try store.put([1], for: 1, metadataJSON: #"{"kept":true}"#)
    }

    @Test(arguments: [
        "", " ", "{", "}", "{}}", "{}{}", "{} x", "nul", "{a:1}", "{'a':1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#,
        #"{,"a":1}"#,
        #"{"a":01}"#, #"{"a":+1}"#, #"{"a":.5}"#, #"{"a":1.}"#, #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":0x10}"#,
        #"{"a":"b}"#, #"{"a":"\x"}"#, #"{"a":"\u12"}"#, "{\"a\":\"\n\"}", "{\"a\":\"\u{1}\"}", #"{"a":[1,]}"#,
        #"{"a":[}"#,
        "/**/{}", "{}//", #"{"a":tru}"#, #"{"a":TRUE}"#, "\u{FEFF}{}",
        // These are JSON, but no objects.
        "1", "-1.5e3", "\"text\"", "true", "null", "[]", "[{}]",
        // An export puts the id under this key.
        #"{"id":1}"#, #"{"a":1,"id":null}"#, #"{"\u0069d":1}"#, #"{"\u0069\u0064":1}"#, #"{"i\u0064":{}}"#,
        // SQLite uses the first of two equal keys, and most parsers use the last.
        #"{"a":1,"a":1}"#, #"{"a":1,"b":[],"a":2}"#, #"{"a":1,"\u0061":2}"#,
        #"{"x":[0,{"y":{"b":1,"c":{"b":3},"b":2}}]}"#,
        #"{"😀":1,"\ud83d\ude00":2}"#, #"{"":1,"":2}"#, #"{"\\":1,"\u005c":2}"#, #"{"a\"":"a","b":"b","a\u0022":1}"#,
        // Raw NUL characters.
        "\0", "{}\0", "{\"a\":\"\0\"}", "{\0}",
    ])
    func badTextsAreRefused(_ json: String) throws {
        for replacing in [false, true] {
            let error = expectError(.invalidMetadata, json) {
                try store.put([2], for: replacing ? 1 : 2, metadataJSON: json, replacing: replacing)
            }
            #expect(error?.ids == [replacing ? "1" : "2"])
        }
        expectError(.invalidMetadata, json) { try store.setMetadataJSON(json, for: 1) }
        #expect(try store.ids() == [1])
        #expect(try store.vector(for: 1) == [1])
        #expect(try store.metadataJSON(for: 1) == #"{"kept":true}"#)
    }

    @Test(arguments: [
        "{}", " {\n\t\"b\" : 1.0,\r\n \"a\" : 1e2 } ", #"{"z":1,"a":{"z":2},"l":[{"z":3},{"z":4}]}"#,
        #"{"big":123456789012345678901234567890.000}"#,
        #"{"e":"\u00e9é\ud83d\ude00😀"}"#, #"{"nested":{"id":1},"list":[{"id":2}]}"#,
        #"{"ID":1,"Id":2," id":3,"id ":4}"#,
        #"{"nul":"\u0000"}"#, #"{"":""}"#, #"{"q":"'\" \\ %s ? :a"}"#, #"{"n":-0}"#, "{\"é\":1,\"e\u{301}\":2}",
        #"{"a":"b","b":"a","c":["a","a","b"],"d":{},"e":{"a":{"a":{"a":"\",\"a"}}}}"#,
    ])
    func textsAreKeptToTheLetter(_ json: String) throws {
        try store.put([2], for: 2, metadataJSON: json)
        try store.setMetadataJSON(json, for: 1)
        for id: Int64 in [1, 2] {
            let stored = try store.metadataJSON(for: id)
            #expect(stored.map { Array($0.utf8) } == Array(json.utf8))
        }
        try store.delete(1)
        try store.compact(.rewrite)
        #expect(try store.metadataJSON(for: 2).map { Array($0.utf8) } == Array(json.utf8))
        #expect(try store.verify().isSound)
    }

    @Test func largeMetadataAreKept() throws {
        let json = "{\"text\":\"" + String(repeating: "lacuna é ", count: 200_000) + "\"}"
        try store.setMetadataJSON(json, for: 1)
        #expect(try store.metadataJSON(for: 1) == json)
        // SQLite's parser takes this depth; more is an error and no crash.
        let deep = { (depth: Int) in
            "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        try store.setMetadataJSON(deep(400), for: 1)
        #expect(try store.metadataJSON(for: 1) == deep(400))
        expectError(.invalidMetadata) { try store.setMetadataJSON(deep(100_000), for: 1) }
    }

    @Test func codableValuesComeBack() throws {
        let photo = Photo(name: "Ünter \"Bäumen\" 🌳\n", year: -1, tags: ["a", ""], place: nil)
        try store.put([2], for: 2, metadata: photo)
        #expect(try store.metadata(for: 2) == photo)
        var other = photo
        other.place = "Nowhere/else"
        try store.setMetadata(other, for: 2)
        #expect(try store.metadata(for: 2, as: Photo.self) == other)
        try store.write { try $0.put([3], for: 2, metadata: photo, replacing: true) }
        #expect(try store.metadata(for: 2, as: Photo.self) == photo)
        try store.write { try $0.setMetadata(other, for: 2) }
        #expect(try store.metadata(for: 2, as: Photo.self) == other)
        #expect(try store.metadata(for: 3, as: Photo.self) == nil)
        #expect(throws: DecodingError.self) { try store.metadata(for: 1, as: Photo.self) }
        #expect(
            try store.search(for: [1], limit: 9, where: "metadata ->> 'place' = \("Nowhere/else")").map(\.id) == [2]
        )
    }

    @Test func encodableValuesThatAreNoObjectsAreRefused() throws {
        expectError(.invalidMetadata) { try store.put([2], for: 2, metadata: [1, 2, 3]) }
        expectError(.invalidMetadata) { try store.put([2], for: 2, metadata: "text") }
        expectError(.invalidMetadata) { try store.put([2], for: 2, metadata: ["id": 1]) }
        expectError(.invalidMetadata) { try store.put([2], for: 2, metadata: ["x": Double.nan]) }
        #expect(try store.count == 1)
    }

    @Test func metadataOfUnknownIDsAreRefused() throws {
        #expect(expectError(.unknownID) { try store.setMetadataJSON("{}", for: 5) }?.ids == ["5"])
        expectError(.unknownID) { try store.setMetadataJSON(nil, for: 5) }
        expectError(.unknownID) { try store.setMetadata(["a": 1], for: 5) }
        try store.delete(1)
        expectError(.unknownID) { try store.setMetadataJSON("{}", for: 1) }
        #expect(try rawConnection(scratch.index).value("SELECT count(*) FROM metadata") == 0)
    }

    @Test func metadataCanBeRemoved() throws {
        try store.setMetadataJSON(nil, for: 1)
        #expect(try store.metadataJSON(for: 1) == nil)
        #expect(try store.vector(for: 1) == [1])
        #expect(try store.search(for: [1], limit: 1, where: "metadata IS NULL").count == 1)
    }

    /// Damaged metadata are never returned as if they were right: an import of their export would give them a new
    /// checksum.
    @Test(arguments: [#"'{"kept":null}'"#, "CAST(x'7bff7d' AS TEXT)"])
    func whatHasRottenIsAnError(_ sql: String) throws {
        try store.put([2], for: 2, metadataJSON: #"{"sound":true}"#)
        try tamper(scratch.index, "UPDATE metadata SET json = \(sql) WHERE id = 1")
        let error = expectError(.damaged) { _ = try store.metadataJSON(for: 1) }
        #expect(error?.ids == ["1"])
        for filter: Filter? in [nil, "id = 1"] {
            let error = expectError(.damaged) { try store.forEach(where: filter) { _ in } }
            #expect(error?.ids == ["1"])
        }
        #expect(try store.metadataJSON(for: 2) == #"{"sound":true}"#)
        #expect(try store.verify().badMetadata == [1])
    }
}
