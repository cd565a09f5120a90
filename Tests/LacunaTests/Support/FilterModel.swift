import Lacuna
import TestSupport

/// A JSON value, with several spellings.
enum ModelJSON: Sendable {
    case scalar(FilterScalar)
    case array([ModelJSON])
    case object([(key: String, value: ModelJSON)])

    /// The value at a place: each key leads into an object.
    subscript(path: ArraySlice<String>) -> ModelJSON? {
        guard let key = path.first else { return self }
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value[path.dropFirst()]
    }
}

/// A condition on a row, evaluated here by its definition, and written as a filter in three forms.
enum ModelFilter: Sendable {
    enum Order: String, CaseIterable { case less = "<", atMost = "<=", greater = ">", atLeast = ">=" }

    case equal([String], FilterScalar)
    case order([String], Order, FilterScalar)
    case isOne([String], [FilterScalar])
    case between([String], FilterScalar, FilterScalar)
    case prefix([String], String)
    case exists([String])
    case contains([String], FilterScalar)
    indirect case not(ModelFilter)
    case all([ModelFilter])
    case any([ModelFilter])
}

// MARK: Meaning

extension FilterScalar {
    fileprivate enum Comparison { case less, same, greater }

    /// Nil if the two are of different kinds, or have no order and aren't the same.
    fileprivate func compared(to other: FilterScalar) -> Comparison? {
        switch (self, other) {
        case (.null, .null): .same
        case (.boolean(let left), .boolean(let right)): left == right ? .same : nil
        case (.text(let left), .text(let right)):
            left.utf8.elementsEqual(right.utf8)
                ? .same : left.utf8.lexicographicallyPrecedes(right.utf8) ? .less : .greater
        case (.integer(let left), .integer(let right)): Self.comparison(left, right)
        case (.real(let left), .real(let right)): Self.comparison(left, right)
        case (.integer(let left), .real(let right)): Self.comparison(left, right)
        case (.real(let left), .integer(let right)): Self.comparison(right, left).map(\.reversed)
        default: nil
        }
    }

    private static func comparison<Number: Comparable>(_ left: Number, _ right: Number) -> Comparison? {
        left < right ? .less : left > right ? .greater : left == right ? .same : nil
    }

    private static func comparison(_ left: Int64, _ right: Double) -> Comparison? {
        if right.isNaN { return nil }
        if right >= 0x1p63 { return .less }
        if right < -0x1p63 { return .greater }
        let whole = right.rounded(.down)
        return Int64(whole) == left && whole < right ? .less : comparison(left, Int64(whole))
    }
}

extension FilterScalar.Comparison {
    fileprivate var reversed: Self { self == .less ? .greater : self == .greater ? .less : .same }
}

extension ModelFilter {
    func passes(_ id: FilterScalar, _ metadata: ModelJSON?) -> Bool {
        func value(_ path: [String]) -> ModelJSON? { path == ["id"] ? .scalar(id) : metadata?[path[...]] }
        func scalar(_ path: [String]) -> FilterScalar? {
            guard case .scalar(let scalar) = value(path) else { return nil }
            return scalar
        }
        switch self {
        case .equal(let path, let other): return scalar(path)?.compared(to: other) == .same
        case .order(let path, let order, let other):
            guard let scalar = scalar(path), scalar != .null else { return false }
            if case .boolean = scalar { return false }
            let comparison = scalar.compared(to: other)
            switch order {
            case .less: return comparison == .less
            case .atMost: return comparison == .less || comparison == .same
            case .greater: return comparison == .greater
            case .atLeast: return comparison == .greater || comparison == .same
            }
        case .isOne(let path, let others): return others.contains { scalar(path)?.compared(to: $0) == .same }
        case .between(let path, let low, let high):
            return ModelFilter.all([.order(path, .atLeast, low), .order(path, .atMost, high)]).passes(id, metadata)
        case .prefix(let path, let prefix):
            guard case .text(let text) = scalar(path) else { return false }
            return text.utf8.starts(with: prefix.utf8)
        case .exists(let path): return value(path) != nil
        case .contains(let path, let other):
            guard case .array(let elements) = value(path) else { return false }
            return elements.contains { element in
                if case .scalar(let scalar) = element { scalar.compared(to: other) == .same } else { false }
            }
        case .not(let filter): return !filter.passes(id, metadata)
        case .all(let filters): return filters.allSatisfy { $0.passes(id, metadata) }
        case .any(let filters): return filters.contains { $0.passes(id, metadata) }
        }
    }
}

// MARK: Typed

extension ModelFilter {
    private static func field(_ path: [String]) -> FilterField {
        switch path.count {
        case 1: path == ["id"] ? .id : .field(path[0])
        case 2: .field(path[0], path[1])
        default: .field(path[0], path[1], path[2])
        }
    }

    var typed: Filter {
        switch self {
        case .equal(let path, .null): Self.field(path).isNull
        case .equal(let path, let value): Self.field(path) == value
        case .order(let path, .less, let value): Self.field(path) < value
        case .order(let path, .atMost, let value): Self.field(path) <= value
        case .order(let path, .greater, let value): Self.field(path) > value
        case .order(let path, .atLeast, let value): Self.field(path) >= value
        case .isOne(let path, let values): Self.field(path).in(values)
        case .between(let path, let low, let high): Self.field(path).between(low, high)
        case .prefix(let path, let prefix): Self.field(path).hasPrefix(prefix)
        case .exists(let path): Self.field(path).exists
        case .contains(let path, let value): Self.field(path).contains(value)
        case .not(.equal(let path, let value)): Self.field(path) != value
        case .not(let filter): !filter.typed
        case .all(let filters): filters.dropFirst().reduce(filters.first?.typed ?? "TRUE") { $0 && $1.typed }
        case .any(let filters): filters.dropFirst().reduce(filters.first?.typed ?? "FALSE") { $0 || $1.typed }
        }
    }
}

// MARK: JSON

extension ModelFilter {
    /// Nil if the JSON form has no such condition.
    var json: String? {
        switch self {
        case .equal(let path, let value): Self.member(path, ModelJSON.scalar(value).text())
        case .order(let path, let order, let value):
            switch value {
            case .null, .boolean: nil
            case .integer, .real, .text: Self.member(path, Self.name(of: order), value)
            }
        case .isOne(let path, let values):
            Self.member(path, #"{"$in":\#(ModelJSON.array(values.map(ModelJSON.scalar)).text())}"#)
        case .between(let path, let low, let high):
            ModelFilter.all([.order(path, .atLeast, low), .order(path, .atMost, high)]).json
        case .prefix: nil
        case .exists(let path): Self.member(path, #"{"$exists":true}"#)
        case .contains(let path, let value): Self.member(path, "$contains", value)
        case .not(.equal(let path, let value)): Self.member(path, "$ne", value)
        case .not(.isOne(let path, let values)):
            Self.member(path, #"{"$nin":\#(ModelJSON.array(values.map(ModelJSON.scalar)).text())}"#)
        case .not(.exists(let path)): Self.member(path, #"{"$exists":false}"#)
        case .not(.contains(let path, let value)):
            Self.member(path, #"{"$not":{"$contains":\#(ModelJSON.scalar(value).text())}}"#)
        case .not(let filter): filter.json.map { #"{"$not":\#($0)}"# }
        case .all(let filters): Self.list("$and", filters) ?? (filters.isEmpty ? "{}" : nil)
        case .any(let filters): Self.list("$or", filters) ?? (filters.isEmpty ? #"{"$not":{}}"# : nil)
        }
    }

    private static func name(of order: Order) -> String {
        switch order {
        case .less: "$lt"
        case .atMost: "$lte"
        case .greater: "$gt"
        case .atLeast: "$gte"
        }
    }

    private static func member(_ path: [String], _ operation: String, _ value: FilterScalar) -> String {
        member(path, #"{"\#(operation)":\#(ModelJSON.scalar(value).text())}"#)
    }

    private static func member(_ path: [String], _ value: String) -> String {
        let key = path.map { #""\#($0.replacing("\"", with: "\"\""))""# }.joined(separator: ".")
        return "{\(ModelJSON.scalar(.text(key)).text()):\(value)}"
    }

    private static func list(_ name: String, _ filters: [ModelFilter]) -> String? {
        let texts = filters.compactMap(\.json)
        return texts.isEmpty || texts.count < filters.count ? nil : #"{"\#(name)":[\#(texts.joined(separator: ","))]}"#
    }
}

// MARK: SQL

/// SQL with `?`s and their values.
struct ModelSQL {
    var text: String
    var values: [SQLValue] = []

    static func joined(_ parts: [ModelSQL], _ operation: String, _ none: String) -> ModelSQL {
        parts.isEmpty
            ? ModelSQL(text: none)
            : ModelSQL(text: parts.map { "(\($0.text))" }.joined(separator: operation), values: parts.flatMap(\.values))
    }
}

extension ModelFilter {
    /// SQL that reads the metadata as a tree, and so says the same in another way than a typed filter does.
    var sql: ModelSQL {
        switch self {
        case .equal(let path, let value): Self.compared(path, "=", value)
        case .order(let path, let order, let value): Self.compared(path, order.rawValue, value)
        case .isOne(let path, let values): .joined(values.map { Self.compared(path, "=", $0) }, " OR ", "0")
        case .between(let path, let low, let high):
            .joined([Self.compared(path, ">=", low), Self.compared(path, "<=", high)], " AND ", "1")
        case .prefix(let path, let prefix):
            Self.leaf(
                path,
                { "\($0) = 'text' AND substr(\($1), 1, \(prefix.unicodeScalars.count)) = ?" },
                [.text(prefix)]
            )
        case .exists(let path): Self.leaf(path, { kind, _ in "\(kind) IS NOT NULL" }, [])
        case .contains(let path, let value): Self.compared(path, "=", value, inArray: true)
        case .not(let filter): ModelSQL(text: "NOT (\(filter.sql.text))", values: filter.sql.values)
        case .all(let filters): .joined(filters.map(\.sql), " AND ", "1")
        case .any(let filters): .joined(filters.map(\.sql), " OR ", "0")
        }
    }

    private static func compared(
        _ path: [String],
        _ operation: String,
        _ value: FilterScalar,
        inArray: Bool = false
    ) -> ModelSQL {
        let isEqual = operation == "="
        let kinds: String
        switch value {
        case .null: return leaf(path, { kind, _ in "\(kind) = 'null' AND \(isEqual)" }, [], inArray: inArray)
        case .boolean(let boolean):
            return leaf(path, { kind, _ in "\(kind) = '\(boolean)' AND \(isEqual)" }, [], inArray: inArray)
        case .integer, .real: kinds = "('integer', 'real')"
        case .text: kinds = "('text')"
        }
        return leaf(path, { "\($0) IN \(kinds) AND \($1) \(operation) ?" }, [value.sqlValue], inArray: inArray)
    }

    /// A condition on the kind and the value at a place, or on those of an element of the array there.
    private static func leaf(
        _ path: [String],
        _ condition: (_ kind: String, _ value: String) -> String,
        _ values: [SQLValue],
        inArray: Bool = false
    ) -> ModelSQL {
        if path == ["id"] {
            return ModelSQL(
                text: inArray ? "0" : "coalesce(\(condition("typeof(id)", "id")), 0)",
                values: inArray ? [] : values
            )
        }
        // From the last table to the first.
        var sql = ModelSQL(text: condition("t\(path.count).type", "t\(path.count).atom"), values: values)
        if inArray {
            let place = path.count
            sql.text = """
                t\(place).type = 'array' AND EXISTS (SELECT 1 FROM json_tree(lacuna_row.metadata) AS element WHERE
                    element.parent = t\(place).id AND \(condition("element.type", "element.atom")))
                """
        }
        for (place, key) in path.enumerated().reversed() {
            sql.text = """
                EXISTS (SELECT 1 FROM json_tree(lacuna_row.metadata) AS t\(place + 1) WHERE
                    t\(place + 1).parent = \(place == 0 ? "0" : "t\(place).id") AND t\(place + 1).key = ? AND \(sql.text))
                """
            sql.values.insert(.text(key), at: 0)
        }
        return sql
    }
}

extension FilterScalar {
    var sqlValue: SQLValue {
        switch self {
        case .null: .null
        case .boolean(let boolean): .integer(boolean ? 1 : 0)
        case .integer(let integer): .integer(integer)
        case .real(let real): .real(real)
        case .text(let text): .text(text)
        }
    }
}
