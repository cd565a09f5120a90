/// A value that a filter compares: SQL for the value itself, and for its kind as json_type names it.
///
/// A comparison names the value first, and only then its kind, as in
/// `json_extract(metadata, '$."year"') = ? AND json_type(metadata, '$."year"') IN ('integer', 'real')`. So an index on
/// the first expression can find the rows, and for most other rows the second isn't evaluated. The kind is needed,
/// since json_extract returns 1 for `true`, and the text `[1]` for an array.
struct FilterOperand {
    let value: String
    let kind: String

    static let id = FilterOperand(value: "id", kind: "typeof(id)")

    /// The longest list whose values are parameters of their own. A longer one is one JSON text.
    private static let mostParameters = 100

    func compared(_ operation: String, _ other: FilterScalar) -> FilterText {
        switch other {
        case .null, .boolean: operation == "=" ? isOne(of: [other]) : "FALSE"
        case .integer, .real: "\(sql: value) \(sql: operation) \(other) AND \(sql: kind) IN ('integer', 'real')"
        case .text: "\(sql: value) \(sql: operation) \(other) AND \(sql: kind) = 'text'"
        }
    }

    func isOne(of others: [FilterScalar]) -> FilterText {
        var numbers: [FilterScalar] = []
        var texts: [FilterScalar] = []
        var words: Set<FilterScalar> = []
        for other in others {
            switch other {
            case .null, .boolean: words.insert(other)
            case .integer, .real: numbers.append(other)
            case .text: texts.append(other)
            }
        }
        var alternatives: [FilterText] = []
        if !numbers.isEmpty { alternatives.append("\(isIn(numbers)) AND \(sql: kind) IN ('integer', 'real')") }
        if !texts.isEmpty { alternatives.append("\(isIn(texts)) AND \(sql: kind) = 'text'") }
        if words.contains(.boolean(true)) { alternatives.append("\(sql: value) = 1 AND \(sql: kind) = 'true'") }
        if words.contains(.boolean(false)) { alternatives.append("\(sql: value) = 0 AND \(sql: kind) = 'false'") }
        if words.contains(.null) { alternatives.append("\(sql: kind) = 'null'") }
        return alternatives.dropFirst().reduce(alternatives.first ?? "FALSE") { "\($0) OR \($1)" }
    }

    private func isIn(_ others: [FilterScalar]) -> FilterText {
        let values = others.map(\.sqlValue)
        var text: FilterText = "\(sql: value) IN ("
        if values.count > Self.mostParameters {
            text.parts.append(.list(values))
        } else {
            for (place, value) in values.enumerated() {
                if place > 0 { text.parts.append(.sql(",")) }
                text.parts.append(.value(value))
            }
        }
        text.parts.append(.sql(")"))
        return text
    }
}

/// Literals of this type are SQL of our own. An interpolated piece of SQL consists of whole tokens, and so does the text
/// between two pieces.
extension FilterText: ExpressibleByStringInterpolation {
    init(stringLiteral sql: String) { self.init(parts: [.sql(sql)]) }

    init(stringInterpolation: StringInterpolation) { self = stringInterpolation.text }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = FilterText(parts: [])

        init(literalCapacity: Int, interpolationCount: Int) {}

        mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { text.parts.append(.sql(literal)) }
        }

        mutating func appendInterpolation(sql: String) { text.parts.append(.sql(sql)) }

        mutating func appendInterpolation(_ value: FilterScalar) { text.parts.append(.value(value.sqlValue)) }

        mutating func appendInterpolation(_ part: FilterText) { text.parts += part.parts }
    }
}
