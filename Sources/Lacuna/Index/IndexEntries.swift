import CLacunaSQLite

/// The terms of a filter that the entries of an index of ours answer.
struct EntryTerms {
    /// Terms over the columns of an index's table.
    private struct Columns {
        var sql: [String] = []
        var values: [SQLValue] = []
    }

    /// The page at which the index's b-tree begins.
    let root: Int64
    /// Whether these are all terms of the filter, so that the entries alone show which rows pass.
    let areWhole: Bool
    private var ofValue = Columns()
    private var ofKind = Columns()

    init(_ index: MetadataIndex, root: Int64, _ condition: StoreIndex.Condition) {
        self.root = root
        let (value, kind) = (SQLToken.tokens(of: index.value), SQLToken.tokens(of: index.kind))
        areWhole = condition.isOfTerms && condition.terms.allSatisfy { [value, kind].contains($0.value) }
        for term in condition.terms {
            if term.value == value { Self.add(term, "field", to: &ofValue) }
            if term.value == kind { Self.add(term, "kind", to: &ofKind) }
        }
    }

    private static func add(_ term: FilterTerm, _ column: String, to columns: inout Columns) {
        let sql = "(\(column) \(term.comparison) )"
        // Both ends of a range ask for the kind.
        if term.values.isEmpty && columns.sql.contains(sql) { return }
        columns.sql.append(sql)
        columns.values += term.values
    }

    var sql: String { (ofValue.sql + ofKind.sql).joined(separator: " AND ") }
    var values: [SQLValue] { ofValue.values + ofKind.values }
    /// The terms of the value alone.
    var valueSQL: String { ofValue.sql.joined(separator: " AND ") }
    var valueValues: [SQLValue] { ofValue.values }
}

/// The most entries of an index that are read.
struct MostEntries {
    /// If there are more, reading them was in vain.
    let entries: Int
    /// The same while it isn't known how many there are.
    let blindly: Int
}

extension StoreIndex {
    enum Entries {
        /// Their ids, in any order.
        case ids([SQLValue])
        case tooMany
        /// They can't be read alone.
        case unreadable
    }

    private struct Entry {
        let id: SQLValue
        let value: SQLValue?

        init(_ row: Statement) throws(VectorStoreError) {
            id = try row.id(0)
            value = try? row.value(1)
        }
    }

    /// After this many entries, the number of all is estimated.
    private static let sample = 1_000

    /// Reads the entries of an index that pass terms. Takes O(most) time.
    func entries(_ terms: EntryTerms, most: MostEntries) throws(VectorStoreError) -> Entries {
        guard let table = try indexTables.table(ofIndexAt: terms.root, self) else { return .unreadable }
        let statement: Statement
        do {
            statement = try connection.prepare("SELECT id, field FROM \(table) WHERE \(terms.sql)")
        } catch {
            // The terms exceed one of SQLite's limits.
            guard (error.cause as? SQLiteError)?.primaryCode == SQLITE_ERROR else { throw error }
            return .unreadable
        }
        try statement.bind(terms.values)
        var ids: [SQLValue] = []
        var first: Entry?
        var limit = most.blindly
        while try statement.step() {
            if ids.count == limit { return .tooMany }
            ids.append(try statement.id(0))
            if ids.count == 1 { first = try Entry(statement) }
            if ids.count == Self.sample, let first {
                let all = try estimate(from: first, to: Entry(statement), terms, table)
                if all.least > Double(most.entries) { return .tooMany }
                if all.most <= Double(most.entries) { limit = most.entries }
            }
        }
        return .ids(ids)
    }

    /// The number of all entries, if they are spread over the numbers from the first entry's to the last one's as
    /// densely as at one of the two ends. The numbers are the values, or the ids if all entries have one value. If all
    /// entries at an end have one value, there may be more of it.
    private func estimate(
        from first: Entry,
        to entry: Entry,
        _ terms: EntryTerms,
        _ table: String
    ) throws(VectorStoreError) -> (least: Double, most: Double) {
        let statement = try connection.prepare(
            """
            SELECT id, field FROM \(table) WHERE \(terms.valueSQL)
            ORDER BY field DESC, kind DESC, id DESC LIMIT \(Self.sample)
            """
        )
        try statement.bind(terms.valueValues)
        var last: (end: Entry, first: Entry)?
        while try statement.step() {
            let entry = try Entry(statement)
            last = (last?.end ?? entry, entry)
        }
        guard let last, let value = first.value else { return (0, .infinity) }
        let place = last.end.value?.isSameValue(as: value) == true ? \Entry.id.number : \Entry.value?.number
        let numbers = [first, entry, last.first, last.end].compactMap { $0[keyPath: place] }
        guard numbers.count == 4, numbers[0] < numbers[3] else { return (0, .infinity) }
        // A whole number stands for all numbers up to the next.
        let unit = numbers.allSatisfy { $0 == $0.rounded() } ? 1.0 : 0
        let widths = [numbers[1] - numbers[0], numbers[3] - numbers[2]]
        guard unit > 0 || !widths.contains(0) else { return (0, .infinity) }
        let counts = widths.map { Double(Self.sample) * (numbers[3] - numbers[0] + unit) / ($0 + unit) }
        return (min(counts[0], counts[1]), widths.contains(0) ? .infinity : max(counts[0], counts[1]))
    }
}

extension SQLValue {
    /// Nil if it is none.
    fileprivate var number: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .real(let real): real
        case .null, .text: nil
        }
    }
}
