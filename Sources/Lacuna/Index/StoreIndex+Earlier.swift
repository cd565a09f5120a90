import LacunaMigrations

/// The tables of schema versions 1 and 2, which have a row's byte offset and its checksum in `vectors`, and the steps
/// that bring them up to version 3.
///
/// The large tables of version 3 are made beside them, under names of their own.
extension StoreIndex {
    private static let besidePrefix = "migration_"
    private static let largeTables = ["vectors", "runs", "dead"]

    /// Calls `body` with the rows of a generation in a range of slots, in no particular order. Takes O(rows of the
    /// index) time.
    func forEachEarlierRow(
        _ record: StoreRecord,
        in slots: Range<Slot>,
        _ body: (LiveRow) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        let offsets = record.layout.offsets(slots)
        try connection.forEach(
            "SELECT id, offset, checksum FROM vectors WHERE generation = ? AND offset >= ? AND offset < ?",
            [.integer(record.generation), .integer(offsets.lowerBound), .integer(offsets.upperBound)]
        ) { row throws(VectorStoreError) in
            guard let checksum = UInt32(exactly: row.integer(2)) else {
                throw .damaged("a checksum in the index is out of range")
            }
            try body(LiveRow(id: row.id(0), slot: record.layout.slot(at: row.integer(1)), checksum: checksum))
        }
    }

    /// The ids whose rows don't lie completely between the header and a slot, or lie between two slots.
    func earlierIDsOutside(_ record: StoreRecord, end: Slot) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors WHERE generation = ?1
            AND (offset < ?2 OR offset > ?3 - ?4 OR (offset - ?2) % ?4 <> 0) ORDER BY id
            """,
            [
                .integer(record.generation), .integer(DataFileHeader.length), .integer(record.layout.offset(end)),
                .integer(record.stride),
            ]
        )
    }

    // MARK: The migration to version 3

    /// Whether an interrupted migration has left tables.
    func hasTablesBeside() throws(VectorStoreError) -> Bool {
        let names = Self.largeTables.map { "'\(Self.besidePrefix)\($0)'" }.joined(separator: ", ")
        return try connection.first("SELECT 1 FROM sqlite_schema WHERE name IN (\(names))") { _ in true } ?? false
    }

    func dropTablesBeside() throws(VectorStoreError) {
        for name in Self.largeTables { try connection.execute("DROP TABLE IF EXISTS \(Self.besidePrefix)\(name)") }
    }

    /// Throws `alreadyExists` if another program has something under a name that the migrations or a text index need.
    func checkNewNamesAreFree() throws(VectorStoreError) {
        let isBeforeTexts = version < IndexSchema.textVersion
        let all = IndexSchema.names(newSince: version).union(isBeforeTexts ? TextIndex.names : [])
        let names = all.map { "'\($0)'" }.joined(separator: ", ")
        let taken = try connection.first("SELECT name FROM sqlite_schema WHERE name COLLATE NOCASE IN (\(names))") {
            row throws(VectorStoreError) in try row.text(0)
        }
        if let taken {
            throw VectorStoreError(
                .alreadyExists,
                "index.sqlite has a table `\(taken)` that isn't Lacuna's, and Lacuna needs the name",
                remedy: "rename that table"
            )
        }
    }

    /// Makes the large tables beside the old ones.
    func makeTablesBeside() throws(VectorStoreError) {
        try dropTablesBeside()
        for statement in Self.slotScript {
            if let name = Self.nameOfLargeTable(statement) {
                try connection.execute(statement.replacing("\"\(name)\"", with: "\"\(Self.besidePrefix)\(name)\""))
            }
        }
    }

    /// Copies the next rows of a generation to the new table, in id order; returns their number.
    func copyRowsBeside(_ record: StoreRecord, limit: Int) throws(VectorStoreError) -> Int {
        let last = try connection.first(
            "SELECT id FROM migration_vectors WHERE generation = ? ORDER BY id DESC LIMIT 1",
            [.integer(record.generation)]
        ) { row throws(VectorStoreError) in try row.id(0) }
        return try connection.run(
            """
            INSERT INTO migration_vectors (generation, id, slot)
            SELECT generation, id, (offset - ?2) / ?3 FROM vectors
            WHERE generation = ?1 \(last == nil ? "" : "AND id > ?5") ORDER BY id LIMIT ?4
            """,
            [
                .integer(record.generation), .integer(DataFileHeader.length), .integer(record.stride),
                .integer(Int64(limit)),
            ] + (last.map { [$0] } ?? [])
        )
    }

    func writeBeside(_ run: PendingRun, _ generation: Int64) throws(VectorStoreError) {
        if run.slots == 0 { return }
        let statement = try connection.prepare("INSERT INTO migration_runs (place, slots, rows) VALUES (?, ?, ?)")
        try statement.bind(GenerationKey.key(generation, run.first.number), at: 1)
        try statement.bind(Int64(run.slots), at: 2)
        try statement.bind(run.bytes, at: 3)
        _ = try statement.step()
    }

    func writeBeside(
        chunk: Int,
        _ bits: [UInt8],
        _ generation: Int64,
        _ sequence: Int64
    ) throws(VectorStoreError) {
        let statement = try connection.prepare("INSERT INTO migration_dead (place, changed, bits) VALUES (?, ?, ?)")
        try statement.bind(GenerationKey.key(generation, chunk), at: 1)
        try statement.bind(sequence, at: 2)
        try statement.bind(bits, at: 3)
        _ = try statement.step()
    }

    /// Runs the remaining migrations, and puts the new large tables in the place of the old ones. The caller's
    /// transaction commits it.
    func swapTables() throws(VectorStoreError) {
        // Other people's views may name the tables that are dropped and made again; this setting leaves the views as
        // they are.
        try connection.execute("PRAGMA legacy_alter_table = ON")
        for script in Migrations.scripts[version..<(Self.slotVersion - 1)] {
            try connection.execute(String(decoding: script, as: UTF8.self))
        }
        for statement in Self.slotScript {
            if let name = Self.nameOfLargeTable(statement) {
                // The script drops the old table of this name first.
                try connection.execute("ALTER TABLE \(Self.besidePrefix)\(name) RENAME TO \(name)")
            } else {
                try connection.execute(statement)
            }
        }
        version = Self.slotVersion
        try runLaterMigrations()
    }

    /// Runs the remaining migrations after version 3. The caller's transaction commits it.
    func runLaterMigrations() throws(VectorStoreError) {
        for script in Migrations.scripts[version...] {
            try connection.execute(String(decoding: script, as: UTF8.self))
        }
        try connection.execute("PRAGMA user_version = \(Self.schemaVersion)")
        version = Self.schemaVersion
    }

    private static var slotScript: [String] { SQLToken.statements(of: Migrations.scripts[slotVersion - 1]) }

    /// In the script, the names of the large tables, and only these, are in quotes.
    private static func nameOfLargeTable(_ statement: String) -> String? {
        largeTables.first { statement.hasPrefix("CREATE TABLE \"\($0)\" (") }
    }
}
