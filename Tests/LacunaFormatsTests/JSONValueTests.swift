import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            ("0", .integer(0)), ("-5", .integer(-5)), (" 7\t", .integer(7)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), (#""""#, .string("")),
            (#""a\u0000\ud83d\ude00\/""#, .string("a\0😀/")),
            (#""1""#, .string("1")),
        ] as [(String, JSONScalar)]
    )
    func parsesIds(text: String, expected: JSONScalar) throws {
        #expect(try JSONScalar(parsing: text) == expected)
        #expect(try JSONScalar(parsing: expected.jsonText) == expected)
    }

    @Test(arguments: [
        "", "1.0", "1e3", "01", "+1", "9223372036854775808", "-9223372036854775809", "true", "null", "[1]", "{}", "1 2",
        #""\uD800""#, #""\uDE00\uD83D""#, #""a"#, #"'a'"#, "1,", "٣",
    ])
    func refusesIds(text: String) {
        #expect(refusal { () throws(FormatError) in _ = try JSONScalar(parsing: text) }?.kind == .invalid)
    }

    @Test(arguments: [
        ("", #""""#), ("a\"b\\c/", #""a\"b\\c/""#), ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#),
        ("\u{0}\u{1F}\u{7F}é😀", "\"\\u0000\\u001f\u{7F}é😀\""),
    ])
    func escapesStrings(text: String, expected: String) {
        #expect(jsonString(text) == expected)
    }

    @Test func escapedStringsComeBack() throws {
        for value in 0..<0x3000 {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            let text = "a\(scalar)b"
            guard case .string(let back) = try JSONScalar(parsing: jsonString(text)) else {
                Issue.record("not a string: \(value)")
                continue
            }
            #expect(Array(back.utf8) == Array(text.utf8))
        }
    }

    /// The bit patterns were worked out by hand, or lie on the edge between two floats.
    @Test(
        arguments: [
            ("1", 0x3F80_0000), ("-0", 0x8000_0000), ("0.1", 0x3DCC_CCCD), ("1e-45", 1), ("7e-46", 0), ("7.1e-46", 1),
            ("1.17549435e-38", 0x0080_0000), ("3.4028235e38", 0x7F7F_FFFF), ("3.4028235677973367e38", nil),
            ("340282356779733661637539395458142568447", 0x7F7F_FFFF), ("340282356779733661637539395458142568448", nil),
            ("1e39", nil), ("-1e39", nil), ("1e999999999999999999999", nil), ("1e-999999999999999999999", 0),
            ("0e999999999999999999999", 0), ("16777217", 0x4B80_0000), ("16777219", 0x4B80_0002),
            // These lie just beside the tie between two floats: the nearest double is the tie itself, and rounds to the
            // wrong float.
            ("8757208433962660e-21", 0x3712_EBED), ("6394707275033333e12", 0x6DA5_4C9F),
            ("8014687200437014e22", 0x7E71_2EE7), ("8515291085586796e-22", 0x3564_94A3),
            ("5424380271342387e1", 0x5B40_B673),
            ("16777217.0000000001", 0x4B80_0001), ("1.00000005960464477540", 0x3F80_0001),
            ("1.000000059604644775390625", 0x3F80_0000), ("1.000000059604644775390624", 0x3F80_0000),
        ] as [(String, UInt32?)]
    )
    func roundsToTheNearestFloat(text: String, bits: UInt32?) {
        var value: [Float]?
        let error = refusal { () throws(FormatError) in value = try floats(fromJSONArray: "[0,\(text)]") }
        #expect(value?[1].bitPattern == bits)
        #expect((error?.problem.contains("component 1") == true) == (bits == nil))
    }

    /// Compares with the standard library's parser, which rounds once.
    @Test func roundsRandomDecimalsAsTheStandardLibrary() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<100_000 {
            let digits = UInt64.random(in: 0...(1 << UInt64.random(in: 1...60, using: &random)), using: &random)
            let text =
                "\(digits).\(UInt16.random(in: 0...999, using: &random))e\(Int.random(in: -60...19, using: &random))"
            #expect(try floats(fromJSONArray: "[\(text)]")[0] == Float(text))
        }
    }

    /// Spells the decimals of a tie between two floats in full: only correct rounding yields the even float.
    @Test func roundsTiesToEven() throws {
        var random = SplitMix64(seed: 2)
        for _ in 0..<10_000 {
            let low = UInt64.random(in: (1 << 23)...((1 << 24) - 1), using: &random)
            // low + 1/2, times 2^8: an integer of at most 10 digits.
            let tie = low * 256 + 128
            let even = Float(low.isMultiple(of: 2) ? low : low + 1) * 256
            #expect(
                try floats(fromJSONArray: "[\(tie),\(tie).0000000000000001,\(tie)e0]") == [
                    even, Float(low + 1) * 256, even,
                ]
            )
        }
    }

    @Test func printsFloatsThatComeBack() throws {
        var random = SplitMix64(seed: 3)
        var values: [Float] = [
            0, -0.0, 1, 0.1, 1e-10, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 16_777_216,
            1e10, 1e16, -1.5e-7,
        ]
        for _ in 0..<100_000 {
            let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &random))
            if value.isFinite { values.append(value) }
        }
        let back = try floats(fromJSONArray: try jsonArray(of: values))
        #expect(back.map(\.bitPattern) == values.map(\.bitPattern))
    }

    @Test func printsTheShortestDecimals() throws {
        let text = try jsonArray(of: [0.1, -0.0, 1, 1e-10, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e10])
        #expect(text == "[0.1,-0.0,1.0,1e-10,1e-45,3.4028235e+38,1e+10]")
        #expect(try jsonArray(of: []) == "[]")
        for value in [Float.nan, .infinity, -.infinity] {
            let error = refusal { () throws(FormatError) in _ = try jsonArray(of: [0, value]) }
            #expect(error?.problem.contains("component 1") == true)
        }
    }

    @Test(arguments: [
        "", "1", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[[1]]", "[\"1\"]", "[null]", "[NaN]",
        "[inf]",
        "[0x1]", "[1.]", "[.5]", "[+1]", "[01]", "[-]", "[1e]", "[1_0]",
    ])
    func refusesArrays(text: String) {
        #expect(refusal { () throws(FormatError) in _ = try floats(fromJSONArray: text) }?.kind == .invalid)
    }

    /// JSON that isn't what is wanted is not called broken.
    @Test(arguments: ["null", "{}", "1", "[null]", "[\"1\"]"]) func soundJSONThatIsNoVector(_ text: String) {
        let error = refusal { () throws(FormatError) in _ = try floats(fromJSONArray: text) }
        #expect(error?.problem.contains("valid JSON") == false && error?.problem.contains("vector") == true)
    }

    @Test func readsWhiteSpaceAndEmptyArrays() throws {
        #expect(try floats(fromJSONArray: " [ 1 ,\n2\t] ") == [1, 2])
        #expect(try floats(fromJSONArray: "[ ]").isEmpty)
    }

    @Test func keepsMessagesOnOneLine() {
        let error = FormatError.invalid("a\nb.npy", "bad \u{1B}[0m", remedy: "mend it").at("x\ry")
        #expect(error.description == #"x\u{d}y: a\u{a}b.npy: bad \u{1b}[0m; mend it"#)
    }
}
