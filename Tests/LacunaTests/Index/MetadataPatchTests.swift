// The bug story: SQLite's json_patch made a second key "a" beside "\u0061". After that a filter saw one value, and the
// program another.

import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// What a merge patch makes of metadata, to the byte.
@Suite struct MetadataPatchTests {
    private static func patched(_ json: String?, _ patch: String) -> [UInt8] {
        Array(MetadataPatch(patch).applied(to: json).utf8)
    }

    private func expect(
        _ json: String?,
        _ patch: String,
        _ result: String,
        at location: SourceLocation = #_sourceLocation
    ) {
        let found = String(decoding: Self.patched(json, patch), as: UTF8.self)
        #expect(Array(found.utf8) == Array(result.utf8), "\(found)", sourceLocation: location)
    }

    /// RFC 7396, appendix A: original, patch, result.
    private static let appendix = [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#), (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#), ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ]

    /// Metadata are objects, so the other values of the appendix are members here.
    @Test(arguments: appendix) func examplesOfTheStandard(_ original: String, _ patch: String, _ result: String) {
        if original.hasPrefix("{") && patch.hasPrefix("{") { expect(original, patch, result) }
        expect(
            #"{"k":0,"x":\#(original),"z":0}"#,
            #"{"x":\#(patch)}"#,
            patch == "null" ? #"{"k":0,"z":0}"# : #"{"k":0,"x":\#(result),"z":0}"#
        )
    }

    @Test func theRestKeepsItsSpelling() {
        let numbers = #"{"z":-0,"big":123456789012345678901234567890.000,"e":1E-7 , "a":1.50}"#
        expect(numbers, #"{"a":1.500}"#, #"{"z":-0,"big":123456789012345678901234567890.000,"e":1E-7 , "a":1.500}"#)
        expect(numbers, #"{"e":null,"n":1e2}"#, #"{"z":-0,"big":123456789012345678901234567890.000, "a":1.50,"n":1e2}"#)
        expect(
            " {\n\t\"b\" : [ 1, {\"id\" : null} ] ,\n\t\"a\" : { \"c\" : 1 , \"d\":2 } }\n",
            #"{"a":{"c":3,"d":null,"e":{"f":null, "g":"}"}},"b2":[null, 1]}"#,
            " {\n\t\"b\" : [ 1, {\"id\" : null} ] ,\n\t\"a\" : { \"c\" : 3 ,\"e\":{\"g\":\"}\"}} ,\"b2\":[null, 1]}\n"
        )
        expect(" { } ", "{}", " { } ")
        expect("{ \"a\": 1, \"b\": 2 }", #"{"b":null,"a":null}"#, "{}")
        expect("{\"a\":1}", " { \"b\" : 2 , \"c\" : { \"d\" : 3 } } ", #"{"a":1,"b":2,"c":{"d":3}}"#)
        expect(#"{"q":"},\"a\":[{\\"}"#, #"{"a":"\"{"}"#, #"{"q":"},\"a\":[{\\","a":"\"{"}"#)
        expect(nil, "{}", "{}")
        expect(nil, #"{"a":null,"b":{"c":null}}"#, #"{"b":{}}"#)
    }

    /// Keys are the same if they mean the same, and the metadata's spelling stays.
    @Test func keysAreComparedByMeaning() {
        expect(#"{"\u0061":1,"b":2}"#, #"{"a":3}"#, #"{"\u0061":3,"b":2}"#)
        expect(#"{"a":1}"#, #"{"\u0061":null}"#, "{}")
        expect(#"{"\ud83d\ude00":1}"#, #"{"😀":{"é":1,"e\u0301":2}}"#, #"{"\ud83d\ude00":{"é":1,"e\u0301":2}}"#)
        expect(#"{"é":1}"#, #"{"e\u0301":2}"#, #"{"é":1,"e\u0301":2}"#)
        expect(#"{"\"":1,"\\":2,"":3,"\/":4}"#, #"{"\u0022":5,"\u005c":6,"":null,"/":7}"#, #"{"\"":5,"\\":6,"\/":7}"#)
    }

    /// Neither side's depth is limited by the stack, and each byte is read once.
    @Test func deepObjects() {
        let depth = 100_000
        func deep(_ inner: String) -> String {
            String(repeating: #"{"a":"#, count: depth) + inner + String(repeating: "}", count: depth)
        }
        expect(deep(#"{"b":1}"#), deep(#"{"c":2}"#), deep(#"{"b":1,"c":2}"#))
        expect(deep("1"), deep("null"), deep("").replacingOccurrences(of: #""a":}"#, with: "}"))
        expect("{}", deep("1"), deep("1"))
    }

    // MARK: Random ones

    /// Each key in several spellings.
    private static let keys = [
        [#""a""#, #""\u0061""#], [#""é""#, #""\u00e9""#, #""\u00E9""#], [#""""#], [#""q\"""#, #""q\u0022""#],
        [#""😀""#, #""\ud83d\ude00""#], [#""\\""#, #""\u005c""#], [#""id2""#, #""i\u00642""#], [#""A""#],
    ]
    private static let words = [
        "0", "-0", "1.50", "1e2", "123456789012345678901234567890.000", "true", "false", #""""#, #""é\u00e9""#,
        #""},]{[:\"\\""#, "null", "null", "null",
    ]

    private struct Texts {
        var random: SplitMix64
        var isPlain = false

        mutating func space() -> String {
            isPlain ? "" : ["", "", "", " ", "\n\t", " \r"].randomElement(using: &random) ?? ""
        }

        mutating func value(depth: Int) -> String {
            switch Int.random(in: 0..<(depth > 3 ? 4 : 8), using: &random) {
            case 0..<4: return words.randomElement(using: &random) ?? "0"
            case 4:
                let count = Int.random(in: 0..<3, using: &random)
                let values = (0..<count).map { _ in space() + value(depth: depth + 1) + space() }
                return "[" + values.joined(separator: ",") + (count == 0 ? space() : "") + "]"
            default: return object(depth: depth + 1)
            }
        }

        mutating func object(depth: Int = 0) -> String {
            let count = Int.random(in: 0..<5, using: &random)
            let members = keys.shuffled(using: &random).prefix(count).map { spellings in
                let key = isPlain ? spellings[0] : spellings.randomElement(using: &random) ?? ""
                return space() + key + space() + ":" + space() + value(depth: depth) + space()
            }
            return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
        }
    }

    @Test func randomPatches() throws {
        var texts = Texts(random: SplitMix64(seed: 7_396))
        for _ in 0..<4_000 {
            let json = texts.space() + texts.object() + texts.space()
            let patch = texts.space() + texts.object() + texts.space()
            let expected = try JSONTree.patched(json, by: patch)
            let found = Self.patched(json, patch)
            #expect(found == Array(expected.utf8), "\(patch) of \(json)")
            #expect(MetadataKeys(String(decoding: found, as: UTF8.self)).twice == nil)
        }
    }

    /// Where each key has one spelling, SQLite does the same.
    @Test func randomPatchesInSQLite() throws {
        let scratch = try Scratch()
        try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1)).close()
        let connection = try rawConnection(scratch.index)
        var texts = Texts(random: SplitMix64(seed: 3), isPlain: true)
        for _ in 0..<500 {
            let (json, patch) = (texts.object(), texts.object())
            let found = String(decoding: Self.patched(json, patch), as: UTF8.self)
            let values = [found, json, patch].map { "'\($0)'" }
            #expect(try connection.value("SELECT json(\(values[0])) = json_patch(\(values[1]), \(values[2]))") == 1)
        }
    }
}
