import CSQLite

/// A caller's condition on rows: one SQL expression over the columns `id` and `metadata`, and the values of its `?`s.
struct Filter: Sendable {
    let expression: String
    let values: [SQLValue]

    init(_ expression: String, _ values: [SQLValue] = []) {
        self.expression = expression
        self.values = values
    }
}

extension StoreIndex {
    typealias MatchHandler = (SQLValue, RowEntry, _ metadata: () throws(VectorStoreError) -> String?) throws -> Void

    /// Rows of a generation that pass the filter, in id order, with metadata text where they have any.
    func forEachMatch(
        _ generation: Int64,
        _ filter: Filter?,
        limit: Int? = nil,
        _ body: MatchHandler
    ) throws {
        guard let filter else { return try forEachChecked(generation, nil, limit, body) }
        try connection.limited(try limits(filter)) {
            try check(filter)
            try forEachChecked(generation, filter, limit, body)
        }
    }

    private func forEachChecked(
        _ generation: Int64,
        _ filter: Filter?,
        _ limit: Int?,
        _ body: MatchHandler
    ) throws {
        // The generation is an integer of ours; the filter was just shown to be one expression that reads nothing else.
        let statement = try connection.prepare(
            """
            SELECT id, row_offset, row_checksum, metadata, metadata_checksum FROM (
                SELECT v.id AS id, m.json AS metadata, v.offset AS row_offset, v.checksum AS row_checksum,
                    m.checksum AS metadata_checksum
                FROM vectors AS v LEFT JOIN metadata AS m ON m.id = v.id WHERE v.generation = \(generation)
            ) AS \(Self.rowName)
            \(filter.map { "WHERE (\n\($0.expression)\n)" } ?? "") ORDER BY id \(limit.map { "LIMIT \($0)" } ?? "")
            """
        )
        try statement.bind(filter?.values ?? [])
        while try step(statement, filter) {
            let id = try statement.id(0)
            try body(id, statement.entry(at: 1)) { () throws(VectorStoreError) in
                statement.isNull(3) ? nil : try statement.metadata(at: 3, of: id)
            }
        }
    }

    /// A statement that fails while it runs fails on the caller's expression: malformed JSON paths and the like.
    private func step(_ statement: Statement, _ filter: Filter?) throws(VectorStoreError) -> Bool {
        do { return try statement.step() } catch {
            guard filter != nil, let cause = error.cause as? SQLiteError,
                [SQLITE_ERROR, SQLITE_TOOBIG].contains(cause.primaryCode)
            else { throw error }
            throw Self.invalid(cause.message)
        }
    }

    /// So that no expression makes values that fill the memory, or that one step of it works on for hours: a value is at most
    /// as long as the database, which no metadata can be longer than, or as the caller's own values.
    private func limits(_ filter: Filter) throws(VectorStoreError) -> [(limit: Int32, most: Int32)] {
        let database = try pragma("page_count") * pragma("page_size")
        let longest = filter.values.reduce(into: 0) { longest, value in
            if case .text(let text) = value { longest = max(longest, text.utf8.count) }
        }
        return [
            (SQLITE_LIMIT_LENGTH, Int32(clamping: max(Self.shortestLimit, database, Int64(longest)))),
            (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, Self.patternBytes),
        ]
    }

    private static let shortestLimit: Int64 = 1 << 20
    private static let patternBytes: Int32 = 1_000

    /// Shows that the filter is one expression over `id` and `metadata` that can neither read nor change anything else.
    ///
    /// It is compiled against a row of the two columns and no table at all, so every table, pragma or function that
    /// changes something is the expression's own, and is refused. Two frames, since a text that closes the bracket of
    /// one and goes on (`1) UNION SELECT …`, `1) OR (1`, `1) /*`) can't fit the other.
    func check(_ filter: Filter) throws(VectorStoreError) {
        if filter.expression.utf8.contains(0) { throw Self.invalid("it holds a NUL character") }
        let shape = FilterShape(filter.expression)
        if shape.hasWith { throw Self.invalid("it holds a common table expression (WITH)") }
        if shape.writtenOutWords > FilterShape.mostWrittenOutWords {
            throw Self.invalid("its subqueries inside subqueries are too long")
        }
        // SQLite declares these two tables when they are first used, which asks for more than a filter may have.
        try connection.run("SELECT 1 FROM json_each('{}'), json_tree('{}')")
        for frame in [("WHERE (\n", "\n)"), ("WHERE CAST(\n", "\n AS INTEGER)")] {
            let row = "(SELECT 1 AS id, '{}' AS metadata) AS \(Self.rowName)"
            let sql = "SELECT 1 FROM \(row) \(frame.0)\(filter.expression)\(frame.1)"
            let statement: Statement
            do { statement = try connection.prepare(sql, allowing: Self.isReadingTheRow) } catch {
                if error.code == .cancelled { throw error }
                throw Self.invalid((error.cause as? SQLiteError)?.message ?? error.message)
            }
            guard statement.parameterCount == filter.values.count else {
                throw Self.invalid(
                    "values for its `?`s: \(statement.parameterCount) are needed, \(filter.values.count) were given"
                )
            }
        }
    }

    /// What the row is called in the two frames, and in the query itself.
    private static let rowName = "lacuna_row"

    private static func isReadingTheRow(_ request: Connection.Request) -> Bool {
        switch request.action {
        case SQLITE_SELECT: return true
        case SQLITE_READ:
            // The empty name is what SQLite reports for a query that reads no column, such as count(*).
            return [rowName, "json_each", "json_tree"].contains(request.first?.lowercased())
        case SQLITE_FUNCTION:
            // One loads code, the other tells an address in memory.
            return !["load_extension", "fts3_tokenizer"].contains(request.second?.lowercased())
        default: return false
        }
    }

    private static func invalid(_ why: String) -> VectorStoreError {
        VectorStoreError(
            .invalidFilter,
            "the filter is not an SQL expression over id and metadata: \(why); write one like `metadata ->> 'key' = 'value'`"
        )
    }
}
