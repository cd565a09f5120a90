/// Reads decimal numbers as float32, each the nearest, ties to even.
///
/// A number of up to 19 digits w × 10^q is w × 5^q × 2^q. The upper 64 bits of the product of w and the upper 64 bits of
/// 5^q differ from those of the exact product by little, and float32 needs only 24 of them: unless the bits after those
/// are so near to a tie that the difference could turn it, they decide how to round. Otherwise the standard library
/// rounds the text exactly, as it also does for results that aren't normal floats.
struct DecimalFloat {
    /// The spelling of numbers.
    enum Grammar {
        /// RFC 8259: no `+1`, `01`, `.5`, `1.`
        case json
        /// As programs write numbers into CSV: those as well.
        case loose
    }

    /// Beyond these exponents no number of 19 digits is a normal float.
    private static let exponents = -65...38
    /// The upper 64 bits of 5^q, for each exponent q.
    private let powers = exponents.map(Self.upperBitsOfPowerOfFive)

    /// The number that begins at `start`, and the position after it; nil if there is none. The value is infinite if it
    /// is beyond float32's range.
    @inline(__always)
    func number(_ bytes: Span<UInt8>, from start: Int, _ grammar: Grammar) -> (value: Float, end: Int)? {
        let count = bytes.count
        var position = start
        var isNegative = false
        if position < count, bytes[position] == UInt8(ascii: "-") {
            isNegative = true
            position += 1
        } else if grammar == .loose, position < count, bytes[position] == UInt8(ascii: "+") {
            position += 1
        }
        var digits = Digits()
        let whole = position
        digits.append(bytes, &position, areMany: false)
        let wholeCount = position - whole
        if grammar == .json, wholeCount == 0 || wholeCount > 1 && bytes[whole] == 0x30 { return nil }
        var fractionCount = 0
        if position < count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            let fraction = position
            digits.append(bytes, &position, areMany: true)
            fractionCount = position - fraction
            if grammar == .json, fractionCount == 0 { return nil }
        }
        if wholeCount + fractionCount == 0 { return nil }
        var exponent = digits.leftOut - fractionCount
        if position < count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            guard let (written, end) = Self.exponent(bytes, from: position + 1) else { return nil }
            exponent += written
            position = end
        }
        if let magnitude = nearest(digits, exponent) { return (isNegative ? -magnitude : magnitude, position) }
        return Self.byStandardLibrary(bytes, start..<position).map { ($0, position) }
    }

    /// Appends the components of the JSON array that begins at `start`. Returns the position after it; nil if it isn't
    /// an array of numbers within float32's range, after some of them may have been appended.
    func appendArray(_ bytes: Span<UInt8>, from start: Int, to components: inout [Float]) -> Int? {
        var position = start
        func skipSpace() {
            while position < bytes.count,
                bytes[position] == 0x20 || bytes[position] == 0x0A || bytes[position] == 0x0D
                    || bytes[position] == 0x09
            { position += 1 }
        }
        func skip(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }
        guard skip(UInt8(ascii: "[")) else { return nil }
        skipSpace()
        if skip(UInt8(ascii: "]")) { return position }
        repeat {
            skipSpace()
            guard let (value, end) = number(bytes, from: position, .json), value.isFinite else { return nil }
            components.append(value)
            position = end
            skipSpace()
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]")) ? position : nil
    }

    private struct Digits {
        var significand: UInt64 = 0
        /// The number of digits that had no place in the significand.
        var leftOut = 0
        /// Whether one of them isn't 0.
        var isCut = false

        /// The significand of the longest number that has room for eight more digits.
        private static let roomForEight: UInt64 = 99_999_999_999
        private static let roomForOne: UInt64 = 999_999_999_999_999_999

        /// Appends the digits at `position`, and moves it behind them.
        @inline(__always)
        mutating func append(_ bytes: Span<UInt8>, _ position: inout Int, areMany: Bool) {
            while areMany, significand <= Self.roomForEight, position &+ 8 <= bytes.count {
                let text = unsafe bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
                guard let value = Self.eightDigits(text) else { break }
                significand = significand &* 100_000_000 &+ value
                position &+= 8
            }
            while position < bytes.count, case let digit = unsafe bytes[unchecked: position] &- 0x30, digit < 10 {
                if significand <= Self.roomForOne {
                    significand = significand &* 10 &+ UInt64(digit)
                } else {
                    leftOut &+= 1
                    isCut = isCut || digit != 0
                }
                position &+= 1
            }
        }

        /// The value of eight digits, the first of which is the lowest byte; nil if not all bytes are digits.
        @inline(__always)
        private static func eightDigits(_ text: UInt64) -> UInt64? {
            // A digit's byte becomes its value; a byte over 9 gets its highest bit.
            let values = text ^ 0x3030_3030_3030_3030
            if (values &+ 0x7676_7676_7676_7676 | values) & 0x8080_8080_8080_8080 != 0 { return nil }
            // Neighbours are joined, to pairs, fours and eight.
            let pairs = (values &* 10 &+ values >> 8) & 0x00FF_00FF_00FF_00FF
            let fours = (pairs &* 100 &+ pairs >> 16) & 0x0000_FFFF_0000_FFFF
            return (fours &* 10_000 &+ fours >> 32) & 0xFFFF_FFFF
        }
    }

    private static func exponent(_ bytes: Span<UInt8>, from start: Int) -> (Int, end: Int)? {
        var position = start
        var isNegative = false
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") || bytes[position] == UInt8(ascii: "+") {
            isNegative = bytes[position] == UInt8(ascii: "-")
            position += 1
        }
        let first = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- 0x30, digit < 10 {
            value = min(value * 10 + Int(digit), 100_000)
            position += 1
        }
        return position > first ? (isNegative ? -value : value, position) : nil
    }

    /// Nil if the upper bits don't decide.
    @inline(__always)
    private func nearest(_ digits: Digits, _ decimalExponent: Int) -> Float? {
        if digits.significand == 0 { return 0 }
        guard Self.exponents.contains(decimalExponent) else { return nil }
        let shift = digits.significand.leadingZeroBitCount
        let power = powers[decimalExponent - Self.exponents.lowerBound]
        let product = (digits.significand << UInt64(shift)).multipliedFullWidth(by: power).high
        // The exact product is at least this, and less than this and the uncertainty: the power was cut, and so was the
        // product, and digits that were left out are less than 1 in 10^18, or 19 of 2^64.
        let uncertainty: UInt64 = digits.isCut ? 24 : 4
        let lowerBits = UInt64(64 - product.leadingZeroBitCount - 24)
        let half = UInt64(1) << (lowerBits - 1)
        let rest = product & (half << 1 - 1)
        if rest <= half && rest + uncertainty >= half { return nil }
        let mantissa = product >> lowerBits + (rest > half ? 1 : 0)
        // floor(log2(10^q)), for all q here.
        let binaryExponent = (217_706 * decimalExponent) >> 16
        let exponent = Int(lowerBits) + 64 - shift + binaryExponent - 63
        // The mantissa may have become 2^24: adding it to the exponent's bits makes that right.
        let biased = exponent + 23 + 127
        guard biased >= 1 else { return nil }
        if biased > 254 { return .infinity }
        return Float(bitPattern: UInt32(biased - 1) << 23 + UInt32(mantissa))
    }

    /// `Float` reads each spelling of both grammars but those that begin or end with a point.
    private static func byStandardLibrary(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Float? {
        var text = ""
        for index in range { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
        return Float(text) ?? Float(text.replacing(".", with: "0.0", maxReplacements: 1))
    }

    /// The power is cut to 64 bits, the first of which is 1; that of a negative exponent may be less by 1.
    private static func upperBitsOfPowerOfFive(_ exponent: Int) -> UInt64 {
        var value = UInt128(1) << 127
        for _ in 0..<abs(exponent) {
            if exponent > 0 {
                // 5^q has at most 89 bits, so nothing is lost.
                let product = value >> 3 * 5
                value = product << UInt128(product.leadingZeroBitCount)
            } else {
                let quotient = value / 5
                let shift = UInt128(quotient.leadingZeroBitCount)
                value = quotient << shift + ((value % 5) << shift) / 5
            }
        }
        return UInt64(value >> 64)
    }
}
