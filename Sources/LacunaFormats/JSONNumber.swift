/// The parts of a number, found while its text was scanned.
struct JSONNumber {
    /// The number's range in the scanner's bytes.
    let range: Range<Int>
    let isNegative: Bool
    /// Whether the text has neither a fraction nor an exponent.
    let isInteger: Bool
    /// The digits without the point, or nil if they exceed 2^53, up to which a Double holds every integer.
    let significand: UInt64?
    /// The value is ±significand × 10^exponent. Limited to ±10,000, far beyond the exponents for which a Double holds
    /// 10^exponent.
    let exponent: Int
}

extension JSONScanner {
    /// Steps over a number, by the grammar of RFC 8259: so it refuses `+1`, `01`, `.5`, `1.`, `NaN` and `Infinity`.
    mutating func scanNumber() throws(FormatError) -> JSONNumber {
        let start = position
        let isNegative = skip(UInt8(ascii: "-"))
        var digits = SignificantDigits()
        if !skip(UInt8(ascii: "0")) {
            guard scanDigits({ digits.append($0) }) > 0 else { throw invalid("a value is missing") }
        } else if let byte = current, Self.isDigit(byte) {
            throw invalid("a number begins with 0")
        }
        var isInteger = true
        var exponent = 0
        if skip(UInt8(ascii: ".")) {
            isInteger = false
            let count = scanDigits { digits.append($0) }
            guard count > 0 else { throw invalid("a digit after the decimal point is missing") }
            exponent = -min(count, 10_000)
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isInteger = false
            exponent += try scanExponent()
        }
        return JSONNumber(
            range: start..<position,
            isNegative: isNegative,
            isInteger: isInteger,
            significand: digits.value,
            exponent: exponent
        )
    }

    /// The nearest float32, ties to even; infinite if the number is beyond float32's range.
    func float(_ number: JSONNumber) -> Float? {
        if let value = Self.floatByOneRounding(number) { return value }
        return Float(String(decoding: bytes[number.range], as: UTF8.self))
    }

    /// Rounds a number of up to 15 digits or so without the system's `strtof`, several times faster; nil if that could
    /// round wrongly.
    ///
    /// The significand and the power of ten are exact Doubles, so their product or quotient is the Double nearest to
    /// the number. Rounding that again, to Float, can only be wrong if it is a tie between two Floats: every such tie
    /// is itself a Double, so a number on one side of the tie never became a Double on the other side. The result lies
    /// between 1e-22 and 2^53 × 1e22, within Float's normal range, where a tie is bit 28 alone of the 29 that Float
    /// lacks.
    private static func floatByOneRounding(_ number: JSONNumber) -> Float? {
        guard let significand = number.significand, abs(number.exponent) < exactPowersOfTen.count else { return nil }
        let power = exactPowersOfTen[abs(number.exponent)]
        let magnitude = number.exponent < 0 ? Double(significand) / power : Double(significand) * power
        guard magnitude.bitPattern & 0x1FFF_FFFF != 0x1000_0000 else { return nil }
        return Float(number.isNegative ? -magnitude : magnitude)
    }

    private static let exactPowersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]

    private struct SignificantDigits {
        private(set) var value: UInt64? = 0

        mutating func append(_ digit: UInt8) {
            // Ten times this, plus 9, is still under 2^53.
            guard let held = value, held <= 900_719_925_474_098 else {
                value = nil
                return
            }
            value = held * 10 + UInt64(digit)
        }
    }

    private mutating func scanDigits(_ take: (UInt8) -> Void) -> Int {
        let start = position
        while let byte = current, Self.isDigit(byte) {
            take(byte - UInt8(ascii: "0"))
            position += 1
        }
        return position - start
    }

    private mutating func scanExponent() throws(FormatError) -> Int {
        let isNegative = skip(UInt8(ascii: "-"))
        if !isNegative { _ = skip(UInt8(ascii: "+")) }
        var value = 0
        let count = scanDigits { value = min(value * 10 + Int($0), 10_000) }
        guard count > 0 else { throw invalid("a digit of the exponent is missing") }
        return isNegative ? -value : value
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }
}
