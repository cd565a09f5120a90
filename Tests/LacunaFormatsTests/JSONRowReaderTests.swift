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
