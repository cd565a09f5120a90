/// Checks that the text on the right side of `->` or `->>` means the same in every version of SQLite.
///
/// Up to at least 3.42, `'app.version'`, `'list[0]'` and `'2024'` are paths; in 3.46 they are keys. All versions read a
/// key in double quotes inside a path in the same way, unless it has a quote or a backslash. The text is taken as
/// bytes, since to SQLite a dot with an accent is a dot.
enum JSONLabel {
    /// Checks a label in a filter.
    static func check(_ label: [UInt8]) throws(VectorStoreError) {
        let text = String(decoding: label.prefix(60), as: UTF8.self)
        if label.first == UInt8(ascii: "$") {
            if isPath(label) { return }
            throw Filter.invalid("`'\(text)'` is no path", remedy: "write paths like `'$.key.\"another key\"[0][#-1]'`")
        }
        guard !label.isEmpty, !label.contains(where: isQuoteOrBackslash) else {
            throw Filter.invalid(
                "`'\(text)'` on the right side of an arrow isn't the same key to every version of SQLite",
                remedy: "write `EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = … AND value = …)`"
            )
        }
        if !isKey(label) {
            throw Filter.invalid(
                "`'\(text)'` on the right side of an arrow is a path to some versions of SQLite and a key to others",
                remedy: "write the key as `'$.\"\(text)\"'`, or a path from `$` on"
            )
        }
    }

    /// Whether the label is a key in every version.
    static func isKey(_ label: [UInt8]) -> Bool {
        guard let first = label.first, !isDigit(first), first != UInt8(ascii: "$") else { return false }
        return !label.contains { isQuoteOrBackslash($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") }
    }

    /// Whether the label is `$`, and then any number of `.key`, `."key"`, `[0]` and `[#-1]`.
    static func isPath(_ label: [UInt8]) -> Bool {
        guard label.first == UInt8(ascii: "$") else { return false }
        var rest = label.dropFirst()
        while let first = rest.popFirst() {
            switch first {
            case UInt8(ascii: ".") where rest.first == UInt8(ascii: "\""):
                guard let end = rest.dropFirst().firstIndex(where: isQuoteOrBackslash),
                    rest[end] == UInt8(ascii: "\"")
                else { return false }
                rest = rest[(end + 1)...]
            case UInt8(ascii: "."):
                let key = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
                if key.isEmpty || key.contains(where: isQuoteOrBackslash) { return false }
                rest = rest[key.endIndex...]
            case UInt8(ascii: "["):
                if rest.starts(with: "#-".utf8) { rest = rest.dropFirst(2) }
                let digits = rest.prefix(while: isDigit)
                rest = rest[digits.endIndex...]
                if digits.isEmpty || rest.popFirst() != UInt8(ascii: "]") { return false }
            default: return false
            }
        }
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isQuoteOrBackslash(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
