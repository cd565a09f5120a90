/// Looks for special keys in one JSON object. SQLite must have found the text valid before.
///
/// If two members have the same key, SQLite sees the first, and most parsers the last, so a filter would choose by
/// another value than a program sees. Keys are compared unescaped: `"a"` and `"\u0061"` are the same.
struct MetadataKeys {
    /// Whether the outermost object has the key `id`.
    private(set) var hasID = false
    /// A key that one object, at any depth, has twice.
    private(set) var twice: String?

    /// For each object and array that is open, the keys so far; nil for an array.
    private var open: [Set<[UInt8]>?] = []

    init(_ json: String) {
        let bytes = Array(json.utf8)
        var place = 0
        /// Whether the next string of an object is a key.
        var isKey = false
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                let end = Self.endOfString(bytes, from: place + 1)
                if isKey { add(Self.unescaped(bytes[(place + 1)..<end])) }
                isKey = false
                place = end
            case UInt8(ascii: "{"):
                open.append([])
                isKey = true
            case UInt8(ascii: "["):
                open.append(nil)
                isKey = false
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                isKey = false
            case UInt8(ascii: ","): isKey = (open.last ?? nil) != nil
            default: break
            }
            place += 1
        }
    }

    private mutating func add(_ key: [UInt8]) {
        if open.count == 1, key.elementsEqual("id".utf8) { hasID = true }
        guard !open.isEmpty, open[open.count - 1]?.insert(key).inserted == false else { return }
        twice = String(decoding: key, as: UTF8.self)
    }

    /// The position of the closing quote.
    private static func endOfString(_ bytes: [UInt8], from start: Int) -> Int {
        var place = start
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(place, bytes.count)
    }

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
