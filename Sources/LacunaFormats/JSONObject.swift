/// One JSON object's text, checked against RFC 8259, and where its top-level members lie in it.
///
/// It is no tree: every text it gives is cut out of the original without changing a byte, so numbers keep their
/// spelling, keys their order and strings their escapes. Nested arrays and objects are checked, up to 512 deep (this
/// object included), and not looked into.
///
/// Refused, besides what the grammar does not allow: half of a surrogate pair in a top-level key, and a second `id`,
/// however it is escaped. Any other key twice is for ``checkKeys()`` to refuse: earlier stores may hold such. Cost: one pass, and one copy of the text.
package struct JSONObject: Sendable {
    package struct Member: Equatable, Sendable {
        /// Unescaped.
        package let key: String
        /// As the text has it, without white space around it.
        package let rawValue: String
    }

    private struct Entry {
        let key: String
        /// Of the `{` or the `,` before the key.
        let separator: Int
        let valueRange: Range<Int>
    }

    /// The text as it was given, white space around the object included.
    package let text: String
    private let bytes: [UInt8]
    private let entries: [Entry]
    private let openingBrace: Int
    private let repeatedKey: String?

    package init(_ text: String) throws(FormatError) {
        var scanner = JSONScanner(text)
        scanner.skipWhitespace()
        openingBrace = scanner.position
        guard scanner.skip(UInt8(ascii: "{")) else {
            throw FormatError.invalid("not a JSON object; write it as {\"key\": …}")
        }
        var entries: [Entry] = []
        var keys: Set<[UInt8]> = []
        scanner.skipWhitespace()
        if !scanner.skip(UInt8(ascii: "}")) {
            var separator = openingBrace
            repeat {
                let entry = try Self.scanEntry(&scanner, separator: separator)
                scanner.add(entry.key, to: &keys)
                entries.append(entry)
                scanner.skipWhitespace()
                separator = scanner.position
            } while scanner.skip(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "}"), "',' or '}'")
        }
        try scanner.expectEnd()
        self.text = text
        self.entries = entries
        bytes = scanner.bytes
        repeatedKey = scanner.repeatedKey
        _ = try index(of: "id")
    }

    private static func scanEntry(_ scanner: inout JSONScanner, separator: Int) throws(FormatError) -> Entry {
        scanner.skipWhitespace()
        let keyRange = try scanner.skipKey()
        let key = try scanner.unescaped(keyRange)
        scanner.skipWhitespace()
        let start = scanner.position
        try scanner.skipValue(depth: 1)
        return Entry(key: key, separator: separator, valueRange: start..<scanner.position)
    }

    /// The top-level members, in the text's order. Keys other than `id` may occur twice.
    package var members: [Member] {
        entries.map(member)
    }

    /// - Throws: `.invalid` if this object, or one inside it, has a key twice: readers of JSON don't agree which counts.
    package func checkKeys() throws(FormatError) {
        if let repeatedKey { throw Self.twice(repeatedKey) }
    }

    private static func twice(_ key: String) -> FormatError {
        .invalid("the key '\(excerpt(key))' occurs twice in one object; remove one")
    }

    /// - Returns: the member named `key` (compared after unescaping, by its UTF-8 bytes), or nil.
    /// - Throws: `.invalid` if there are two, as one would have to be guessed.
    package func member(named key: String) throws(FormatError) -> Member? {
        try index(of: key).map { member(entries[$0]) }
    }

    /// The object's text without the member named `key`; all of the text if there is none.
    ///
    /// What remains is untouched. With the member go its comma (the one after it if it is the first, else the one
    /// before it), the white space before its key, and one space, if there is one, after a comma that follows it:
    /// `{"id": 1, "a": 2}` leaves `{"a": 2}`.
    /// - Throws: `.invalid` if the key occurs twice.
    package func removing(_ key: String) throws(FormatError) -> String {
        guard let index = try index(of: key) else { return text }
        let entry = entries[index]
        var removed = entry.separator..<entry.valueRange.upperBound
        if index == 0 {
            var end = removed.upperBound
            if entries.count > 1 {
                end = entries[1].separator + 1
                if bytes[end] == 0x20 { end += 1 }
            }
            removed = (openingBrace + 1)..<end
        }
        return string(0..<removed.lowerBound) + string(removed.upperBound..<bytes.count)
    }

    /// A row for a JSON Lines file: the members of `metadata` after an `id`, on one line.
    ///
    /// Byte-exact both ways: `JSONObject(flatObject(idText: i, metadata: m)).removing("id") == m`, for every `m`
    /// without a line break. The text between the braces of `m`, and that around them, is copied with all its white
    /// space; only `"id": i` goes in behind the opening brace, followed by `, ` (a comma and one space) if `m` has
    /// members, and by nothing if it has none. That is just what ``removing(_:)`` takes out of a first member: up to
    /// its comma and one space, or, from a sole member, up to the value's end. So `{ "a": 1 }` becomes
    /// `{"id": 7,  "a": 1 }` and `{ }` becomes `{"id": 7 }`, and both come back.
    ///
    /// A line break (LF or CR) cannot be kept on one line. It can only be white space between tokens, since JSON
    /// escapes it in a string, and becomes a space, as in ``singleLine(_:)``; then that is what comes back.
    /// - Parameters:
    ///   - idText: the id as JSON text, which ``JSONScalar`` must take.
    ///   - metadata: a JSON object's text without a member `id`.
    package static func flatObject(idText: String, metadata: String) throws(FormatError) -> String {
        let id = try JSONScalar(parsing: idText)
        let object = try JSONObject(metadata)
        guard try object.index(of: "id") == nil else {
            throw FormatError.invalid("the metadata has a member 'id' of its own; rename it")
        }
        let inside = object.openingBrace + 1
        let seam = object.entries.isEmpty ? "" : ", "
        let head = object.string(0..<inside)
        let tail = object.string(inside..<object.bytes.count)
        return singleLine("\(head)\"id\": \(id.jsonText)\(seam)\(tail)")
    }

    /// Valid JSON text with every line break replaced by a space: the same value, and the same length in bytes.
    package static func singleLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return String(decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    private func index(of key: String) throws(FormatError) -> Int? {
        var found: Int?
        for (index, entry) in entries.enumerated() where entry.key.utf8.elementsEqual(key.utf8) {
            guard found == nil else { throw Self.twice(key) }
            found = index
        }
        return found
    }

    private func member(_ entry: Entry) -> Member {
        Member(key: entry.key, rawValue: string(entry.valueRange))
    }

    private func string(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
