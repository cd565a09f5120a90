/// A field of metadata, by whose value rows are told apart: a key, and the keys inside of it.
struct MetadataField: Sendable {
    private let keys: [String]

    /// Limits that keep the SQL short and flat.
    private static let mostKeys = 16
    private static let mostBytes = 1_000

    /// - Parameter keys: At least one.
    /// - Throws: `invalidArgument` for keys that are too long, or more than a filter may name.
    init(_ keys: [String]) throws(VectorStoreError) {
        guard keys.count <= Self.mostKeys, keys.allSatisfy({ $0.utf8.count <= Self.mostBytes && !$0.utf8.contains(0) })
        else {
            throw VectorStoreError(
                .invalidArgument,
                "the field by which rows are told apart can't be read",
                remedy: "name at most \(Self.mostKeys) keys of at most \(Self.mostBytes) bytes each, without NUL"
            )
        }
        self.keys = keys
    }

    /// SQL for the type and the value of the field; both are NULL if there is none.
    fileprivate var sql: (type: String, value: String) {
        if let path = FilterPath(keys).literal {
            return ("json_type(metadata, \(path))", "json_extract(metadata, \(path))")
        }
        let object = keys.dropLast().reduce("metadata") { object, key in
            "(SELECT value FROM json_each(\(object)) WHERE key = \(Self.literal(key)) AND type = 'object')"
        }
        let member = "FROM json_each(\(object)) WHERE key = \(Self.literal(keys[keys.count - 1])))"
        return ("(SELECT type \(member)", "(SELECT value \(member)")
    }

    /// A text in SQL. A quote with an accent is a quote to SQLite, so scalars count, and not characters.
    private static func literal(_ text: String) -> String {
        var literal = "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" { literal.unicodeScalars.append("'") }
            literal.unicodeScalars.append(scalar)
        }
        literal.unicodeScalars.append("'")
        return literal
    }
}

extension MetadataField: Equatable {
    /// Compares keys by their bytes, as SQLite does.
    static func == (left: MetadataField, right: MetadataField) -> Bool {
        left.keys.elementsEqual(right.keys) { $0.utf8.elementsEqual($1.utf8) }
    }
}

/// The value of a field: 128 bits of a keyed hash, as in ``RowKey``.
///
/// Numbers are the same if they are equal, texts if they have the same bytes, and arrays and objects if SQLite writes
/// them in the same way. Values of different types are never the same.
struct FieldValue: Hashable, Sendable {
    private let key: RowKey

    /// The bytes that distinguish the types.
    private enum Kind: UInt8 {
        case integer, real, no, yes, text, json
    }

    private init(_ kind: Kind, _ bytes: some Sequence<UInt8> = []) {
        let bytes = [kind.rawValue] + bytes
        key = unsafe bytes.withUnsafeBytes { unsafe RowKey(textBytes: $0) }
    }

    /// Reads a row with the type of the field, as `json_type` says it, and then the value, as `json_extract` does. Both
    /// are NULL if there is none.
    init?(_ row: Statement, at column: Int) throws(VectorStoreError) {
        if row.isNull(column) || row.isNull(column + 1) { return nil }
        let type = try row.text(column)
        switch type {
        case "true": self.init(.yes)
        case "false": self.init(.no)
        case "integer", "real":
            switch try row.value(column + 1) {
            case .integer(let integer): self.init(integer)
            case .real(let real):
                // 1.0 is the number 1.
                if let integer = Int64(exactly: real) { self.init(integer) } else { self.init(.real, real.bitPattern) }
            case .text, .null: return nil
            }
        default:
            // JSON may have half a surrogate pair, and the text of that isn't UTF-8.
            let bytes = unsafe row.withText(column + 1) { text in unsafe text.map { unsafe Array($0) } }
            self.init(type == "text" ? .text : .json, bytes ?? [])
        }
    }

    private init(_ integer: Int64) { self.init(.integer, UInt64(bitPattern: integer)) }

    private init(_ kind: Kind, _ number: UInt64) {
        self.init(kind, (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }
}

extension StoreIndex {
    /// Calls `body` with the rows that pass a filter, or all; of some ids, or all; and with the value of a field, which is
    /// nil if it is null, or if there is none. The rows are in the order of ids.
    func forEachValue(
        of field: MetadataField,
        among ids: [SQLValue]? = nil,
        _ generation: Int64,
        _ condition: Condition?,
        _ body: (SQLValue, Slot, FieldValue?) throws -> Void
    ) throws {
        let (type, value) = field.sql
        let columns = "id, row_slot, \(type), \(value)"
        try forEachRow(columns, generation, condition, ids.map { .ids($0) } ?? .vectors) { row in
            try body(row.id(0), row.slot(1), FieldValue(row, at: 2))
        }
    }
}
