/// The text of one SQL expression, with the values that were interpolated where they stand.
///
/// The text before an interpolated value and the text after it are read apart, so a value can't stand inside of quotes
/// or be a part of a word.
struct FilterText: Sendable {
    enum Part: Sendable {
        case sql(String)
        case value(SQLValue)
        /// The right side of IN.
        case list([SQLValue])
    }

    var parts: [Part]
    /// The values of the `?`s that the text itself has.
    var values: [SQLValue] = []

    /// The values of all `?`s of the expression that SQLite sees.
    var boundValues: [SQLValue] {
        let interpolated = parts.compactMap { part -> SQLValue? in
            switch part {
            case .sql: nil
            case .value(let value): value
            case .list(let values): .text(SQLValue.jsonArray(values))
            }
        }
        return interpolated + values
    }

    /// The place where the text ends; nil if it ends with an interpolated value.
    var end: FilterPlace? {
        guard case .sql(let sql)? = parts.last else { return nil }
        return FilterPlace(text: sql, bytes: sql.utf8.count..<sql.utf8.count)
    }

    var bytes: Int {
        parts.reduce(0) { bytes, part in
            if case .sql(let sql) = part { bytes + sql.utf8.count } else { bytes + 1 }
        }
    }
}

/// Texts are the same if their bytes are. To Swift, a composed and a decomposed é are equal, but not to a filter.
extension FilterText: Equatable {
    static func == (left: FilterText, right: FilterText) -> Bool {
        left.parts.elementsEqual(right.parts, by: isSame)
            && left.values.elementsEqual(right.values) { $0.isSameValue(as: $1) }
    }

    private static func isSame(_ left: Part, _ right: Part) -> Bool {
        switch (left, right) {
        case (.sql(let left), .sql(let right)): left.utf8.elementsEqual(right.utf8)
        case (.value(let left), .value(let right)): left.isSameValue(as: right)
        case (.list(let left), .list(let right)): left.elementsEqual(right) { $0.isSameValue(as: $1) }
        default: false
        }
    }
}

extension SQLValue {
    /// Whether two values have the same bytes.
    func isSameValue(as other: SQLValue) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
        case (.real(let left), .real(let right)): left.bitPattern == right.bitPattern
        default: self == other
        }
    }
}

// MARK: Literals

extension Filter: ExpressibleByStringInterpolation {
    /// A filter of SQL without values.
    public init(stringLiteral sql: String) { self.init(sql: sql) }

    /// A filter of SQL, whose interpolated values are bound.
    public init(stringInterpolation: StringInterpolation) { self.init(stringInterpolation.text) }

    /// Gathers the SQL and the values of a filter that is written as a literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = FilterText(parts: [])

        /// An empty one.
        public init(literalCapacity: Int, interpolationCount: Int) {
            text.parts.reserveCapacity(2 * interpolationCount + 1)
        }

        /// Appends SQL.
        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { text.parts.append(.sql(literal)) }
        }

        /// Binds a value, as SQLite has it: true is 1, and nil is NULL, which only `IS` finds. Write it without quotes.
        public mutating func appendInterpolation<Value: FilterValue>(_ value: Value?) {
            text.parts.append(.value(value.filterScalar.sqlValue))
        }

        /// Binds any number of values as the right side of IN: `"id IN \(ids)"`, with or without brackets.
        public mutating func appendInterpolation<Value: FilterValue>(_ values: [Value]) {
            text.parts.append(.list(values.map { $0.filterScalar.sqlValue }))
        }
    }
}
