extension StoreIndex {
    /// The check of the text index: makes one anew among the temporary tables, and compares. None if it isn't stale, and
    /// SQLite has FTS5, and all is well. Takes as long as making the index, and as much room among the temporary files.
    func textIndexMessages(_ kind: VectorIDKind) throws(VectorStoreError) -> [String] {
        guard let index = try textIndex(), try hasFTS5(), try !isTextIndexStale() else { return [] }
        let (copy, kept, made) = ("temp.\(TextIndex.copy)", "temp.lacuna_kept", "temp.lacuna_made")
        try connection.execute(index.sql.replacing(TextIndex.table, with: copy, maxReplacements: 1))
        defer { try? connection.execute("DROP TABLE \(copy)") }
        try fill(copy, index, kind)
        try connection.execute("CREATE VIRTUAL TABLE \(kept) USING fts5vocab(main, \(TextIndex.table), instance)")
        defer { try? connection.execute("DROP TABLE \(kept)") }
        try connection.execute("CREATE VIRTUAL TABLE \(made) USING fts5vocab(temp, \(TextIndex.copy), instance)")
        defer { try? connection.execute("DROP TABLE \(made)") }
        let pairs = [
            (4, "SELECT term, doc, col, \"offset\" FROM \(kept)", "SELECT term, doc, col, \"offset\" FROM \(made)"),
            (2, Self.sizes("main.\(TextIndex.table)"), Self.sizes(copy)),
            (1, Self.averages("main.\(TextIndex.table)"), Self.averages(copy)),
        ]
        for (columns, left, right) in pairs where try !isSame(columns, left, right) {
            return ["the text index doesn't have the words of the metadata"]
        }
        return []
    }

    private func fill(_ table: String, _ index: TextIndex, _ kind: VectorIDKind) throws(VectorStoreError) {
        let values = index.fields.map { _ in ", ?" }.joined()
        let insert = KeptStatement("INSERT INTO \(table) (rowid, \(index.columns)) VALUES (?\(values))")
        let number = kind == .integer ? "id" : "(SELECT number FROM text_ids AS t WHERE t.id = m.id)"
        try connection.forEach("SELECT \(number), json FROM metadata AS m") { row throws(VectorStoreError) in
            // Metadata that aren't UTF-8 are damaged, which another check says.
            guard let texts = index.texts(in: try? row.text(1)) else { return }
            let number = try row.value(0)
            _ = try insert.run(on: connection) { row throws(VectorStoreError) in try row.bind([number] + texts) }
        }
    }

    private static func sizes(_ table: String) -> String { "SELECT id, hex(sz) FROM \(table)_docsize ORDER BY id" }

    /// The first record of FTS5's data: the number of rows, and of words in each column. A table that never had a row
    /// has none.
    private static func averages(_ table: String) -> String {
        "SELECT hex(block) FROM \(table)_data WHERE id = 1 AND EXISTS (SELECT 1 FROM \(table)_docsize)"
    }

    /// Whether two queries have the same rows.
    private func isSame(_ columns: Int, _ left: String, _ right: String) throws(VectorStoreError) -> Bool {
        let (left, right) = (try connection.prepare(left), try connection.prepare(right))
        while true {
            let (hasLeft, hasRight) = (try left.step(), try right.step())
            if !hasLeft || !hasRight { return hasLeft == hasRight }
            for column in 0..<columns where try left.value(column) != right.value(column) { return false }
        }
    }
}
