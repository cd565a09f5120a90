/// An id in JSON: an integer or a string.
package enum JSONScalar: Hashable, Sendable {
    case integer(Int64)
    case string(String)

    /// Parses a JSON value's text. White space around it is allowed.
    ///
    /// - Throws: `.invalid` for anything else: a number with a fraction or an exponent (`1.0`, `1e3`), one beyond
    ///   Int64, a string with half of a surrogate pair, `true`, `null`, an array, an object.
    package init(parsing text: String) throws(FormatError) {
        var scanner = JSONScanner(text)
        scanner.skipWhitespace()
        let start = scanner.position
        let first = scanner.current
        try scanner.skipValue(depth: 0)
        let range = start..<scanner.position
        try scanner.expectEnd()
        let spelling = String(decoding: scanner.bytes[range], as: UTF8.self)
        if first == UInt8(ascii: "\"") {
            self = .string(try scanner.unescaped(range))
        } else if let integer = Int64(spelling) {
            self = .integer(integer)
        } else {
            throw FormatError.invalid(
                "the id \(excerpt(spelling)) is neither an integer of 64 bits, written without fraction or exponent, "
                    + "nor a string",
                remedy: "write it as one of them"
            )
        }
    }

    /// The JSON text that ``init(parsing:)`` reads back.
    package var jsonText: String {
        switch self {
        case .integer(let value): "\(value)"
        case .string(let value): jsonString(value)
        }
    }
}
