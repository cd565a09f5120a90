import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct JSONObjectTests {
    @Test func givesMembersAsTheyAreSpelled() throws {
        let text = #" { "b" : 1.50E+2 ,"\u0061\n\uD83D\uDE00":{ "x" : [ 1 ,2] },"":"\u00e9\/" } "#
        let object = try JSONObject(text)
        #expect(object.text == text)
        #expect(
            object.members == [
                JSONObject.Member(key: "b", rawValue: "1.50E+2"),
                JSONObject.Member(key: "a\n😀", rawValue: #"{ "x" : [ 1 ,2] }"#),
                JSONObject.Member(key: "", rawValue: #""\u00e9\/""#),
            ]
        )
        #expect(try object.member(named: "b")?.rawValue == "1.50E+2")
        #expect(try object.member(named: "c") == nil)
    }

    /// Keys are compared by their bytes, because Swift's own `==` would take the Kelvin sign for a K.
    @Test func comparesKeysByBytes() throws {
        let object = try JSONObject("{\"\u{212A}\": 1, \"K\": 2}")
        #expect(try object.member(named: "K")?.rawValue == "2")
    }

    @Test(arguments: [
        "{}", "{ }", "\t{\r\n}\n", #"{"a":-0}"#, #"{"a":0.0e-0}"#, #"{"a":1E5}"#, #"{"a":[[],{},[{}]]}"#,
        #"{"a":"\"\\\/\b\f\n\r\t\uD800"}"#, "{\"a\":\"\u{7F}\u{2028}\"}", #"{"a":1,"a":2}"#,
        #"{"a":"id","b":{"id":1,"id":2}}"#, #"{"a":123456789012345678901234567890e999999999999999999999}"#,
    ])
    func accepts(text: String) throws {
        #expect(try JSONObject(text).text == text)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "1", "null", "{}x", "{}{}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1"#,
        #"{"a" 1}"#, #"{a:1}"#, "{'a':1}", #"{"a":1 "b":2}"#, #"{"a":1}}"#, #"{"a":NaN}"#, #"{"a":-Infinity}"#,
        #"{"a":+1}"#, #"{"a":01}"#, #"{"a":-}"#, #"{"a":.5}"#, #"{"a":1.}"#, #"{"a":1e}"#, #"{"a":1e+}"#,
        #"{"a":0x1}"#, #"{"a":tru}"#, #"{"a":True}"#, #"{"a":nullx}"#, #"{"a":"}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#,
        #"{"a":"\u12"#, #"{"a":"\"#, "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\u{0}\"}", #"{"a":[1,]}"#,
        #"{"a":[1}"#, #"{"a":{"b":1]}"#, #"{"a":[,1]}"#, #"{"a":{"b"}}"#, #"{"a":{1:2}}"#, "{\u{A0}}", "{/**/}",
        #"{"\uD800":1}"#, #"{"\uDC00":1}"#, #"{"\uD800\uD800":1}"#, #"{"\uD800x":1}"#, "\u{FEFF}{}",
        #"{"id":1,"id":2}"#, #"{"id":1,"a":0,"\u0069d":2}"#,
    ])
    func refuses(text: String) {
        let error = refusal { () throws(FormatError) in _ = try JSONObject(text) }
        #expect(error?.kind == .invalid)
        #expect(error?.problem.contains("\n") == false)
    }

    @Test(arguments: [("[", "]"), ("{\"k\":", "}")])
    func limitsDepth(open: String, close: String) {
        func nested(_ depth: Int) -> String {
            let inner = String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
            return "{\"a\":\(inner)}"
        }
        #expect(refusal { () throws(FormatError) in _ = try JSONObject(nested(511)) } == nil)
        for depth in [512, 1_000_000] {
            let error = refusal { () throws(FormatError) in _ = try JSONObject(nested(depth)) }
            #expect(error?.problem.contains("more than 512") == true)
        }
    }

    @Test(arguments: [
        (#"{"id": 1, "a": 2}"#, #"{"a": 2}"#), (#"{"id":1,"a":2}"#, #"{"a":2}"#), (#"{"id":1}"#, "{}"),
        (#"{ "id": 1 }"#, "{ }"), (#"{"a": 1, "id": 2}"#, #"{"a": 1}"#), (#"{"a":1,"id":2,"b":3}"#, #"{"a":1,"b":3}"#),
        (#"{"a": 1 , "id" : 2 , "b": 3}"#, #"{"a": 1  , "b": 3}"#), (#"{"a":1}"#, #"{"a":1}"#), ("{}", "{}"),
        (#"{"\u0069\u0064":[1,{"id":2}],  "a":1.0}"#, #"{ "a":1.0}"#), (" {\n\"id\":0,\n\"a\":1}\n", " {\n\"a\":1}\n"),
    ])
    func removes(text: String, expected: String) throws {
        #expect(try JSONObject(text).removing("id") == expected)
    }

    @Test func refusesToChooseBetweenTwo() throws {
        let object = try JSONObject(#"{"a":1,"a":2}"#)
        #expect(refusal { () throws(FormatError) in _ = try object.member(named: "a") } != nil)
        #expect(refusal { () throws(FormatError) in _ = try object.removing("a") } != nil)
    }

    @Test(arguments: [
        (#"{"a":1,"b":2,"a":1}"#, "a"), (#"{"a":1,"\u0061":2}"#, "a"),
        (#"{"x":[0,{"y":{"b":1,"c":{"b":3},"b":2}}]}"#, "b"),
        (#"{"x":{"é":1,"\u00e9":2}}"#, "é"), (#"{"":1,"":2}"#, ""),
    ])
    func tellsOfAKeyThatIsThereTwice(text: String, key: String) throws {
        let object = try JSONObject(text)
        let error = refusal { () throws(FormatError) in try object.checkKeys() }
        #expect(error?.problem.contains("'\(key)' occurs twice in one object") == true)
        let directory = try TemporaryDirectory()
        let writer = try LineWriter(path: directory / "twice.jsonl")
        try writer.append("{}")
        try writer.append(text)
        _ = try writer.finish()
        let reader = try JSONLinesReader(path: directory / "twice.jsonl")
        _ = try reader.next()
        let line = refusal { () throws(FormatError) in _ = try reader.next() }
        #expect(line?.problem.contains("twice.jsonl, line 2: the key '\(key)' occurs twice") == true)
    }

    @Test(arguments: [
        #"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#, "{\"é\":1,\"e\u{301}\":2}", #"{"x":{"\uD800":1,"\uD800":2}}"#,
    ])
    func oneKeyInSeveralObjectsIsNotThereTwice(text: String) throws {
        try JSONObject(text).checkKeys()
    }

    @Test func spellsAFlatObject() throws {
        #expect(try JSONObject.flatObject(idText: "7", metadata: #"{"a":1.50}"#) == #"{"id": 7, "a":1.50}"#)
        #expect(try JSONObject.flatObject(idText: #""x""#, metadata: "{}") == #"{"id": "x"}"#)
        #expect(try JSONObject.flatObject(idText: "7", metadata: "{\r\n\"a\": \"\\n\"}") == #"{"id": 7,   "a": "\n"}"#)
        for (id, metadata) in [("7", #"{"id":1}"#), ("7.5", "{}"), ("7", "[]"), ("7}", "{}"), ("7", "{")] {
            let error = refusal { () throws(FormatError) in
                _ = try JSONObject.flatObject(idText: id, metadata: metadata)
            }
            #expect(error?.kind == .invalid)
        }
    }

    /// The objects are put together at random from tokens and the white space between them, in every spelling.
    @Test(arguments: 0..<8)
    func flatObjectsComeBackByteForByte(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let directory = try TemporaryDirectory()
        let writer = try LineWriter(path: directory / "a.jsonl")
        var expected: [String] = []
        for _ in 0..<500 {
            let metadata = randomSpace(&random) + randomObject(depth: 3, &random) + randomSpace(&random)
            let id = Bool.random(using: &random) ? "\(Int64.random(in: .min ... .max, using: &random))" : #""\u0041 é""#
            try writer.append(try JSONObject.flatObject(idText: id, metadata: metadata))
            expected.append(metadata)
        }
        _ = try writer.finish()
        let reader = try JSONLinesReader(path: directory / "a.jsonl")
        for metadata in expected {
            let object = try #require(try reader.next())
            let back = try object.removing("id")
            #expect(Array(back.utf8) == Array(metadata.utf8))
            #expect(try object.members.dropFirst() == JSONObject(metadata).members[...])
        }
        #expect(try reader.next() == nil)
    }

    private func randomSpace(_ random: inout SplitMix64) -> String {
        ["", "", "", " ", "  ", "\t", " \t "].randomElement(using: &random) ?? ""
    }

    private func randomObject(depth: Int, _ random: inout SplitMix64) -> String {
        let keys = [#""a""#, #""""#, #""ID""#, #""i\u0064x""#, #""é日""#, #""e\u0301""#, #""\"\\""#, #""}{,:""#]
        var members: [String] = []
        for key in keys.shuffled(using: &random).prefix(Int.random(in: 0...3, using: &random)) {
            let spaces = (0..<4).map { _ in randomSpace(&random) }
            let value = randomValue(depth: depth - 1, &random)
            members.append(spaces[0] + key + spaces[1] + ":" + spaces[2] + value + spaces[3])
        }
        return "{" + (members.isEmpty ? randomSpace(&random) : members.joined(separator: ",")) + "}"
    }

    private func randomValue(depth: Int, _ random: inout SplitMix64) -> String {
        let scalars = [
            "1.0", "1E400", "-0", "true", "null", #""""#, #""\u00E9\/,}""#, #""{\"id\":1}""#, "[]", "[ 1 , [2] ]", "{}",
        ]
        return depth > 0 && Bool.random(using: &random)
            ? randomObject(depth: depth, &random) : scalars.randomElement(using: &random) ?? ""
    }
}
