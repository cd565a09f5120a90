/// A value bound to a `?` of a filter, or read from a column.
///
///     let filter = Filter(sql: "metadata ->> 'year' >= ? AND id <> ?", values: [2020, "cover"])
public enum SQLValue: Hashable, Sendable {
    /// NULL.
    case null
    /// An integer of 64 bits.
    case integer(Int64)
    /// A floating-point number.
    case real(Double)
    /// A text in UTF-8.
    case text(String)
}

extension SQLValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    /// An integer, as in `[2020]`.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A real number, as in `[0.5]`.
    public init(floatLiteral value: Double) { self = .real(value) }
    /// A text, as in `["science"]`.
    public init(stringLiteral value: String) { self = .text(value) }
    /// 1 for true and 0 for false, because SQLite has no other booleans.
    public init(booleanLiteral value: Bool) { self = .integer(value ? 1 : 0) }
    /// NULL.
    public init(nilLiteral: ()) { self = .null }
}

extension SQLValue {
    /// Whether an id comes before another one in the index: integers by value, texts by their bytes.
    package func isBefore(_ other: SQLValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): left < right
        case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        default: false
        }
    }
}
