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
        var cursor = JSONCursor(json)
        /// Whether the next string of an object is a key.
        var isKey = false
        while let byte = cursor.next {
            switch byte {
            case UInt8(ascii: "\""):
                let content = cursor.skipString()
                if isKey { add(JSONCursor.unescaped(cursor.bytes[content])) }
                isKey = false
                continue
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
            cursor.advance()
        }
    }

    private mutating func add(_ key: [UInt8]) {
        if open.count == 1, key.elementsEqual("id".utf8) { hasID = true }
        guard !open.isEmpty, open[open.count - 1]?.insert(key).inserted == false else { return }
        twice = String(decoding: key, as: UTF8.self)
    }
}
