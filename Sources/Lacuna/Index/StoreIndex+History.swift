/// An entry of the journal for people: a compaction, an erasure or a re-embedding.
package struct MaintenanceRecord: Equatable, Sendable {
    package let id: Int64
    package let strategy: String
    package let state: String
    package let sourceFile: String
    /// The data file that it made, if it made one.
    package let targetFile: String?
    package let liveRows: Int64
    package let movedRows: Int64
    package let writtenBytes: Int64
    /// The data file's blocks in bytes.
    package let allocatedBefore: Int64
    /// Nil as long as it hasn't ended.
    package let allocatedAfter: Int64?
    /// Times are UTC, ISO 8601.
    package let startedAt: String
    package let endedAt: String?
    /// The reason why it was aborted.
    package let error: String?
}

/// An object of the database, as `sqlite_schema` has it.
package struct SchemaObject: Equatable, Sendable {
    /// `table`, `index`, `view` or `trigger`.
    package let type: String
    package let name: String
    /// The table of an index or a trigger; otherwise the name again.
    package let table: String
    /// The SQL text; nil for an index that SQLite made itself.
    package let sql: String?
}

extension StoreIndex {
    /// The newest entries of the journal, oldest first, and the number of all. Their texts are as they are, whatever
    /// another program has written.
    func history(newest limit: Int) throws(VectorStoreError) -> (records: [MaintenanceRecord], all: Int) {
        var records: [MaintenanceRecord] = []
        try connection.forEach(
            """
            SELECT id, strategy, state, source_file, target_file, rows_live, rows_moved, bytes_written,
            allocated_before, allocated_after, started_at, ended_at, error
            FROM compaction_journal ORDER BY id DESC LIMIT \(limit)
            """
        ) { row throws(VectorStoreError) in
            func text(_ column: Int) -> String? { row.isNull(column) ? nil : row.repairedText(column) }
            records.append(
                MaintenanceRecord(
                    id: row.integer(0),
                    strategy: row.repairedText(1),
                    state: row.repairedText(2),
                    sourceFile: row.repairedText(3),
                    targetFile: text(4),
                    liveRows: row.integer(5),
                    movedRows: row.integer(6),
                    writtenBytes: row.integer(7),
                    allocatedBefore: row.integer(8),
                    allocatedAfter: row.isNull(9) ? nil : row.integer(9),
                    startedAt: row.repairedText(10),
                    endedAt: text(11),
                    error: text(12)
                )
            )
        }
        let all = try connection.first("SELECT count(*) FROM compaction_journal") { Int($0.integer(0)) }
        return (records.reversed(), all ?? 0)
    }

    /// The objects of the database with the first names in the order of the names, tables first, and the number of all.
    func schemaObjects(first limit: Int) throws(VectorStoreError) -> (objects: [SchemaObject], all: Int) {
        var objects: [SchemaObject] = []
        try connection.forEach(
            """
            SELECT type, name, tbl_name, sql FROM sqlite_schema
            ORDER BY type <> 'table', type <> 'index', type, name LIMIT \(limit)
            """
        ) { row throws(VectorStoreError) in
            objects.append(
                SchemaObject(
                    type: row.repairedText(0),
                    name: row.repairedText(1),
                    table: row.repairedText(2),
                    sql: row.isNull(3) ? nil : row.repairedText(3)
                )
            )
        }
        let all = try connection.first("SELECT count(*) FROM sqlite_schema") { Int($0.integer(0)) }
        return (objects, all ?? 0)
    }
}
