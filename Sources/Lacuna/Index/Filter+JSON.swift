extension Filter {
    /// A filter in the JSON form that other vector databases use:
    ///
    /// ```json
    /// {"section": "science", "installed_kib": {"$lt": 500}}
    /// {"$or": [{"author.name": {"$in": ["Ann", "Bob"]}}, {"tags": {"$contains": "draft"}}]}
    /// ```
    ///
    /// All members of an object must hold. A member is a key with a value to be equal to, or with an object of
    /// operators; or it is `$and`, `$or` (a list of filters) or `$not` (a filter). The operators are `$eq`, `$ne`,
    /// `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin`, `$exists` (true or false), `$contains` (an element of an array) and
    /// `$not` (an object of operators). They mean the same as the functions of ``FilterField``; `$ne`, `$nin` and `$not`
    /// negate exactly. `{}` passes every row.
    ///
    /// A dot in a key leads into an object: `author.name`. A name with a dot, or with a double quote at its beginning,
    /// is put into double quotes, which are doubled inside: the JSON string `"\"app.version\""` is one name. The key
    /// `id` is the row's id.
    ///
    /// - Throws: `invalidFilter`, which names the place of what is no JSON, or the key and the operator that is unknown
    ///   or has a value of the wrong type.
    public init(json: String) throws(VectorStoreError) {
        self = try Self.filter(try FilterJSONReader.read(json), "the filter")
    }

    static let jsonRemedy: VectorStoreError.Remedy =
        #"write it as {"key": "value", "other key": {"$lt": 500}}; docs/searching.md lists the operators"#

    private static func wrong(_ what: String, _ remedy: VectorStoreError.Remedy? = nil) -> VectorStoreError {
        invalid(what, remedy: remedy ?? jsonRemedy)
    }

    private static func filter(_ json: FilterJSON, _ role: String) throws(VectorStoreError) -> Filter {
        guard case .object(let members) = json else { throw wrong("\(role) is no JSON object") }
        var filters: [Filter] = []
        for member in members {
            do { filters.append(try filter(member.key, member.value)) } catch { throw error.at(member.place) }
        }
        return .all(filters)
    }

    private static func filter(_ key: String, _ value: FilterJSON) throws(VectorStoreError) -> Filter {
        switch key {
        case "$and": return .all(try list(value, key))
        case "$or": return .any(try list(value, key))
        case "$not": return !(try filter(value, "the value of `$not`"))
        case _ where key.utf8.first == UInt8(ascii: "$"):
            throw wrong("`\(key)` is no operator that combines filters", meant(key, ["$and", "$or", "$not"]))
        default: return try condition(value, FilterField(try names(key)), key)
        }
    }

    private static func meant(_ operation: String, _ operations: [String]) -> VectorStoreError.Remedy? {
        if operation == "$nor" { return #"write {"$not": {"$or": […]}}"# }
        return Spelling.nearest(to: operation, among: operations).map { "did you mean `\($0)`?" }
    }

    private static func list(_ json: FilterJSON, _ operation: String) throws(VectorStoreError) -> [Filter] {
        guard case .array(let elements) = json, !elements.isEmpty else {
            throw wrong("`\(operation)` takes a list of one filter or more")
        }
        var filters: [Filter] = []
        for element in elements { filters.append(try filter(element, "an element of `\(operation)`")) }
        return filters
    }

    // MARK: One field

    private static func condition(
        _ json: FilterJSON,
        _ field: FilterField,
        _ key: String
    ) throws(VectorStoreError) -> Filter {
        switch json {
        case .scalar(let value): return field == value
        case .array: throw wrong("`\(key)` can't be equal to an array; `$in` and `$contains` take elements")
        case .object(let operations):
            if operations.isEmpty { throw wrong("the object of `\(key)` has no operator") }
            var filters: [Filter] = []
            for operation in operations {
                do { filters.append(try condition(operation.key, operation.value, field, key)) } catch {
                    throw error.at(operation.place)
                }
            }
            return .all(filters)
        }
    }

    private static func condition(
        _ name: String,
        _ operand: FilterJSON,
        _ field: FilterField,
        _ key: String
    ) throws(VectorStoreError) -> Filter {
        let place = "`\(name)` of `\(key)`"
        switch name {
        case "$eq": return field == (try scalar(operand, place))
        case "$ne": return field != (try scalar(operand, place))
        case "$gt": return field.compare(">", try ordered(operand, place))
        case "$gte": return field.compare(">=", try ordered(operand, place))
        case "$lt": return field.compare("<", try ordered(operand, place))
        case "$lte": return field.compare("<=", try ordered(operand, place))
        case "$in": return field.isOne(of: try scalars(operand, place))
        case "$nin": return !field.isOne(of: try scalars(operand, place))
        case "$contains": return field.contains(try scalar(operand, place))
        case "$exists":
            guard case .scalar(.boolean(let exists)) = operand else { throw wrong("\(place) takes true or false") }
            return exists ? field.exists : !field.exists
        case "$not":
            guard case .object = operand else { throw wrong("\(place) takes an object of operators") }
            return !(try condition(operand, field, key))
        default:
            if name.utf8.first == UInt8(ascii: "$") {
                throw wrong("\(place) is no operator", meant(name, operations))
            }
            throw wrong(
                "\(place) is no operator",
                "write the operator with a $, or the key `\(name)` inside of `\(key)` as `\(key).\(name)`"
            )
        }
    }

    private static let operations = [
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains", "$exists", "$not",
    ]

    private static func scalar(_ json: FilterJSON, _ place: String) throws(VectorStoreError) -> FilterScalar {
        guard case .scalar(let value) = json else {
            throw wrong("\(place) takes a text, a number, true, false or null")
        }
        return value
    }

    private static func ordered(_ json: FilterJSON, _ place: String) throws(VectorStoreError) -> FilterScalar {
        switch json {
        case .scalar(let value):
            switch value {
            case .integer, .real, .text: return value
            case .null, .boolean: break
            }
        case .object, .array: break
        }
        throw wrong("\(place) takes a number or a text")
    }

    private static func scalars(_ json: FilterJSON, _ place: String) throws(VectorStoreError) -> [FilterScalar] {
        guard case .array(let elements) = json else { throw wrong("\(place) takes a list") }
        var values: [FilterScalar] = []
        for element in elements { values.append(try scalar(element, "an element of \(place)")) }
        return values
    }

    // MARK: Keys

    /// The names that a key consists of.
    private static func names(_ key: String) throws(VectorStoreError) -> [String] {
        do { return try FilterPath(key: key).keys } catch {
            switch error {
            case .malformed:
                throw wrong(
                    "the key `\(key)` has an empty name, or a quote that doesn't end; a name with dots is written in double "
                        + "quotes"
                )
            case .tooLong:
                throw wrong(
                    "the key `\(key.prefix(40))…` leads through more than \(FilterPath.mostNames) objects"
                )
            }
        }
    }
}
