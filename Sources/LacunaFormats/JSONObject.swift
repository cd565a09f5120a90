/// The text of one JSON object, checked against RFC 8259, and the places of its top-level members in it.
///
/// It is not a tree: every text that it returns is cut out of the original without a change, so numbers keep their
/// spelling, keys their order and strings their escapes. Nested arrays and objects are checked, up to 512 deep (this
/// object included), but not taken apart. A whole row may be one deeper, for its metadata's sake.
///
/// Besides what the grammar does not allow, it refuses half of a surrogate pair in a top-level key, and a second `id`,
/// however it is escaped. ``checkKeys()`` refuses other keys that occur twice, which earlier stores may contain. It
/// costs one pass, and one copy of the text.
package struct JSONObject: Sendable {
    package struct Member: Equatable, Sendable {
        /// The key, unescaped.
        package let key: String
        /// The value's text as it was given, without white space around it.
        package let rawValue: String
        /// The member as JSON text.
        var text: String { "\(jsonString(key)): \(rawValue)" }
    }

    private struct Entry {
        let key: String
        /// The position of the `{` or the `,` before the key.
        let separator: Int
        let valueRange: Range<Int>
    }

    /// The text as it was given, with the white space around the object.
    package let text: String
    private let bytes: [UInt8]
    private let entries: [Entry]
    private let openingBrace: Int
    private let repeatedKey: String?
    /// Whether it is as deep as a whole row may be, and metadata may not.
    let isDeep: Bool

    /// - Parameter isRow: Whether the object is a whole row, with its metadata in a member.
    package init(_ text: String, isRow: Bool = false) throws(FormatError) {
        var scanner = JSONScanner(text, maximumDepth: JSONScanner.maximumDepth + (isRow ? 1 : 0))
        scanner.skipWhitespace()
        openingBrace = scanner.position
        guard scanner.skip(UInt8(ascii: "{")) else {
            throw FormatError.invalid("not a JSON object", remedy: "write it as {\"key\": …}")
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
        isDeep = scanner.depth > JSONScanner.maximumDepth
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

    /// The top-level members, in the order of the text. Keys other than `id` may occur twice.
    package var members: [Member] {
        entries.map(member)
    }

    /// - Throws: `.invalid` if this object, or one inside it, has a key twice: JSON parsers disagree which one counts.
    package func checkKeys() throws(FormatError) {
        if let repeatedKey { throw Self.twice(repeatedKey) }
    }

    private static func twice(_ key: String) -> FormatError {
        .invalid("the key '\(excerpt(key))' occurs twice in one object", remedy: "remove one")
    }

    /// - Returns: The member named `key` (compared after unescaping, by its UTF-8 bytes), or nil.
    /// - Throws: `.invalid` if there are two, since it isn't clear which one counts.
    package func member(named key: String) throws(FormatError) -> Member? {
        try index(of: key).map { member(entries[$0]) }
    }

    /// The object's text without the member named `key`; all of the text if there is none.
    ///
    /// The rest is untouched. These are removed with the member: its comma (the one after it if it is the first, else
    /// the one before it), the white space before its key, and one space, if there is one, after a comma that follows
    /// it: `{"id": 1, "a": 2}` leaves `{"a": 2}`.
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
    /// without a line break. The text between the braces of `m`, and around them, is copied with all its white space.
    /// Only `"id": i` is inserted after the opening brace, followed by `, ` (a comma and one space) if `m` has members,
    /// and by nothing if it has none. That is exactly what ``removing(_:)`` removes: the first member with its comma
    /// and one space, or, if it is the only member, up to the value's end. So `{ "a": 1 }` becomes `{"id": 7, "a": 1 }`
    /// and `{ }` becomes `{"id": 7 }`, and ``removing(_:)`` restores both.
    ///
    /// A line break (LF or CR) cannot be kept on one line. It can only be white space between tokens, since JSON
    /// escapes it in a string. It becomes a space, as in ``singleLine(_:)``, and is not restored.
    /// - Parameters:
    ///   - idText: The id as JSON text, which ``JSONScalar`` must accept.
    ///   - metadata: The text of a JSON object without a member `id`.
    package static func flatObject(idText: String, metadata: String) throws(FormatError) -> String {
        let id = try JSONScalar(parsing: idText)
        let object = try JSONObject(metadata)
        guard try object.index(of: "id") == nil else {
            throw FormatError.invalid("the metadata has a member 'id' of its own", remedy: "rename it")
        }
        let inside = object.openingBrace + 1
        let seam = object.entries.isEmpty ? "" : ", "
        let head = object.string(0..<inside)
        let tail = object.string(inside..<object.bytes.count)
        return singleLine("\(head)\"id\": \(id.jsonText)\(seam)\(tail)")
    }

    /// Replaces every line break in a valid JSON text by a space. The value and the length in bytes stay the same.
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
