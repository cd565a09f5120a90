import CLacunaSQLite

extension StoreIndex {
    typealias MatchHandler = (SQLValue, Slot, _ metadata: () throws(VectorStoreError) -> String?) throws -> Void

    /// The rows of a generation that pass the filter, in id order, with the text of their metadata, if they have any.
    func forEachMatch(
        _ generation: Int64,
        _ filter: Filter?,
        limit: Int? = nil,
        _ body: MatchHandler
    ) throws {
        func read(_ condition: Condition?) throws {
            if let found = try indexedMatches(generation, condition) {
                for (id, slot) in found.prefix(limit ?? .max) {
                    try body(id, slot) { () throws(VectorStoreError) in try metadata(of: id) }
                }
                return
            }
            try forEachRow(
                "id, row_slot, metadata, metadata_checksum",
                generation,
                condition,
                RowSource(condition),
                limit: limit
            ) { row in
                let id = try row.id(0)
                try body(id, row.slot(1)) { () throws(VectorStoreError) in
                    row.isNull(2) ? nil : try row.metadata(at: 2, of: id)
                }
            }
        }
        if let filter { try withCondition(filter, read) } else { try read(nil) }
    }

    /// All rows of a generation, or those that pass a filter, in id order. Metadata, which may be long, are read only
    /// for the filter.
    func forEachMatch(
        _ generation: Int64,
        _ condition: Condition?,
        _ body: (SQLValue, Slot) throws -> Void
    ) throws {
        if let found = try indexedMatches(generation, condition) {
            for (id, slot) in found { try body(id, slot) }
        } else {
            try forEachRowThatPasses(generation, condition, body)
        }
    }

    /// The same, found without an index.
    func forEachRowThatPasses(
        _ generation: Int64,
        _ condition: Condition?,
        _ body: (SQLValue, Slot) throws -> Void
    ) throws {
        try forEachRow("id, row_slot", generation, condition, RowSource(condition)) { try body($0.id(0), $0.slot(1)) }
    }

    /// The ids among some whose rows pass a filter, with their slots, in the order of the given ids.
    func matches(
        among ids: [SQLValue],
        _ generation: Int64,
        _ condition: Condition
    ) throws -> [(id: SQLValue, slot: Slot)] {
        var found: [(id: SQLValue, slot: Slot)] = []
        try forEachRow("id, row_slot", generation, condition, .ids(ids)) { found.append((try $0.id(0), $0.slot(1))) }
        return found
    }

    /// The ids of the rows that pass a filter, in id order. A connection that can write refuses to meanwhile.
    func ids(
        passing filter: Filter,
        _ generation: Int64,
        isCancelled: @escaping () -> Bool
    ) throws(VectorStoreError) -> [SQLValue] {
        var ids: [SQLValue] = []
        do {
            try connection.withoutWriting {
                try connection.cancellable(by: isCancelled) {
                    try withCondition(filter) { try forEachMatch(generation, $0) { id, _ in ids.append(id) } }
                }
            }
        } catch {
            throw error as? VectorStoreError ?? VectorStoreError(.ioError, "\(error)", cause: error)
        }
        return ids
    }

    /// A checked filter.
    struct Condition {
        let sql: String
        let values: [SQLValue]
        /// Comparisons that each row that passes must pass. A row without metadata passes none of them.
        let terms: [FilterTerm]
        /// Whether each row that passes all of these passes the filter.
        let isOfTerms: Bool
        /// Whether the filter may have another result for the same row later.
        let readsClock: Bool
    }

    /// Checks the filter, and calls `body` with it, under the limits for filters.
    func withCondition<R>(_ filter: Filter, _ body: (Condition) throws -> R) throws -> R {
        let grammar = try FilterGrammar(filter)
        // This reads the schema and the two tables of JSON before the limits are set: the schema may exceed the limits
        // for filters.
        try connection.run("SELECT 1 FROM store, json_each('{}'), json_tree('{}')")
        return try connection.limited(try limits(grammar)) {
            try check(grammar)
            let condition = Condition(
                sql: grammar.cost.isSimple ? grammar.sql : "+ (\(grammar.sql) )",
                values: grammar.values,
                terms: grammar.terms,
                isOfTerms: grammar.isOfTerms,
                readsClock: grammar.readsClock
            )
            return try connection.asking(every: grammar.cost.stepsBetweenQuestions) { try body(condition) }
        }
    }

    /// Where the rows are read that may pass a filter.
    enum RowSource {
        /// The table `vectors`, and the metadata of each of its rows.
        case vectors
        /// The table `metadata`, since no row without metadata passes.
        case metadata
        case ids([SQLValue])

        /// The source for all rows that pass.
        init(_ condition: Condition?) { self = condition?.terms.isEmpty == false ? .metadata : .vectors }
    }

    /// Calls `body` with some columns of the rows that pass a filter, or of all rows, in the order of ids.
    func forEachRow(
        _ columns: String,
        _ generation: Int64,
        _ condition: Condition?,
        _ source: RowSource,
        limit: Int? = nil,
        _ body: (Statement) throws -> Void
    ) throws {
        // The generation is an integer of ours, and the condition was just checked: it is one expression that reads
        // nothing else. The values of the source come after it, so that their parameters are numbered after its own.
        let statement = try blamingFilter(condition) { () throws(VectorStoreError) in
            try connection.prepare(
                """
                SELECT \(columns) FROM (
                    SELECT \(source.id) AS id, m.json AS metadata, v.slot AS row_slot, m.checksum AS metadata_checksum
                    FROM \(source.tables) WHERE v.generation = \(generation)
                ) AS \(Self.rowName)
                WHERE \(condition.map { "(\($0.sql) )" } ?? "true") \(source.restriction)
                ORDER BY id \(limit.map { "LIMIT \($0)" } ?? "")
                """
            )
        }
        try statement.bind((condition?.values ?? []) + source.values)
        while try blamingFilter(condition, { () throws(VectorStoreError) in try statement.step() }) {
            try body(statement)
        }
    }

    /// If a statement with a filter fails while it is compiled or run, the caller's expression is the reason, for
    /// example a malformed JSON path.
    func blamingFilter<R>(
        _ condition: Condition?,
        _ body: () throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        do { return try body() } catch {
            guard condition != nil, let cause = error.cause as? SQLiteError,
                [SQLITE_ERROR, SQLITE_TOOBIG].contains(cause.primaryCode)
            else { throw error }
            throw Filter.invalid(cause.message)
        }
    }

    /// The limits on what the grammar doesn't bound. No value may be longer than the longest of 1 MiB, the longest
    /// metadata, and the caller's own values. Finding the longest metadata would mean reading all, so the size of the
    /// database is taken instead. The grammar allows so few operators that make texts longer that a text hardly ever
    /// gets longer than a multiple of the stored ones.
    private func limits(_ grammar: FilterGrammar) throws(VectorStoreError) -> [(limit: Int32, most: Int32)] {
        let database = try pragma("page_count") * pragma("page_size")
        let longest = grammar.values.map(\.textBytes).max() ?? 0
        return [
            (SQLITE_LIMIT_LENGTH, Int32(clamping: max(Self.shortestLimit, database, Int64(longest)))),
            (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, Int32(grammar.cost.patternBytes)),
            (SQLITE_LIMIT_EXPR_DEPTH, Int32(FilterCost.mostBrackets)), (SQLITE_LIMIT_FUNCTION_ARG, 8),
            (SQLITE_LIMIT_COLUMN, 16),
            (SQLITE_LIMIT_COMPOUND_SELECT, 1),
        ]
    }

    private static let shortestLimit: Int64 = 1 << 20

    /// Checks that the filter names only `id`, `metadata`, and tables of JSON of its own.
    ///
    /// The filter is compiled against a row of the two columns, without any table, and SQLite asks an authorizer about
    /// everything that the filter uses. So anything that the grammar may have overlooked is refused here.
    private func check(_ grammar: FilterGrammar) throws(VectorStoreError) {
        let row = "(SELECT 1 AS id, '{}' AS metadata) AS \(Self.rowName)"
        let statement: Statement
        do {
            statement = try connection.prepare(
                "SELECT 1 FROM \(row) WHERE + (\(grammar.sql) )",
                allowing: Self.isReadingTheRow
            )
        } catch {
            if error.code == .cancelled { throw error }
            throw Filter.invalid((error.cause as? SQLiteError)?.message ?? error.detail)
        }
        invariant(statement.parameterCount == grammar.values.count, "the grammar numbers parameters as SQLite does")
    }

    /// The name of the row in the check, and in the query itself.
    static let rowName = "lacuna_row"

    private static func isReadingTheRow(_ request: Connection.Request) -> Bool {
        switch request.action {
        case SQLITE_SELECT: return true
        case SQLITE_READ:
            // The empty name is what SQLite reports for a query that reads no column, such as count(*).
            return [rowName, "json_each", "json_tree"].contains(request.first?.lowercased())
        case SQLITE_FUNCTION:
            let function = request.second?.uppercased() ?? ""
            return FilterWords.functions.contains(function) || ["->", "->>"].contains(function)
                || FilterWords.constants.contains(function)
        default: return false
        }
    }
}

extension StoreIndex.RowSource {
    fileprivate var id: String {
        switch self {
        case .vectors, .ids: "v.id"
        case .metadata: "m.id"
        }
    }

    /// SQLite reads the tables of a CROSS JOIN in their order.
    fileprivate var tables: String {
        switch self {
        case .vectors, .ids: "vectors AS v LEFT JOIN metadata AS m ON m.id = v.id"
        case .metadata: "metadata AS m NOT INDEXED CROSS JOIN vectors AS v ON v.id = m.id"
        }
    }

    fileprivate var restriction: String {
        if case .ids = self { "AND id IN (SELECT value FROM json_each(?))" } else { "" }
    }

    fileprivate var values: [SQLValue] {
        switch self {
        case .vectors, .metadata: []
        case .ids(let ids): [.text(SQLValue.jsonArray(ids))]
        }
    }
}
