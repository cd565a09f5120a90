/// A row's id, or the value at a place in its metadata, with which a filter compares: ``Filter/field(_:_:)`` and
/// ``Filter/id``.
///
///     let name: Filter = .field("section") == "science" && .field("author", "name").hasPrefix("Knu")
///     let other: Filter = name && !.field("tags").contains("draft")
///
/// A comparison is true if the value is there and of the same kind as the other one: both are numbers, texts, Booleans
/// or null. In any other case it is false, and `!` negates that exactly. So `!=` is true for all rows for which `==` is
/// false, also if the key is missing. Texts are compared by their UTF-8 bytes, and numbers by value, whether they are
/// spelled with a fraction or not; Booleans and null have no order. No comparison with an array or an object is true.
///
/// This means the same on every version of SQLite. (But old versions don't find a key of ASCII letters and digits if the
/// metadata spell it with escapes. No encoder does that.)
public struct FilterField: Sendable {
    private enum Place: Sendable {
        case id
        case path(FilterPath)
    }

    private let place: Place

    /// Each key is one level, whatever characters it has. Metadata have no key `id` at the top, so that is the row's id.
    init(_ keys: [String]) {
        place = keys.count == 1 && keys[0].utf8.elementsEqual("id".utf8) ? .id : .path(FilterPath(keys))
    }

    /// The value at a place in the metadata, for the left side of an operator: see ``Filter/field(_:_:)``.
    public static func field(_ key: String, _ more: String...) -> FilterField { FilterField([key] + more) }

    /// The row's id, for the left side of an operator.
    public static var id: FilterField { FilterField(["id"]) }

    /// A filter that evaluates a condition on the value.
    private func filter(_ condition: (FilterOperand) -> FilterText) -> Filter {
        switch place {
        case .id: Filter(condition(.id))
        case .path(let path): Filter(path.text(condition))
        }
    }
}

extension Filter {
    /// The value at a place in the metadata: a key, and then the keys inside of it if its value is an object. A key may
    /// have any characters; a dot in it is a dot.
    ///
    /// `.field("id")` is the row's id, since metadata have no such key.
    public static func field(_ key: String, _ more: String...) -> FilterField { FilterField([key] + more) }

    /// The row's id: a number in a store of integers, otherwise a text.
    public static var id: FilterField { FilterField(["id"]) }
}

// MARK: Comparisons

extension FilterField {
    /// Whether the value is there and is this one; a nil stands for null.
    public static func == (field: FilterField, value: some FilterValue) -> Filter {
        field.compare("=", value.filterScalar)
    }

    /// Whether the value isn't there, or is another one, of whatever kind: `!(field == value)`.
    public static func != (field: FilterField, value: some FilterValue) -> Filter { !(field == value) }

    /// Whether both are numbers or both are texts, and the field's is less.
    public static func < (field: FilterField, value: some FilterValue) -> Filter {
        field.compare("<", value.filterScalar)
    }

    /// Whether both are numbers or both are texts, and the field's is less or the same.
    public static func <= (field: FilterField, value: some FilterValue) -> Filter {
        field.compare("<=", value.filterScalar)
    }

    /// Whether both are numbers or both are texts, and the field's is greater.
    public static func > (field: FilterField, value: some FilterValue) -> Filter {
        field.compare(">", value.filterScalar)
    }

    /// Whether both are numbers or both are texts, and the field's is greater or the same.
    public static func >= (field: FilterField, value: some FilterValue) -> Filter {
        field.compare(">=", value.filterScalar)
    }

    /// Whether the value is there and is one of these.
    public func `in`(_ values: [some FilterValue]) -> Filter { isOne(of: values.map(\.filterScalar)) }

    /// Whether the value is not less than `low` and not greater than `high`: all three are numbers or all are texts.
    public func between(_ low: some FilterValue, _ high: some FilterValue) -> Filter {
        compare(">=", low.filterScalar) && compare("<=", high.filterScalar)
    }

    /// Whether the value is a text that begins with these bytes.
    public func hasPrefix(_ prefix: String) -> Filter {
        let beginning = compare(">=", .text(prefix))
        return Self.upperBound(of: prefix).map { beginning && compare("<", .text($0)) } ?? beginning
    }

    /// Whether the key is there, even if its value is null. An id always is.
    public var exists: Filter { filter { "\(sql: $0.kind) IS NOT NULL" } }

    /// Whether the key is there and its value is null.
    public var isNull: Filter { compare("=", .null) }

    /// Whether the value is an array that has this value as an element.
    public func contains(_ value: some FilterValue) -> Filter { hasElement(value.filterScalar) }

    func compare(_ operation: String, _ value: FilterScalar) -> Filter {
        filter { $0.compared(operation, value) }
    }

    func isOne(of values: [FilterScalar]) -> Filter {
        filter { $0.isOne(of: values) }
    }

    func hasElement(_ value: FilterScalar) -> Filter {
        switch place {
        case .id: "FALSE"
        case .path(let path): Filter(path.text(hasElement: value))
        }
    }

    /// The first text after all texts with the prefix; nil if there is none. The order of UTF-8 is that of the scalars.
    private static func upperBound(of prefix: String) -> String? {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = Unicode.Scalar(next) else { continue }
            var bound = String.UnicodeScalarView(scalars)
            bound.append(scalar)
            return String(bound)
        }
        return nil
    }
}
