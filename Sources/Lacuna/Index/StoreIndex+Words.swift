import CLacunaSQLite

/// The statements that keep a text index.
final class TextIndexStatements {
    let index: TextIndex
    fileprivate let insert: KeptStatement
    fileprivate let remove: KeptStatement
    fileprivate let find = KeptStatement("SELECT 1 FROM \(TextIndex.table)_docsize WHERE id = ?")
    fileprivate let addID = KeptStatement("INSERT INTO text_ids (id) VALUES (?) RETURNING number")
    fileprivate let number = KeptStatement("SELECT number FROM text_ids WHERE id = ?")
    fileprivate let removeID = KeptStatement("DELETE FROM text_ids WHERE number = ?")

    init(_ index: TextIndex) {
        self.index = index
        let values = index.fields.map { _ in ", ?" }.joined()
        insert = KeptStatement("INSERT INTO \(TextIndex.table) (rowid, \(index.columns)) VALUES (?\(values))")
        remove = KeptStatement(
            "INSERT INTO \(TextIndex.table) (\(TextIndex.table), rowid, \(index.columns)) VALUES ('delete', ?\(values))"
        )
    }
}

extension StoreIndex {
    /// The text index, if the store has one.
    func textIndex() throws(VectorStoreError) -> TextIndex? {
        try statements.textIndex.first(on: connection, { _ in }) { row throws(VectorStoreError) in
            TextIndex(sql: row.repairedText(0))
        } ?? nil
    }

    /// Whether a writer without FTS5 has changed metadata since the index was made.
    func isTextIndexStale() throws(VectorStoreError) -> Bool {
        try connection.first("SELECT is_stale FROM text_index") { $0.integer(0) != 0 } ?? false
    }

    /// Whether this process's SQLite can use the text index that there is.
    func hasFTS5() throws(VectorStoreError) -> Bool {
        if let knownFTS5 { return knownFTS5 }
        do {
            _ = try connection.prepare("SELECT 1 FROM \(TextIndex.table) WHERE false")
            knownFTS5 = true
        } catch {
            guard error.isMissingFTS5 else { throw error }
            knownFTS5 = false
        }
        return knownFTS5 == true
    }

    // MARK: Changes, in the caller's transaction

    /// Makes the text index anew from all metadata, in place of any there is. Takes O(metadata) time.
    func makeTextIndex(
        _ index: TextIndex,
        _ kind: VectorIDKind,
        progress: (Int) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try dropTextIndex()
        do { try connection.execute(index.sql) } catch {
            throw error.isMissingFTS5 ? Self.noFTS5 : error
        }
        try connection.run("INSERT INTO text_index (singleton, is_stale) VALUES (1, 0)")
        let statements = textStatements(index)
        var done = 0
        try connection.forEach("SELECT id, json FROM metadata ORDER BY id") { row throws(VectorStoreError) in
            let id = try row.id(0)
            if let texts = index.texts(in: try row.text(1)) { try add(texts, id, kind, statements) }
            done += 1
            try progress(done)
        }
        try raiseSequence()
    }

    /// Returns whether there was one.
    @discardableResult
    func dropTextIndex() throws(VectorStoreError) -> Bool {
        let isThere = try textIndex() != nil
        if isThere, try !hasFTS5() { throw Self.noFTS5 }
        textIndexStatements = nil
        if isThere { try connection.execute("DROP TABLE \(TextIndex.table)") }
        try connection.run("DELETE FROM text_index")
        try connection.run("DELETE FROM text_ids")
        if isThere { try raiseSequence() }
        return isThere
    }

    /// Brings the text index up to date with a change of an id's metadata. Without FTS5, it is stale from then on.
    func changeTexts(
        _ index: TextIndex,
        of id: SQLValue,
        _ kind: VectorIDKind,
        from old: String?,
        to new: String?
    ) throws(VectorStoreError) {
        let (old, new) = (index.texts(in: old), index.texts(in: new))
        // Two texts are the same to Swift if only their composition differs, but not to a tokenizer.
        if (old ?? []).elementsEqual(new ?? [], by: { $0.isSameValue(as: $1) }) { return }
        guard try hasFTS5() else {
            try connection.run("UPDATE text_index SET is_stale = 1 WHERE is_stale = 0")
            return
        }
        let statements = textStatements(index)
        if let old { try remove(old, id, kind, statements) }
        if let new { try add(new, id, kind, statements) }
    }

    private func textStatements(_ index: TextIndex) -> TextIndexStatements {
        if let known = textIndexStatements, known.index == index { return known }
        let statements = TextIndexStatements(index)
        textIndexStatements = statements
        return statements
    }

    private func add(
        _ texts: [SQLValue],
        _ id: SQLValue,
        _ kind: VectorIDKind,
        _ statements: TextIndexStatements
    ) throws(VectorStoreError) {
        var number = id
        if kind != .integer {
            number =
                try statements.addID.first(
                    on: connection,
                    { row throws(VectorStoreError) in try row.bind(id, at: 1) },
                    { .integer($0.integer(0)) }
                ) ?? .null
        }
        _ = try statements.insert.run(on: connection) { row throws(VectorStoreError) in try row.bind([number] + texts) }
    }

    /// If somebody else has changed metadata, the index may not have the id.
    private func remove(
        _ texts: [SQLValue],
        _ id: SQLValue,
        _ kind: VectorIDKind,
        _ statements: TextIndexStatements
    ) throws(VectorStoreError) {
        guard let number = try kind == .integer ? id : number(of: id, statements) else { return }
        let isThere = try statements.find.first(
            on: connection,
            { row throws(VectorStoreError) in try row.bind(number, at: 1) },
            { _ in true }
        )
        if isThere == nil { return }
        _ = try statements.remove.run(on: connection) { row throws(VectorStoreError) in try row.bind([number] + texts) }
        if kind == .integer { return }
        _ = try statements.removeID.run(on: connection) { row throws(VectorStoreError) in try row.bind(number, at: 1) }
    }

    private func number(of id: SQLValue, _ statements: TextIndexStatements) throws(VectorStoreError) -> SQLValue? {
        try statements.number.first(
            on: connection,
            { row throws(VectorStoreError) in try row.bind(id, at: 1) },
            { .integer($0.integer(0)) }
        )
    }

    /// Merges the whole text index, so that words of deleted rows leave it. A stale one is made anew. Takes O(index)
    /// time.
    func forgetDeadTexts(_ kind: VectorIDKind) throws(VectorStoreError) {
        guard let index = try textIndex() else { return }
        if try isTextIndexStale() { return try makeTextIndex(index, kind) { _ in } }
        // FTS5 doesn't merge a single segment, which may hold words of a row that was put and deleted at once. So there
        // is always a second one, of a row that is put and deleted here. Three letters are a word to each tokenizer.
        let number = try connection.first(
            """
            SELECT id + 1 FROM \(TextIndex.table)_docsize AS row
            WHERE id < \(Int64.max) AND NOT EXISTS (SELECT 1 FROM \(TextIndex.table)_docsize WHERE id = row.id + 1)
            ORDER BY id DESC LIMIT 1
            """
        ) { $0.integer(0) }
        let column = "\"\(index.fields[0].key)\""
        let texts: [SQLValue] = [.integer(number ?? 0), .text("aaa")]
        let (table, rows) = (TextIndex.table, "rowid, \(column)")
        try connection.run("INSERT INTO \(table) (\(rows)) VALUES (?, ?)", texts)
        try connection.run("INSERT INTO \(table) (\(table), \(rows)) VALUES ('delete', ?, ?)", texts)
        try connection.run("INSERT INTO \(table) (\(table)) VALUES ('optimize')")
        try raiseSequence()
    }

    /// Whether the index has texts or samples, which may hold words and values of rows that were deleted.
    func hasTextsOrSamples() throws(VectorStoreError) -> Bool {
        try connection.first("SELECT 1 FROM sqlite_schema WHERE name IN ('\(TextIndex.table)', 'sqlite_stat4')") { _ in
            true
        } ?? false
    }

    /// Removes the samples of values that `ANALYZE` may have taken.
    func forgetSamples() throws(VectorStoreError) {
        let isThere = try connection.first("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4'") { _ in true }
        if isThere != nil { try connection.run("DELETE FROM sqlite_stat4") }
    }

    // MARK: Reading

    func describe(_ index: TextIndex) throws(VectorStoreError) -> IndexInfo {
        let rows = try connection.first("SELECT count(*) FROM \(TextIndex.table)_docsize") { $0.integer(0) } ?? 0
        return IndexInfo(name: TextIndex.table, kind: .text, fields: index.fields.map(\.key), rows: Int(rows))
    }

    /// The indexes on fields in the order of their names, and then the text index.
    func allIndexes() throws(VectorStoreError) -> [IndexInfo] {
        let text = try textIndex().map { index throws(VectorStoreError) in [try describe(index)] }
        return try metadataIndexes().map { index throws(VectorStoreError) in try describe(index) } + (text ?? [])
    }

    /// Calls `body` with the rows that match an expression of FTS5, the best first, until it returns false. A lower rank
    /// is better. Rows of the same rank are in any order. The ids of a store that isn't of integers are looked up.
    func forEachTextMatch(
        _ expression: String,
        _ kind: VectorIDKind,
        _ body: (_ id: SQLValue, _ rank: Double) throws -> Bool
    ) throws {
        let source =
            kind == .integer
            ? "SELECT rowid, rank FROM \(TextIndex.table)"
            : "SELECT (SELECT id FROM text_ids WHERE number = \(TextIndex.table).rowid), rank FROM \(TextIndex.table)"
        let statement = try connection.prepare(
            "\(source) WHERE \(TextIndex.table) MATCH ? ORDER BY rank"
        )
        try statement.bind([.text(expression)])
        while try blamingExpression(expression, { () throws(VectorStoreError) in try statement.step() }) {
            guard case .real(let rank) = try statement.value(1) else { continue }
            if try !body(statement.id(0), rank) { return }
        }
    }

    /// FTS5 reads the expression when the statement begins.
    private func blamingExpression<R>(
        _ expression: String,
        _ body: () throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        do { return try body() } catch {
            guard let cause = error.cause as? SQLiteError, cause.primaryCode == SQLITE_ERROR else { throw error }
            throw VectorStoreError(
                .invalidArgument,
                "the expression `\(expression.prefix(60))` can't be read: \(cause.message)",
                remedy: "write it as FTS5 has it, as in `proc* NOT kernel`, or search for words"
            )
        }
    }
}

extension StoreIndex {
    static let noFTS5 = VectorStoreError(
        .unsupported,
        "the SQLite of this process has no FTS5, which text indexes need",
        remedy: "link an SQLite that has it"
    )
}

extension VectorStoreError {
    fileprivate var isMissingFTS5: Bool {
        (cause as? SQLiteError).map { $0.primaryCode == SQLITE_ERROR && $0.message.contains("no such module") } ?? false
    }
}
