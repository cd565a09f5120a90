/// Walks over a JSON text (RFC 8259) byte by byte, and refuses what the grammar does not allow. It builds nothing.
///
/// The bytes must be valid UTF-8. Byte positions in messages count from 1.
struct JSONScanner {
    /// The most arrays and objects that may be open at a time in metadata. SQLite's own limit is 1,000.
    static let maximumDepth = 512

    let bytes: [UInt8]
    /// The most arrays and objects that may be open at a time.
    private let maximumDepth: Int
    var position = 0
    /// The most arrays and objects that were open at a time.
    private(set) var depth = 0
    /// A key that occurs twice in one of the objects scanned so far.
    private(set) var repeatedKey: String?

    init(_ text: String, maximumDepth: Int = Self.maximumDepth) {
        bytes = Array(text.utf8)
        self.maximumDepth = maximumDepth
    }

    /// The byte here, or nil at the end.
    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    func invalid(_ what: String, remedy: String = "correct it") -> FormatError {
        .invalid("not valid JSON at byte \(position + 1): \(what)", remedy: remedy)
    }

    mutating func skipWhitespace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            position += 1
        }
    }

    /// Steps over `byte` if it is here.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ role: String) throws(FormatError) {
        guard skip(byte) else { throw invalid("\(role) is missing") }
    }

    /// Throws if anything but white space follows.
    mutating func expectEnd() throws(FormatError) {
        skipWhitespace()
        guard position == bytes.count else { throw invalid("text follows the value") }
    }

    /// Steps over one value, from its first byte to its last, and over white space before it. `depth` arrays and
    /// objects are open around it. It is not recursive, so a deep text doesn't need a deep stack.
    mutating func skipValue(depth outer: Int) throws(FormatError) {
        var closers: [UInt8] = []
        /// For each object that is open, the keys so far.
        var keys: [Set<[UInt8]>] = []
        while true {
            skipWhitespace()
            if current == UInt8(ascii: "{") || current == UInt8(ascii: "[") {
                guard outer + closers.count < maximumDepth else {
                    throw invalid("more than \(maximumDepth) arrays and objects inside one another")
                }
                depth = max(depth, outer + closers.count + 1)
                // The closing bracket is two after the opening one in ASCII, for both kinds.
                let closer = bytes[position] + 2
                position += 1
                skipWhitespace()
                if !skip(closer) {
                    closers.append(closer)
                    if closer == UInt8(ascii: "}") {
                        keys.append([])
                        try skipKey(notAmong: &keys[keys.count - 1])
                    }
                    continue
                }
            } else {
                try skipScalar()
            }
            guard try skipToNextValue(&closers, &keys) else { return }
        }
    }

    /// Called after a value: closes the arrays and objects that end here, and steps over a comma. Returns false when
    /// nothing is open any more.
    private mutating func skipToNextValue(
        _ closers: inout [UInt8],
        _ keys: inout [Set<[UInt8]>]
    ) throws(FormatError) -> Bool {
        while let closer = closers.last {
            skipWhitespace()
            if skip(UInt8(ascii: ",")) {
                if closer == UInt8(ascii: "}") {
                    skipWhitespace()
                    try skipKey(notAmong: &keys[keys.count - 1])
                }
                return true
            }
            try expect(closer, closer == UInt8(ascii: "}") ? "',' or '}'" : "',' or ']'")
            if closers.removeLast() == UInt8(ascii: "}") { keys.removeLast() }
        }
        return false
    }

    /// Steps over a key and its colon. Returns the key's range, quotes included.
    mutating func skipKey() throws(FormatError) -> Range<Int> {
        guard current == UInt8(ascii: "\"") else { throw invalid("a key in double quotes is missing") }
        let start = position
        try skipString()
        let range = start..<position
        skipWhitespace()
        try expect(UInt8(ascii: ":"), "':' after a key")
        return range
    }

    private mutating func skipKey(notAmong keys: inout Set<[UInt8]>) throws(FormatError) {
        let range = try skipKey()
        // A key with half of a surrogate pair equals no other key.
        if let key = try? unescaped(range) { add(key, to: &keys) }
    }

    /// Keys are compared by their bytes: to JSON, a composed and a decomposed é are two keys.
    mutating func add(_ key: String, to keys: inout Set<[UInt8]>) {
        if !keys.insert(Array(key.utf8)).inserted { repeatedKey = repeatedKey ?? key }
    }

    private mutating func skipScalar() throws(FormatError) {
        switch current {
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try skipWord("true")
        case UInt8(ascii: "f"): try skipWord("false")
        case UInt8(ascii: "n"): try skipWord("null")
        default: _ = try scanNumber()
        }
    }

    private mutating func skipWord(_ word: StaticString) throws(FormatError) {
        let letters = Array("\(word)".utf8)
        guard bytes[position...].starts(with: letters) else {
            throw invalid("a value is missing (true, false and null are the only words)")
        }
        position += letters.count
    }

    /// Steps over a string. Escapes only need to be well formed; ``unescaped(_:)`` checks their values.
    private mutating func skipString() throws(FormatError) {
        position += 1
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try skipEscape()
            case 0..<0x20:
                position -= 1
                throw invalid("a control character in a string", remedy: "write it as an escape")
            default: break
            }
        }
        throw invalid("a string does not end")
    }

    private mutating func skipEscape() throws(FormatError) {
        switch current {
        case UInt8(ascii: "u"):
            guard hexadecimal(at: position + 1) != nil else { throw invalid("\\u without four hexadecimal digits") }
            position += 5
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        default: throw invalid("an unknown escape in a string")
        }
    }

    /// The value of the four hexadecimal digits at `start`, or nil if they are not there.
    func hexadecimal(at start: Int) -> UInt16? {
        guard start + 4 <= bytes.count else { return nil }
        var value: UInt16 = 0
        for byte in bytes[start..<(start + 4)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }
}
