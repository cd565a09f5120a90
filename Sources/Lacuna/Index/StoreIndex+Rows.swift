/// The SQL function `noted(slot)`, which is always true. In the condition of a statement that changes an id's slot, it keeps
/// the slot that the id had: the statement searches for the id once, and no other statement must.
final class NotedSlot {
    /// The slot of the row that the last statement found, or nil if it found none. Set to nil before each statement.
    var slot: Slot?

    var function: IntegerFunction {
        IntegerFunction { [self] arguments in
            // A value that has rotted is no slot.
            slot = Slot(Int(arguments.integer(0) ?? -1))
            return 1
        }
    }
}

/// The statements that run for each row, or for each commit.
struct KeptStatements {
    let noted = NotedSlot()
    let record = KeptStatement("SELECT \(StoreRecord.columns) FROM store")
    let update = KeptStatement(
        """
        UPDATE store SET generation = ?, next_generation = ?, data_file = ?, next_slot = ?, reader_epoch = ?, \
        live_rows = ?, commit_sequence = ?, moved = ?, log_base = ?, log_token = ?, dimension = ?
        """
    )
    let slot = KeptStatement("SELECT slot FROM vectors WHERE generation = ? AND id = ?")
    let insert = KeptStatement(
        "INSERT INTO vectors (generation, id, slot) VALUES (?, ?, ?) ON CONFLICT (generation, id) DO NOTHING"
    )
    let replace = KeptStatement(
        """
        INSERT INTO vectors (generation, id, slot) VALUES (?, ?, ?)
        ON CONFLICT (generation, id) DO UPDATE SET slot = excluded.slot WHERE noted(vectors.slot)
        """
    )
    let move = KeptStatement("UPDATE vectors SET slot = ? WHERE generation = ? AND id = ? AND slot = ?")
    let delete = KeptStatement("DELETE FROM vectors WHERE generation = ? AND id = ? AND noted(slot)")
    let writeRun = KeptStatement(
        """
        INSERT INTO runs (place, slots, rows) VALUES (?, ?, ?)
        ON CONFLICT (place) DO UPDATE SET slots = excluded.slots, rows = excluded.rows
        """
    )
    let lastRun = KeptStatement(
        "SELECT place, slots, rows FROM runs WHERE place >= ? AND place < ? ORDER BY place DESC LIMIT 1"
    )
    let readDead = KeptStatement("SELECT bits FROM dead WHERE place = ?")
    let writeDead = KeptStatement(
        """
        INSERT INTO dead (place, changed, bits) VALUES (?, ?, ?)
        ON CONFLICT (place) DO UPDATE SET changed = excluded.changed, bits = excluded.bits
        """
    )
    let setMetadata = KeptStatement(
        """
        INSERT INTO metadata (id, json, checksum) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET json = excluded.json, checksum = excluded.checksum
        """
    )
    let deleteMetadata = KeptStatement("DELETE FROM metadata WHERE id = ?")
    let oldMetadata = KeptStatement("SELECT json FROM metadata WHERE id = ?")
    let textIndex = KeptStatement("SELECT sql FROM sqlite_schema WHERE name = '\(TextIndex.table)'")
}

extension StoreIndex {
    /// The slot of the id's row; nil if no row of the generation has the id.
    func slot(of id: SQLValue, _ generation: Int64) throws(VectorStoreError) -> Slot? {
        try statements.slot.first(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(generation, at: 1)
            try statement.bind(id, at: 2)
        } _: {
            $0.slot(0)
        }
    }

    /// Gives a slot to an id that has none; returns false if it has one.
    func insert(_ id: SQLValue, _ slot: Slot, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try noting(id, slot, generation) { () throws(VectorStoreError) in
            try statements.insert.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(generation, at: 1)
                try statement.bind(id, at: 2)
                try statement.bind(Int64(slot.number), at: 3)
            }
        }
    }

    /// Gives a slot to an id, whether the id has one or not; returns the slot that it had.
    func replace(_ id: SQLValue, _ slot: Slot, _ generation: Int64) throws(VectorStoreError) -> Slot? {
        statements.noted.slot = nil
        _ = try noting(id, slot, generation) { () throws(VectorStoreError) in
            try statements.replace.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(generation, at: 1)
                try statement.bind(id, at: 2)
                try statement.bind(Int64(slot.number), at: 3)
            }
        }
        return statements.noted.slot
    }

    /// Gives a row another slot if it is still in its slot; returns false if it has died or moved meanwhile.
    func move(_ row: LiveRow, to slot: Slot, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try noting(row.id, slot, generation) { () throws(VectorStoreError) in
            try statements.move.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(Int64(slot.number), at: 1)
                try statement.bind(generation, at: 2)
                try statement.bind(row.id, at: 3)
                try statement.bind(Int64(row.slot.number), at: 4)
            }
        }
    }

    /// Removes an id; returns the slot that it had.
    func delete(_ id: SQLValue, _ generation: Int64) throws(VectorStoreError) -> Slot? {
        statements.noted.slot = nil
        _ = try noting(id, nil, generation) { () throws(VectorStoreError) in
            try statements.delete.run(on: connection) { statement throws(VectorStoreError) in
                try statement.bind(generation, at: 1)
                try statement.bind(id, at: 2)
            }
        }
        return statements.noted.slot
    }

    /// Runs a statement that changes one id's slot, and notes the change; returns whether it changed anything.
    func noting(
        _ id: SQLValue,
        _ slot: Slot?,
        _ generation: Int64,
        _ statement: () throws(VectorStoreError) -> Int
    ) throws(VectorStoreError) -> Bool {
        guard try statement() == 1 else { return false }
        changes?.note(id, slot, generation)
        return true
    }

    /// Calls `body` with the slots of the first `limit` rows after the id `last`, or from the first row on, in id
    /// order. Returns the last row's id; nil if no more rows follow.
    ///
    /// - Throws: `damaged` for a row that is in no possible slot.
    func forEachSlot(
        _ record: StoreRecord,
        after last: SQLValue?,
        limit: Int,
        _ body: (RowKey, Int) -> Void
    ) throws(VectorStoreError) -> SQLValue? {
        var rows = 0
        var end: SQLValue?
        try connection.forEach(
            "SELECT id, slot FROM vectors WHERE generation = ?1 \(last == nil ? "" : "AND id > ?3") ORDER BY id LIMIT ?2",
            [.integer(record.generation), .integer(Int64(limit))] + (last.map { [$0] } ?? [])
        ) { row throws(VectorStoreError) in
            let slot = row.slot(1)
            // The slot comes from the disk, so it is checked before it is stored in four bytes.
            guard slot >= Slot(0), slot.number < SlotTable.maxSlots else {
                throw .damaged("the slot of a row is out of range")
            }
            if let key = row.key(0, record.idKind) { body(key, slot.number) }
            rows += 1
            if rows == limit { end = try row.id(0) }
        }
        return end
    }

    /// Calls `body` with every live row of a generation, in id order.
    func forEachRow(
        _ generation: Int64,
        _ body: (SQLValue, Slot) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try connection.forEach("SELECT id, slot FROM vectors WHERE generation = ? ORDER BY id", [.integer(generation)])
        {
            row throws(VectorStoreError) in try body(row.id(0), row.slot(1))
        }
    }

    /// Calls `body` with the slots of the live rows, in no particular order.
    func forEachSlot(
        _ generation: Int64,
        _ body: (Slot) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try connection.forEach("SELECT slot FROM vectors WHERE generation = ?", [.integer(generation)]) {
            row throws(VectorStoreError) in try body(row.slot(0))
        }
    }

    /// The ids whose rows lie in no slot below `end`.
    func idsOutside(_ record: StoreRecord, end: Slot) throws(VectorStoreError) -> [SQLValue] {
        if isOfOffsets { return try earlierIDsOutside(record, end: end) }
        return try ids(
            "SELECT id FROM vectors WHERE generation = ?1 AND slot NOT BETWEEN 0 AND ?2 - 1 ORDER BY id",
            [.integer(record.generation), .integer(Int64(end.number))]
        )
    }

    /// The ids that share a slot with another id.
    func idsSharingSlots(_ generation: Int64) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors WHERE generation = ?1 AND slot IN
            (SELECT slot FROM vectors WHERE generation = ?1 GROUP BY slot HAVING count(*) > 1) ORDER BY id
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

    /// An id's metadata, whatever their checksum.
    func oldMetadata(of id: SQLValue) throws(VectorStoreError) -> String? {
        try statements.oldMetadata.first(
            on: connection,
            { row throws(VectorStoreError) in try row.bind(id, at: 1) },
            { row throws(VectorStoreError) in try row.text(0) }
        )
    }

    /// Whether any id has metadata.
    func hasMetadata() throws(VectorStoreError) -> Bool {
        try connection.first("SELECT 1 FROM metadata LIMIT 1") { _ in true } ?? false
    }

    /// Sets an id's metadata and their checksum; nil removes them.
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

    /// Throws unless the metadata are one JSON object without the key `id` (an export puts the id there), in which no
    /// object has a key twice.
    func checkMetadata(_ json: String, for id: SQLValue) throws(VectorStoreError) {
        try checkMetadata(json, "the metadata of id \(id.idText)", [id.idText])
    }

    /// Throws unless a patch is one JSON object of which metadata can be made.
    func checkPatch(_ json: String) throws(VectorStoreError) { try checkMetadata(json, "the patch") }

    func checkMetadata(_ json: String, _ name: String, _ ids: [String] = []) throws(VectorStoreError) {
        func refuse(_ why: String, _ remedy: VectorStoreError.Remedy? = nil) -> VectorStoreError {
            VectorStoreError(.invalidMetadata, "\(name) can't be used: \(why)", remedy: remedy, ids: ids)
        }
        if json.utf8.contains(0) { throw refuse("the text holds a NUL character", "remove it") }
        let type = try connection.first(
            "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) ELSE '' END",
            [.text(json)]
        ) { row throws(VectorStoreError) in try row.text(0) }
        if type == "" { throw refuse("the text is not valid JSON") }
        if type != "object" { throw refuse("the text is JSON, but not an object") }
        let keys = MetadataKeys(json)
        if keys.hasID { throw refuse("the key \"id\" is the row's own", "choose another key") }
        if let key = keys.twice { throw refuse("the key \"\(key)\" is in one object twice", "remove one") }
    }

    /// The ids whose metadata have a wrong checksum, or that have metadata but no vector.
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
    /// The key of an id; nil if the column has no id of this kind.
    func key(_ column: Int, _ kind: VectorIDKind) -> RowKey? {
        if kind == .integer { return isInteger(column) ? RowKey(integer(column)) : nil }
        return unsafe withText(column) { text in
            guard let text = unsafe text else { return nil }
            return kind == .uuid
                ? unsafe RowKey(canonicalUUID: text) : unsafe RowKey(textBytes: UnsafeRawBufferPointer(text))
        }
    }

    func id(_ column: Int) throws(VectorStoreError) -> SQLValue {
        let value = try value(column)
        switch value {
        case .integer, .text: return value
        case .null, .real: throw .damaged("an id in the index is neither an integer nor a text")
        }
    }

    /// An id's metadata, checked against their checksum in the next column.
    func metadata(at column: Int, of id: SQLValue) throws(VectorStoreError) -> String {
        // A text that is no longer UTF-8 is damage to this row like any other.
        guard let json = try? text(column), Int64(StoreIndex.checksum(of: json, for: id)) == integer(column + 1) else {
            throw .damaged("the metadata of the id \(id.idText) don't match their checksum", ids: [id.idText])
        }
        return json
    }

    /// A slot from the disk, which may be any number.
    func slot(_ column: Int) -> Slot { Slot(Int(integer(column))) }
}
