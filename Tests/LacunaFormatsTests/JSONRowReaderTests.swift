import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct JSONRowReaderTests {
    private func rows(_ text: String, _ options: RowReaderOptions = .init(), name: String = "a.json") throws
        -> [ReadRow]
    {
        let directory = try TemporaryDirectory()
        return try readRows(try directory.write(name, text), options)
    }

    @Test func arrays() throws {
        let text =
            "\u{FEFF} [\n {\"id\": \"a\\\"]\", \"vector\": [1, 2]},\n{\"id\":\"b\",\"t\":\"}\",\"vector\":[3,4]} ]\n"
        #expect(try rows(text) == [ReadRow(.text("a\"]"), [1, 2]), ReadRow(.text("b"), [3, 4], "{\"t\": \"}\"}")])
        #expect(try rows("[]") == [])
    }

    @Test func answersOfEmbeddingsAPIs() throws {
        let text = #"""
            {"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2]},
            {"object":"embedding","index":1,"embedding":[3,4]}],"model":"m","usage":{"total_tokens":[5]}}
            """#
        #expect(try rows(text) == [ReadRow(nil, [1, 2]), ReadRow(nil, [3, 4])])
        let byIndex = try rows(text, .init(id: "index"))
        #expect(byIndex.map(\.id) == [.integer(0), .integer(1)])
        let turned = text.replacing("\"index\":1", with: "\"index\":5")
        let error = #expect(throws: FormatError.self) { try rows(turned) }
        #expect(
            error?.problem.hasSuffix("a.json, line 2, row 1: the row's index is 5, and its place in the answer 1")
                == true
        )
        #expect(
            try rows(#"{"hits":[{"vector":[1],"index":3}]}"#, .init(table: "hits")) == [
                ReadRow(nil, [1], #"{"index": 3}"#)
            ]
        )
    }

    @Test(arguments: [
        ("", "neither an array nor an object"), ("5", "neither an array"), ("[1]", "row 0: not a JSON object"),
        ("[{\"vector\":[1]}", "line 1: not valid JSON: it ends too soon, where ',' or ']' after row 0 must be"),
        ("[{\"vector\":[1]}\n{}]", "line 2: not valid JSON: ',' or ']' after row 0 is missing"),
        ("[{\"vector\":[1]},]", "a row is missing"), ("[,{}]", "a row is missing"),
        ("[{\"vector\":[1]}] x", "text follows"),
        ("{\"a\":1}", "has no array \"data\""), ("{\"data\":1}", "\"data\" isn't an array"), ("{}", "no array"),
        ("{\"data\":[{\"vector\":[1]}],\"data\":[{\"vector\":[2]}]}", "the key \"data\" occurs twice"),
        ("{\"a\":1,\"a\":2,\"data\":[]}", "the key \"a\" occurs twice"),
        ("{\"data\":[],\"x\": garbage}", "line 1, \"x\": not valid JSON"),
        ("{\"x\":01,\"data\":[]}", "line 1, \"x\": not valid JSON"), ("{\"data\":[],x:1}", "a key in double quotes"),
        ("{\"data\":[],\"x\":}", "line 1, \"x\": not valid JSON"),
        ("{\"data\":[{\"vector\":[1]}]", "it ends too soon, where ',' or '}' must be"),
        ("[\n{\"vector\":[1]},\n{\"vector\":[1,2]}]", "line 3, row 1: the vector has 2 components"),
        ("[{\"vector\":[1,\"x\"]}]", "row 0: component 1 of the vector is not a number"),
        ("[{\"vector\":[1]},{\"vector\":[NaN]}]", "row 1: not valid JSON at byte 12"),
        ("[{\"id\":1,\"vector\":[1]},{\"vector\":[1]}]", "row 1: the row has no id, and the first one has"),
        ("[{\"vector\":[1],\"vector\":[1]}]", "row 0: the key 'vector' occurs twice"),
        ("[{\"vector\":[1],\"a\":{\"k\":1,\"k\":1}}]", "row 0: the key 'k' occurs twice"),
        ("[{\"vector\":[1],\"a\":01}]", "row 0: not valid JSON at byte 20"),
        ("[{\"vector\":[]}]", "the dimension is 0"),
        ("[{\"vector\":[1e39]}]", "beyond float32's range"), ("[{\"vector\":[1] \"a\":2}]", "row 0: not valid JSON"),
    ])
    func refuses(_ text: String, _ reason: String) throws {
        let error = #expect(throws: FormatError.self) { try rows(text) }
        #expect(error?.kind == .invalid && error?.problem.contains(reason) == true, "\(error?.problem ?? "")")
    }

    /// A text that is cut short is never taken for a whole one.
    @Test func cutShortAnywhere() throws {
        for text in [#"[{"id":1,"vector":[1,2],"a":"]"}]"#, #"{"data":[{"embedding":[1]}],"b":[{}]}"#] {
            for length in 0..<text.utf8.count {
                let part = String(decoding: text.utf8.prefix(length), as: UTF8.self)
                #expect(throws: FormatError.self, "\(part)") { try rows(part) }
            }
        }
    }

    /// A composed and a decomposed é are two keys.
    @Test func keysThatLookTheSame() throws {
        let row = "{\"\u{E9}\":[1],\"e\u{301}\":2}"
        let found = [ReadRow(nil, [1], "{\"e\u{301}\": 2}")]
        #expect(try rows("[\(row)]", .init(vector: "\u{E9}")) == found)
        #expect(try rows(row, .init(vector: "\u{E9}"), name: "a.jsonl") == found)
        #expect(throws: FormatError.self) { try rows("{\"\u{E9}\":[]}", .init(table: "e\u{301}")) }
    }

    /// A row is one deeper than its metadata, which are as deep as a store takes them.
    @Test func deepRows() throws {
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
        }
        func row(_ depth: Int) -> String { "{\"vector\":[1],\"metadata\":\(nested(depth))}" }
        for name in ["a.jsonl", "a.json"] {
            let (open, close) = name == "a.json" ? ("[", "]") : ("", "")
            #expect(try rows(open + row(512) + close, name: name) == [ReadRow(nil, [1], nested(512))])
            for text in [row(513), nested(513).replacing("{", with: "{\"vector\":[1],")] {
                let error = #expect(throws: FormatError.self) { try rows(open + text + close, name: name) }
                #expect(error?.problem.contains("more than 51") == true, "\(error?.problem ?? "")")
            }
        }
    }

    /// A batch ends if its texts are long.
    @Test func longTexts() throws {
        let directory = try TemporaryDirectory()
        let row = "{\"vector\":[1],\"t\":\"\(String(repeating: "x", count: 1 << 20))\"}\n"
        let rows = try directory.write("a.jsonl", String(repeating: row, count: 20))
        let vectors = try directory.write("v.fvecs", (0..<20).flatMap { _ in [1, 0, 0, 0, 0, 0, 0, 0] as [UInt8] })
        var options = RowReaderOptions()
        options.metadataFile = rows
        for (path, options) in [(rows, RowReaderOptions()), (vectors, options)] {
            let reader = try #require(RowFormat(path: path)).reader(of: .file(path), options: options)
            var batch = RowBatch()
            var counts: [Int] = []
            while try reader.read(1_000, into: &batch) > 0 { counts.append(batch.count) }
            #expect(counts == [8, 8, 4])
        }
    }

    /// Elements that lie across the ends of the chunks in which the file is read.
    @Test func longFiles() throws {
        let long = String(repeating: "[]\\\"", count: 700_000)
        let short = (1...50_000).map { "{\"id\":\($0),\"vector\":[1,\($0)]},\n" }.joined()
        let found = try rows("[\(short){\"id\":0,\"t\":\"\(long)\",\"vector\":[2,3]}]")
        #expect(found.count == 50_001 && found.last?.vector == [2, 3])
        #expect(found[..<50_000].enumerated().allSatisfy { $1.vector == [1, Float($0 + 1)] })
    }

    /// The quick way to parse a row finds what parsing it as any object finds, or leaves it to that.
    @Test(arguments: [
        #"{"id":1,"vector":[1,2],"metadata":{"a":1}}"#, #"{"vector":[1,2],"embedding":[3,4]}"#,
        #"{"embedding":[1,2],"vector":[3,4],"id":"x"}"#, #"{"embedding":"none","vector":[3,4]}"#,
        #"{"a":{"vector":[9]},"vector":[3,4]}"#, #"{"\u0076ector":[3,4]}"#, #"{"a\"":"\\","vector" : [ 3 , 4 ] }"#,
        #"{"vector":[3,4],"\u0076ector":[5]}"#, #"{"vector":[1,2],"id":1.5}"#, #"{"vector":[1,2]}}"#,
        #"{"vector":[1,2]"#,
        #"{"vector":[1,2],}"#, #"{"vector":0}"#, #"{"vector":[1,02]}"#, #"{"a":[1,2}],"vector":[1]}"#, "{", "",
        #"{"vector":[1,2],"metadata":{},"b":1}"#, #"{"id":null,"vector":[1,2]}"#, #" {"vector":[-0.0,1e-3]} "#,
    ])
    func quickRows(_ text: String) {
        var batch = RowBatch()
        var parser = JSONRowParser(.init())
        let bytes = Array("x\(text)y".utf8)
        let quick = Result { () throws(FormatError) in
            try parser.add(bytes, 1..<bytes.count - 1, to: &batch)
            return ReadRow(batch.ids.first, batch.components, batch.metadata[0])
        }
        let slow = Result { () throws(FormatError) in
            let object = try JSONObject(text)
            try object.checkKeys()
            let row = try FullRow(object, JSONRowFields(), dimension: nil)
            return ReadRow(row.id, row.vector, row.metadata)
        }
        #expect(quick == slow)
    }
}
