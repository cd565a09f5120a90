/// A JSON value that says what a filter is.
enum FilterJSON {
    case object([Member])
    case array([FilterJSON])
    case scalar(FilterScalar)

    struct Member {
        let key: String
        /// The place of the key.
        let place: FilterPlace
        let value: FilterJSON
    }
}

/// Reads a JSON text (RFC 8259), and refuses an object that has a key twice.
struct FilterJSONReader {
    private let text: String
    private let bytes: [UInt8]
    private var place = 0

    /// Deeper brackets than these could exhaust the stack; a filter's own limit is lower.
    private static let mostBrackets = 256

    static func read(_ text: String) throws(VectorStoreError) -> FilterJSON {
        try FilterCost.check(length: text.utf8.count)
        var reader = FilterJSONReader(text)
        do throws(VectorStoreError) {
            let value = try reader.value(depth: 0)
            reader.skipSpace()
            if reader.byte != nil { throw reader.invalid("text follows the value") }
            return value
        } catch { throw error.at(reader.place(from: reader.place, min(1, reader.bytes.count - reader.place))) }
    }

    private init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    private func place(from start: Int, _ count: Int) -> FilterPlace {
        FilterPlace(text: text, bytes: start..<start + count)
    }

    private var byte: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func invalid(_ what: String) -> VectorStoreError {
        Filter.invalid("its JSON is wrong at byte \(place + 1): \(what)", remedy: Filter.jsonRemedy)
    }

    private mutating func skipSpace() {
        while let byte, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { place += 1 }
    }

    /// Skips white space, and then this character if it is there.
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard byte == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) throws(VectorStoreError) -> FilterJSON {
        if depth > Self.mostBrackets { throw invalid("its brackets are nested more than \(Self.mostBrackets) deep") }
        if skip("{") { return try object(depth: depth) }
        if skip("[") { return try array(depth: depth) }
        switch byte {
        case UInt8(ascii: "\""): return .scalar(.text(try string()))
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .scalar(try number())
        }
    }

    private mutating func object(depth: Int) throws(VectorStoreError) -> FilterJSON {
        var members: [FilterJSON.Member] = []
        var keys: Set<[UInt8]> = []
        if skip("}") { return .object(members) }
        repeat {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw invalid("a key in double quotes is missing") }
            let start = place
            let key = try string()
            let keyPlace = place(from: start, place - start)
            guard keys.insert(Array(key.utf8)).inserted else { throw invalid("the key `\(key)` is there twice") }
            guard skip(":") else { throw invalid("`:` is missing after a key") }
            members.append(.init(key: key, place: keyPlace, value: try value(depth: depth + 1)))
        } while skip(",")
        guard skip("}") else { throw invalid("`,` or `}` is missing") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(VectorStoreError) -> FilterJSON {
        var elements: [FilterJSON] = []
        if skip("]") { return .array(elements) }
        repeat { elements.append(try value(depth: depth + 1)) } while skip(",")
        guard skip("]") else { throw invalid("`,` or `]` is missing") }
        return .array(elements)
    }

    private mutating func word(_ word: String, _ value: FilterScalar) throws(VectorStoreError) -> FilterJSON {
        guard bytes[place...].starts(with: word.utf8) else { throw invalid("a value is missing") }
        place += word.utf8.count
        return .scalar(value)
    }

    private mutating func number() throws(VectorStoreError) -> FilterScalar {
        let start = place
        _ = skipByte("-")
        let first = byte
        let digits = skipDigits()
        if digits == 0 { throw invalid("a value is missing") }
        if digits > 1, first == UInt8(ascii: "0") { throw invalid("a number begins with 0") }
        var isInteger = true
        if skipByte(".") {
            isInteger = false
            if skipDigits() == 0 { throw invalid("a digit after the decimal point is missing") }
        }
        if skipByte("e") || skipByte("E") {
            isInteger = false
            if !skipByte("-") { _ = skipByte("+") }
            if skipDigits() == 0 { throw invalid("a digit of the exponent is missing") }
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let real = Double(text) else { throw invalid("`\(text)` is no number") }
        return .real(real)
    }

    private mutating func skipByte(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipDigits() -> Int {
        let start = place
        while let byte, (0x30...0x39).contains(byte) { place += 1 }
        return place - start
    }

    private mutating func string() throws(VectorStoreError) -> String {
        place += 1
        let start = place
        while let byte, byte != UInt8(ascii: "\"") {
            if byte < 0x20 { throw invalid("a control character in a string isn't written as an escape") }
            if byte == UInt8(ascii: "\\") { try skipEscape() } else { place += 1 }
        }
        if byte == nil { throw invalid("a string doesn't end") }
        place += 1
        let content = JSONCursor.unescaped(bytes[start..<(place - 1)])
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func skipEscape() throws(VectorStoreError) {
        let letter = bytes[place...].dropFirst().first
        if letter == UInt8(ascii: "u") {
            let unit = escapedUnit(at: place)
            let next = escapedUnit(at: place + 6)
            let isPair = unit.map(UTF16.isLeadSurrogate) == true && next.map(UTF16.isTrailSurrogate) == true
            guard let unit, isPair || !UTF16.isSurrogate(unit) else {
                throw invalid("an escape in a string isn't four hexadecimal digits, or is half of a character")
            }
            place += isPair ? 12 : 6
        } else if let letter, "\"\\/bfnrt".utf8.contains(letter) {
            place += 2
        } else {
            throw invalid("an escape in a string is unknown")
        }
    }

    /// The value of the `\u` and four hexadecimal digits at a place; nil if they aren't there.
    private func escapedUnit(at place: Int) -> UInt16? {
        let escape = bytes.dropFirst(place).prefix(6)
        guard escape.count == 6, escape.starts(with: "\\u".utf8), escape.dropFirst(2).allSatisfy(Self.isHexadecimal)
        else { return nil }
        return UInt16(String(decoding: escape.dropFirst(2), as: UTF8.self), radix: 16)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF)
    }
}
