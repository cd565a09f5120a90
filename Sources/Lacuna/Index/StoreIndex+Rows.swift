/// Where a live row lies, and the checksum over it and its id.
struct RowEntry: Equatable, Sendable {
    let offset: Int64
    let checksum: UInt32
}

extension StoreIndex {
    func entry(of id: SQLValue, _ generation: Int64) throws(VectorStoreError) -> RowEntry? {
        try connection.first(
            "SELECT offset, checksum FROM vectors WHERE generation = ? AND id = ?",
            [.integer(generation), id]
        ) { row throws(VectorStoreError) in try row.entry(at: 0) }
    }

    /// Names a row by an id that has none; false if it has one.
    func insert(_ id: SQLValue, _ entry: RowEntry, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try connection.run(
            """
            INSERT INTO vectors (generation, id, offset, checksum) VALUES (?, ?, ?, ?)
            ON CONFLICT (generation, id) DO NOTHING
            """,
            [.integer(generation), id, .integer(entry.offset), .integer(Int64(entry.checksum))]
        ) == 1
    }

    /// Moves an id to another row; false if no row has it.
    func move(_ id: SQLValue, to entry: RowEntry, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try connection.run(
            "UPDATE vectors SET offset = ?, checksum = ? WHERE generation = ? AND id = ?",
            [.integer(entry.offset), .integer(Int64(entry.checksum)), .integer(generation), id]
        ) == 1
    }

    func delete(_ id: SQLValue, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try connection.run("DELETE FROM vectors WHERE generation = ? AND id = ?", [.integer(generation), id]) == 1
    }

    /// Every live row of a generation, in id order.
    func forEachRow(
        _ generation: Int64,
        _ body: (SQLValue, RowEntry) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try connection.forEach(
            "SELECT id, offset, checksum FROM vectors WHERE generation = ? ORDER BY id",
            [.integer(generation)]
        ) { row throws(VectorStoreError) in try body(row.id(0), row.entry(at: 1)) }
    }

    /// The live rows' offsets alone, in no order that matters.
    func forEachOffset(
        _ generation: Int64,
        _ body: (Int64) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try connection.forEach("SELECT offset FROM vectors WHERE generation = ?", [.integer(generation)]) {
            row throws(VectorStoreError) in try body(row.integer(0))
        }
    }

    /// The ids whose row doesn't lie wholly between the header and `end`, or lies between two slots.
    func idsOutside(_ record: StoreRecord, end: Int64) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors WHERE generation = ?1
            AND (offset < ?2 OR offset > ?3 - ?4 OR (offset - ?2) % ?4 <> 0) ORDER BY id
            """,
            [.integer(record.generation), .integer(DataFileHeader.length), .integer(end), .integer(record.stride)]
        )
    }

    /// The ids that name a row together with another id.
    func idsSharingOffsets(_ generation: Int64) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors WHERE generation = ?1 AND offset IN
            (SELECT offset FROM vectors WHERE generation = ?1 GROUP BY offset HAVING count(*) > 1) ORDER BY id
            """,
            [.integer(generation)]
        )
    }

    func ids(_ sql: String, _ values: [SQLValue]) throws(VectorStoreError) -> [SQLValue] {
        var ids: [SQLValue] = []
        try connection.forEach(sql, values) { row throws(VectorStoreError) in ids.append(try row.id(0)) }
        return ids
    }

    func countRows(_ generation: Int64) throws(VectorStoreError) -> Int {
        let count = try connection.first(
            "SELECT count(*) FROM vectors WHERE generation = ?",
            [.integer(generation)]
        ) { $0.integer(0) }
        return Int(count ?? 0)
    }

    // MARK: Metadata

    func metadata(of id: SQLValue) throws(VectorStoreError) -> String? {
        try connection.first("SELECT json FROM metadata WHERE id = ?", [id]) { row throws(VectorStoreError) in
            try row.text(0)
        }
    }

    /// Sets an id's metadata, checksum and all; nil removes them.
    func setMetadata(_ json: String?, for id: SQLValue) throws(VectorStoreError) {
        guard let json else {
            try connection.run("DELETE FROM metadata WHERE id = ?", [id])
            return
        }
        try connection.run(
            """
            INSERT INTO metadata (id, json, checksum) VALUES (?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET json = excluded.json, checksum = excluded.checksum
            """,
            [id, .text(json), .integer(Int64(Self.checksum(of: json, for: id)))]
        )
    }

    static func checksum(of json: String, for id: SQLValue) -> UInt32 {
        var checksum = Checksum()
        checksum.update(json)
        return id.checksum(continuing: checksum)
    }

    /// Metadata are one JSON object without the key `id` (an export puts the id there).
    func checkMetadata(_ json: String, for id: SQLValue) throws(VectorStoreError) {
        func refuse(_ why: String) -> VectorStoreError {
            VectorStoreError(.invalidMetadata, "the metadata of id \(id.idText) \(why)", ids: [id.idText])
        }
        if json.utf8.contains(0) { throw refuse("hold a NUL character; remove it") }
        let type = try connection.first(
            "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) ELSE '' END",
            [.text(json)]
        ) { row throws(VectorStoreError) in try row.text(0) }
        if type == "" { throw refuse("are not valid JSON; pass one JSON object") }
        if type != "object" { throw refuse("are JSON, but not an object; pass one JSON object") }
        let hasID = try connection.first("SELECT 1 FROM json_each(?1) WHERE key = 'id'", [.text(json)]) { _ in true }
        if hasID == true { throw refuse("have the key \"id\", which is the row's own; choose another key") }
    }

    /// Ids whose metadata's checksum is wrong, or that have metadata but no vector.
    func idsWithBadMetadata(_ generation: Int64) throws(VectorStoreError) -> [SQLValue] {
        var bad: [SQLValue] = []
        try connection.forEach(
            """
            SELECT m.id, m.json, m.checksum, v.id IS NULL FROM metadata AS m
            LEFT JOIN vectors AS v ON v.generation = ? AND v.id = m.id ORDER BY m.id
            """,
            [.integer(generation)]
        ) { row throws(VectorStoreError) in
            let id = try row.id(0)
            // A text that isn't UTF-8 any more is damage to this row, not to the whole reading.
            let json = try? row.text(1)
            let matches = json.map { Int64(Self.checksum(of: $0, for: id)) == row.integer(2) } ?? false
            if !matches || row.integer(3) != 0 { bad.append(id) }
        }
        return bad
    }
}

extension Statement {
    func id(_ column: Int) throws(VectorStoreError) -> SQLValue {
        let value = try value(column)
        switch value {
        case .integer, .text: return value
        case .null, .real: throw .damaged("an id in the index is neither an integer nor a text")
        }
    }

    func entry(at column: Int) throws(VectorStoreError) -> RowEntry {
        guard let checksum = UInt32(exactly: integer(column + 1)) else {
            throw .damaged("a checksum in the index is out of range")
        }
        return RowEntry(offset: integer(column), checksum: checksum)
    }
}
