/// A place in the bytes of a JSON text that SQLite has found valid. In any other text it stops somewhere between the
/// ends.
struct JSONCursor {
    let bytes: [UInt8]
    private(set) var place = 0

    init(_ json: String) { bytes = Array(json.utf8) }

    /// The byte at the place; nil at the end.
    var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func advance() { place = min(place + 1, bytes.count) }

    mutating func skipSpace() {
        while let next, Self.isSpace(next) { place += 1 }
    }

    /// Skips white space, and then this byte if it is there; returns whether it was.
    @discardableResult
    mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        place += 1
        return true
    }

    /// Skips the string that begins at the place; returns the range between its quotes.
    mutating func skipString() -> Range<Int> {
        advance()
        let start = place
        while let next, next != UInt8(ascii: "\"") {
            place = min(place + (next == UInt8(ascii: "\\") ? 2 : 1), bytes.count)
        }
        let content = start..<place
        advance()
        return content
    }

    /// Skips the value that begins at the place; returns its range.
    mutating func skipValue() -> Range<Int> {
        let start = place
        /// The number of objects and arrays that are open.
        var depth = 0
        while let next {
            switch next {
            case UInt8(ascii: "\""): _ = skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                advance()
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return start..<place }
                depth -= 1
                advance()
            default:
                // A number, `true`, `false` or `null`, or what lies between the members of an object or array.
                if depth == 0 {
                    while let next = self.next, !Self.endsWord(next) { place += 1 }
                } else {
                    advance()
                }
            }
            if depth == 0 { break }
        }
        return start..<place
    }

    /// The range of a key's value in the object at the place; nil if it doesn't have the key.
    mutating func findValue(of key: String) -> Range<Int>? {
        guard skip(UInt8(ascii: "{")) else { return nil }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { return nil }
            let name = skipString()
            skip(UInt8(ascii: ":"))
            skipSpace()
            let value = skipValue()
            if Self.unescaped(bytes[name]).elementsEqual(key.utf8) { return value }
        } while skip(UInt8(ascii: ","))
        return nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    private static func endsWord(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    }

    /// What a string means, from the bytes between its quotes: `\u0061` is the letter a.
    static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
        var units: [UInt16] = []
        var rest = text
        while let byte = rest.first {
            guard byte == UInt8(ascii: "\\") else {
                let plain = rest.prefix { $0 != UInt8(ascii: "\\") }
                units += String(decoding: plain, as: UTF8.self).utf16
                rest = rest[plain.endIndex...]
                continue
            }
            rest = rest.dropFirst()
            switch rest.popFirst() {
            case UInt8(ascii: "u"):
                units.append(UInt16(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(4)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case let other: units.append(UInt16(other ?? 0))
            }
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
