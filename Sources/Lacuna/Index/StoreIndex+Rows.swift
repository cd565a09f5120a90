/// Where a live row lies, and the checksum over it and its id.
struct RowEntry: Equatable, Sendable {
    let offset: Int64
    let checksum: UInt32
}

/// The statements that writing one row takes.
struct RowStatements {
    let insert = KeptStatement(
        """
        INSERT INTO vectors (generation, id, offset, checksum) VALUES (?, ?, ?, ?)
        ON CONFLICT (generation, id) DO NOTHING
        """
    )
    let move = KeptStatement("UPDATE vectors SET offset = ?, checksum = ? WHERE generation = ? AND id = ?")
    let delete = KeptStatement("DELETE FROM vectors WHERE generation = ? AND id = ?")
    let setMetadata = KeptStatement(
        """
        INSERT INTO metadata (id, json, checksum) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET json = excluded.json, checksum = excluded.checksum
        """
    )
    let deleteMetadata = KeptStatement("DELETE FROM metadata WHERE id = ?")
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
        try noting(id, entry.offset, generation) { () throws(VectorStoreError) in
            try statements.insert.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(generation, at: 1)
                try statement.bind(id, at: 2)
                try statement.bind(entry.offset, at: 3)
                try statement.bind(Int64(entry.checksum), at: 4)
            }
        }
    }

    /// Moves an id to another row; false if no row has it.
    func move(_ id: SQLValue, to entry: RowEntry, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try noting(id, entry.offset, generation) { () throws(VectorStoreError) in
            try statements.move.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(entry.offset, at: 1)
                try statement.bind(Int64(entry.checksum), at: 2)
                try statement.bind(generation, at: 3)
                try statement.bind(id, at: 4)
            }
        }
    }

    func delete(_ id: SQLValue, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try noting(id, nil, generation) { () throws(VectorStoreError) in
            try statements.delete.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(generation, at: 1)
                try statement.bind(id, at: 2)
            }
        }
    }

    /// Runs a statement that changes where one id's row lies, if it changes anything: whether it did.
    func noting(
        _ id: SQLValue,
        _ offset: Int64?,
        _ generation: Int64,
        _ statement: () throws(VectorStoreError) -> Int
    ) throws(VectorStoreError) -> Bool {
        guard try statement() == 1 else { return false }
        changes?.note(id, offset, generation)
        return true
    }

    /// The first `limit` rows after the id `last`, or from the first on, in id order: their slots. Returns the last one's id;
    /// nil if there are no more.
    ///
    /// - Throws: `damaged` for a row that isn't in a slot.
    func forEachSlot(
        _ record: StoreRecord,
        after last: SQLValue?,
        limit: Int,
        _ body: (RowKey, Int) -> Void
    ) throws(VectorStoreError) -> SQLValue? {
        var rows = 0
        var end: SQLValue?
        try connection.forEach(
            "SELECT id, offset FROM vectors WHERE generation = ?1 \(last == nil ? "" : "AND id > ?3") ORDER BY id LIMIT ?2",
            [.integer(record.generation), .integer(Int64(limit))] + (last.map { [$0] } ?? [])
        ) { row throws(VectorStoreError) in
            let offset = row.integer(1)
            // Before anything is computed with it: it comes from the disk.
            guard offset >= DataFileHeader.length else { throw .damaged("a row is in no slot") }
            let (slot, rest) = (offset - DataFileHeader.length).quotientAndRemainder(dividingBy: record.stride)
            guard rest == 0, slot < RowTable.maxSlots else { throw .damaged("a row is in no slot") }
            if let key = row.key(0, record.idKind) { body(key, Int(slot)) }
            rows += 1
            if rows == limit { end = try row.id(0) }
        }
        return end
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
        try connection.first("SELECT json, checksum FROM metadata WHERE id = ?", [id]) { row throws(VectorStoreError) in
            try row.metadata(at: 0, of: id)
        }
    }

    /// Whether any id has metadata.
    func hasMetadata() throws(VectorStoreError) -> Bool {
        try connection.first("SELECT 1 FROM metadata LIMIT 1") { _ in true } ?? false
    }

    /// Sets an id's metadata, checksum and all; nil removes them.
    func setMetadata(_ json: String?, for id: SQLValue) throws(VectorStoreError) {
        guard let json else {
            _ = try statements.deleteMetadata.run(on: connection) { row throws(VectorStoreError) in
                try row.bind(id, at: 1)
            }
            return
        }
        _ = try statements.setMetadata.run(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(id, at: 1)
            try statement.bind(.text(json), at: 2)
            try statement.bind(Int64(Self.checksum(of: json, for: id)), at: 3)
        }
    }

    static func checksum(of json: String, for id: SQLValue) -> UInt32 {
        var checksum = Checksum()
        checksum.update(json)
        return id.checksum(continuing: checksum)
    }

    /// Metadata are one JSON object without the key `id` (an export puts the id there), and no object in it has a key twice.
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
        let keys = MetadataKeys(json)
        if keys.hasID { throw refuse("have the key \"id\", which is the row's own; choose another key") }
        if let key = keys.twice { throw refuse("have the key \"\(key)\" twice in one object; remove one") }
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
            if row.integer(3) != 0 || (try? row.metadata(at: 1, of: id)) == nil { bad.append(id) }
        }
        return bad
    }
}

extension Statement {
    /// The key of an id; nil where it is none of this kind.
    func key(_ column: Int, _ kind: VectorIDKind) -> RowKey? {
        if kind == .integer { return isInteger(column) ? RowKey(integer(column)) : nil }
        return unsafe withText(column) { text in
            guard let text = unsafe text else { return nil }
            return kind == .uuid
                ? unsafe RowKey(canonicalUUID: text) : unsafe RowKey(bytes: UnsafeRawBufferPointer(text))
        }
    }

    func id(_ column: Int) throws(VectorStoreError) -> SQLValue {
        let value = try value(column)
        switch value {
        case .integer, .text: return value
        case .null, .real: throw .damaged("an id in the index is neither an integer nor a text")
        }
    }

    /// An id's metadata, checked against their checksum, which the next column has.
    func metadata(at column: Int, of id: SQLValue) throws(VectorStoreError) -> String {
        // A text that isn't UTF-8 any more is damage to this row like any other.
        guard let json = try? text(column), Int64(StoreIndex.checksum(of: json, for: id)) == integer(column + 1) else {
            throw .damaged("the metadata of the id \(id.idText) don't match their checksum", ids: [id.idText])
        }
        return json
    }

    func entry(at column: Int) throws(VectorStoreError) -> RowEntry {
        guard let checksum = UInt32(exactly: integer(column + 1)) else {
            throw .damaged("a checksum in the index is out of range")
        }
        return RowEntry(offset: integer(column), checksum: checksum)
    }
}
