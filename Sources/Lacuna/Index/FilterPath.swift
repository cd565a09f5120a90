/// A place in the metadata: the keys that lead to it from the top.
package struct FilterPath: Sendable {
    package let keys: [String]

    init(_ keys: [String]) { self.keys = keys }

    /// The path of a ``literal`` without its quotes.
    init?(literal: String) {
        guard literal.hasPrefix(#"$.""#), literal.hasSuffix(#"""#), literal.utf8.count > 4 else { return nil }
        self.init(String(literal.dropFirst(3).dropLast()).split(separator: #"".""#).map(String.init))
    }

    /// The symbols that a key may have, beside ASCII letters and digits, to be found by a path.
    static let plainSymbols = "_-. :@#$"

    /// The path as an SQL literal, such as `'$."author"."name"'`; nil if a key has other characters.
    ///
    /// Encoders write other characters as escapes: some those beyond ASCII, some `<`, `>` and `&`, some the slash. Old
    /// versions of SQLite compare the keys of a path with the bytes in the metadata, so they wouldn't find such a key.
    /// The key column of json_each has no escapes in any version.
    var literal: String? {
        let isPlain = keys.allSatisfy { key in
            !key.isEmpty && key.utf8.allSatisfy { Self.isLetterOrDigit($0) || Self.plainSymbols.utf8.contains($0) }
        }
        return isPlain ? "'$" + keys.map { #"."\#($0)""# }.joined() + "'" : nil
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
    }

    /// A condition on the value at the place. It isn't true if there is no value.
    ///
    /// `json_extract(metadata, '$."key"')` is the one spelling of a plain field, by which an index on the same
    /// expression can be found.
    func text(_ condition: (FilterOperand) -> FilterText) -> FilterText {
        if let literal {
            let arguments = "(metadata, \(literal))"
            return condition(FilterOperand(value: "json_extract\(arguments)", kind: "json_type\(arguments)"))
        }
        let (tables, level) = tables
        let operand = FilterOperand(value: "\(level).value", kind: "\(level).type")
        return "EXISTS (SELECT 1 FROM \(tables) WHERE \(isLast(level)) AND (\(condition(operand))))"
    }

    /// Whether the value is an array with this element.
    func text(hasElement element: FilterScalar) -> FilterText {
        let isElement = FilterOperand(value: "element.value", kind: "element.type").isOne(of: [element])
        if let literal {
            // Only the elements of an array have integers as keys.
            return """
                EXISTS (
                    SELECT 1 FROM json_each(metadata, \(sql: literal)) AS element
                    WHERE (\(isElement)) AND typeof(element.key) = 'integer'
                )
                """
        }
        let (tables, level) = tables
        return """
            EXISTS (
                SELECT 1 FROM \(tables), json_each(
                    CASE WHEN \(isLast(level)) AND \(sql: level).type = 'array' THEN \(sql: level).value ELSE '[]' END
                ) AS element WHERE \(isElement)
            )
            """
    }

    /// A table of the members of each object on the way, and the name of the last table. No table is read of a text
    /// that may not be JSON.
    private var tables: (FilterText, last: String) {
        var tables: FilterText = "json_each(lacuna_row.metadata) AS level0"
        for place in keys.indices.dropFirst() {
            let (level, before) = ("level\(place)", "level\(place - 1)")
            let isOnTheWay: FilterText =
                "\(sql: before).key = \(.text(keys[place - 1])) AND \(sql: before).type = 'object'"
            tables = """
                \(tables), json_each(CASE WHEN \(isOnTheWay) THEN \(sql: before).value ELSE '{}' END) AS \(sql: level)
                """
        }
        return (tables, "level\(keys.count - 1)")
    }

    private func isLast(_ level: String) -> FilterText { "\(sql: level).key = \(.text(keys[keys.count - 1]))" }
}
