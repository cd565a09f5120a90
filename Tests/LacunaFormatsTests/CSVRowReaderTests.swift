import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct CSVRowReaderTests {
    private func rows(_ text: String, _ options: RowReaderOptions = .init(), name: String = "a.csv") throws -> [ReadRow]
    {
        let directory = try TemporaryDirectory()
        return try readRows(try directory.write(name, text), options)
    }

    @Test func componentsInColumns() throws {
        let expected = [
            ReadRow(.untyped("7"), [0.5, -1], "{\"text\": \"a\", \"n\": 1.50}"), ReadRow(.untyped("x"), [2, 3]),
        ]
        let text = "id,c0,text,c1,n\n7,0.5,a,-1,1.50\nx,2,,+3.0,\n"
        #expect(try rows(text) == expected)
        #expect(try rows(text.replacing("\n", with: "\r\n")) == expected)
        #expect(try rows("\u{FEFF}" + text.dropLast()) == expected)
        #expect(try rows(text.replacing(",", with: "\t"), name: "a.TSV") == expected)
        #expect(try rows(text + "\n\r\n") == expected)
    }

    @Test func idsAreFoundInCapitalsToo() throws {
        for name in ["id", "ID", "Id"] {
            #expect(try rows("\(name),x0,x1\n7,1,2\n") == [ReadRow(.untyped("7"), [1, 2])])
        }
    }

    @Test func linesThatEndWithCRAlone() throws {
        let error = #expect(throws: FormatError.self) { try rows("id,x0,x1\r1,1,2\r") }
        #expect(error?.problem.contains("line 1: a CR is in the header, and no LF follows it") == true)
    }

    /// A pipe may give one byte at a time.
    @Test func aByteOrderMarkInPieces() throws {
        let texts = ["csv": "0,1\n.5,1.\n", "jsonl": #"{"vector":[0.5,1]}"#, "json": #"[{"vector":[0.5,1]}]"#]
        for (name, text) in texts {
            let found = try BufferedInput.$chunkBytes.withValue(1) { try rows("\u{FEFF}\(text)", name: "a.\(name)") }
            #expect(found == [ReadRow(nil, [0.5, 1])], "\(name)")
        }
    }

    @Test func quotedFields() throws {
        let text =
            "\"text\",\"v1\",\"v2\",id\r\n\"say \"\"hi\"\",\nthen\r\nleave\",\"1\", 2 ,\"007\"\r\n\"5\",1,2,8\r\n"
        #expect(
            try rows(text) == [
                ReadRow(.untyped("007"), [1, 2], #"{"text": "say \"hi\",\nthen\r\nleave"}"#),
                ReadRow(.untyped("8"), [1, 2], #"{"text": "5"}"#),
            ]
        )
    }

    @Test func theVectorInOneField() throws {
        let text = "id,embedding,metadata\n1,\"[0.5, -1]\",\"{\"\"a\"\": [1]}\"\n2,\"[ 1,2 ]\",\n"
        #expect(
            try rows(text) == [ReadRow(.untyped("1"), [0.5, -1], "{\"a\": [1]}"), ReadRow(.untyped("2"), [1, 2])]
        )
        let other = "key,emb,info,x\n1,\"[1]\",{},9\n"
        #expect(
            try rows(other, .init(vector: "emb", id: "key", metadata: "info")) == [ReadRow(.untyped("1"), [1], "{}")]
        )
    }

    /// Which columns are the vector.
    @Test func seriesOfColumns() throws {
        #expect(try rows("1.5,2\n3,4\n") == [ReadRow(nil, [1.5, 2]), ReadRow(nil, [3, 4])])
        #expect(try rows("0,1\n3,4\n") == [ReadRow(nil, [3, 4])])
        let text = "a1,a2,b1,b2,b3\n1,2,3,4,5\n"
        #expect(try rows(text, .init(dimension: 3)) == [ReadRow(nil, [3, 4, 5], "{\"a1\": 1, \"a2\": 2}")])
        #expect(try rows(text, .init(vector: "a")) == [ReadRow(nil, [1, 2], "{\"b1\": 3, \"b2\": 4, \"b3\": 5}")])
    }

    @Test(arguments: [
        ("", "a.csv: there is no header"),
        ("a,b\nx,y\n", "no column is named \"vector\" or \"embedding\", and none are"),
        ("a1,a2,b1,b2\n", "several series of columns are numbered"), ("c0,c1,x,x\n", "two columns are named \"x\""),
        ("c0,c1,metadata,x\n", "there is a column \"x\" beside \"metadata\""),
        ("c0,c1\n1,2\n3\n", "line 3: the record has 1 field, and the first one has 2"),
        ("c0,c1\n1,2,3\n", "line 2: the record has 3 fields"),
        ("c0,c1\n1,x\n", "line 2: column \"c1\": 'x' is no number"),
        ("c0,c1\n1,\n", "line 2: column \"c1\": '' is no number"), ("c0,c1\n1,nan\n", "'nan' is no number"),
        ("c0,c1\n1,1e39\n", "'1e39' is beyond float32's range"), ("c0,c1\n1,-inf\n", "'-inf' is no number"),
        ("id,c0,c1\n,1,2\n", "line 2: the id is empty"),
        ("c0,c1,t\n1,2,\"a\nb\n\n", "line 2: the quote of field 3 doesn't"),
        ("c0,c1,t\n1,2,\"a\"b\n", "line 2: something follows the quote that ends field 3"),
        ("c0,c1,t\n1,2,a\"b\"\n", "line 2: field 3 has a quote, and doesn't begin with one"),
        ("c0,c1,t\n1,2,\"a\n\"\n3,4,\"\n\"\n5,x,\n", "line 6: column \"c1\": 'x'"),
        ("c0,c1\n1,2\n\n3,4\n", "line 3: a blank line"),
        ("vector\n\"[1,2]\"\n\"[1]\"\n", "line 3: the vector has 1 comp"),
        ("vector\n[]\n", "line 2: the dimension is 0"), ("vector\n[1 2]\n", "line 2: not valid JSON at byte 4"),
        ("vector,metadata\n[1],[]\n", "line 2: \"metadata\": not a JSON object"),
        ("vector,metadata\n[1],\"{\"\"a\"\":1,\"\"a\"\":2}\"\n", "line 2: \"metadata\": the key 'a' occurs twice"),
    ])
    func refuses(_ text: String, _ reason: String) throws {
        let error = #expect(throws: FormatError.self) { try rows(text) }
        #expect(error?.kind == .invalid && error?.problem.contains(reason) == true, "\(error?.problem ?? "")")
    }

    @Test func refusesOptionsThatDontFit() throws {
        for options in [RowReaderOptions(vector: "x"), RowReaderOptions(id: "x"), RowReaderOptions(metadata: "x")] {
            let error = #expect(throws: FormatError.self) { try rows("c0,c1\n1,2\n", options) }
            #expect(error?.problem.contains("no column is named \"x\"") == true, "\(error?.problem ?? "")")
        }
        let dimension = #expect(throws: FormatError.self) { try rows("c0,c1\n1,2\n", .init(dimension: 3)) }
        #expect(dimension?.problem.contains("has 2 components, and the store's have 3") == true)
        let table = #expect(throws: FormatError.self) { try rows("c0,c1\n1,2\n", .init(table: "x")) }
        #expect(table?.kind == .unsuitableOption && table?.problem.contains("takes no --table") == true)
    }

    /// Records that lie across the ends of the chunks in which the file is read.
    @Test func longFiles() throws {
        let long = String(repeating: "\"\"", count: 700_000)
        let short = (1...100_000).map { "\($0),1,\"a\nb\",\($0)\n" }.joined()
        let found = try rows("id,c0,t,c1\n\(short)0,1,\"\(long)\",2\n")
        #expect(found.count == 100_001)
        #expect(found[..<100_000].enumerated().allSatisfy { $1.vector == [1, Float($0 + 1)] })
        #expect(found.last?.metadata?.utf8.count == 700_000 * 2 + #"{"t": ""}"#.utf8.count)
    }

    /// Whatever is cut off, the rows before it stay the same, or the file is refused.
    @Test func cutShortAnywhere() throws {
        let text = "id,c0,t,c1\r\n1,0.5,\"a,\"\"\r\nb\",-1\r\n2,1e3,,2\r\n"
        let whole = try rows(text)
        for length in 0..<text.utf8.count {
            let part = String(decoding: text.utf8.prefix(length), as: UTF8.self)
            guard let found = try? rows(part) else { continue }
            #expect(found.dropLast().elementsEqual(whole.prefix(max(0, found.count - 1))), "\(length)")
        }
    }
}
