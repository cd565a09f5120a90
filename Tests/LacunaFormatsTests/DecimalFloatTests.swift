import TestSupport
import Testing

@testable import LacunaFormats

/// The standard library reads the same texts by exact arithmetic.
@Suite struct DecimalFloatTests {
    private let floats = DecimalFloat()

    private func number(_ text: String, _ grammar: DecimalFloat.Grammar) -> (value: Float, end: Int)? {
        let bytes = Array(text.utf8)
        return floats.number(bytes.span, from: 0, grammar)
    }

    private func check(_ text: String, _ grammar: DecimalFloat.Grammar = .json) throws {
        // A byte follows, as in every vector.
        let found = number(text + ",", grammar)
        let (value, end) = try #require(found, "\(text)")
        let expected = try #require(Float(text))
        #expect(value.bitPattern == expected.bitPattern && end == text.utf8.count, "\(text) became \(value)")
    }

    @Test(arguments: [
        "0", "-0", "-0.0e5", "1", "-1.5", "16777217", "16777219", "16777217.0000000000000000000000001",
        "16777216.9999999999999999999999999", "3.4028235e38", "3.4028236e38", "3.4028235677973366e38", "1e39",
        "-1e400", "1e-400", "1e-45", "7e-46", "7.1e-46", "1.1754944e-38", "1.1754943e-38", "1.1754942e-38",
        "123456789012345678901234567890", "0.0000000000000000000000000000000000012345678901234567890123456789",
        "9007199254740993", "100000000000000000000000000000000000000", "0.1", "1E+2", "1e-65",
        "99999999999999999999e20",
    ])
    func extremes(_ text: String) throws { try check(text) }

    /// Ties between two floats, numbers right beside them, and every exponent.
    @Test func randomNumbers() throws {
        var random = SplitMix64(seed: 17)
        for _ in 0..<60_000 {
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            guard float.isFinite, float.nextUp.isFinite else { continue }
            try check(float.description)
            let tie = (Double(float) + Double(float.nextUp)) / 2
            for number in [tie, tie.nextUp, tie.nextDown] { try check(number.description) }
            let digits = "\(random.next())\(random.next())".prefix(1 + Int(random.next() % 30))
            try check("\(digits.first == "0" ? "1" : "")\(digits)e\(Int(random.next() % 110) - 70)")
        }
    }

    @Test func spellings() throws {
        for text in ["+1.5", "01", ".5", "1.", "1.e3", "-.5e-3"] {
            #expect(number(text, .json)?.end != text.utf8.count, "\(text)")
        }
        for text in ["+1.5", "01", "0.5", "-0.5e-3", "1e5"] { try check(text, .loose) }
        for (text, value) in [(".5", Float(0.5)), ("1.", 1), ("-.5e-3", -0.0005), ("1.e3", 1000)] {
            let found = number(text, .loose)
            #expect(found?.value == value && found?.end == text.utf8.count, "\(text)")
        }
        for text in ["", "-", ".", "e5", "nan", "inf", "1e", "1e+", "-x"] {
            #expect(number(text, .loose) == nil, "\(text)")
        }
    }
}
