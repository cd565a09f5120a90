extension StoreIndex {
    /// The ids whose rows lie in some slots, in no particular order. Takes O(rows) time.
    func ids(in slots: Range<Slot>, _ generation: Int64) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            "SELECT id FROM vectors WHERE generation = ? AND slot >= ? AND slot < ?",
            [
                .integer(generation), .integer(Int64(slots.lowerBound.number)),
                .integer(Int64(slots.upperBound.number)),
            ]
        )
    }

    /// The id of the `limit`-th row after `last` (or from the first row on) among those in slots below `mark`; if there
    /// are fewer, the id of the last one; nil if there is none.
    func id(
        _ limit: Int,
        after last: SQLValue?,
        below mark: Slot,
        _ generation: Int64
    ) throws(VectorStoreError) -> SQLValue? {
        let beyond = last == nil ? "" : "AND id > ?3"
        for order in ["ORDER BY id LIMIT 1 OFFSET \(limit - 1)", "ORDER BY id DESC LIMIT 1"] {
            let id = try connection.first(
                "SELECT id FROM vectors WHERE generation = ?1 AND slot < ?2 \(beyond) \(order)",
                [.integer(generation), .integer(Int64(mark.number))] + (last.map { [$0] } ?? [])
            ) { row throws(VectorStoreError) in try row.id(0) }
            if let id { return id }
        }
        return nil
    }

    /// Copies the index rows of `source` with ids after `last` and up to `end`, and with a slot below `mark`, to
    /// `target`; the SQL function `relocated(id, slot)` returns the new slots. Returns the number of staged rows.
    ///
    /// It goes in id order, which appends to the table's tree: that is ten times as fast as the order of slots. Readers
    /// don't see the staged rows, because their generation isn't the current one.
    func stage(
        from source: Int64,
        to target: Int64,
        after last: SQLValue?,
        through end: SQLValue,
        below mark: Slot
    ) throws(VectorStoreError) -> Int {
        try connection.run(
            """
            INSERT INTO vectors (generation, id, slot)
            SELECT ?2, id, relocated(id, slot) FROM vectors
            WHERE generation = ?1 AND id <= ?3 \(last == nil ? "" : "AND id > ?5") AND slot < ?4 ORDER BY id
            """,
            [.integer(source), .integer(target), end, .integer(Int64(mark.number))] + (last.map { [$0] } ?? [])
        )
    }

    /// The first problem that SQLite finds in the pages of the table `vectors`; nil if they are sound. Takes O(rows)
    /// time.
    func firstBadPage() throws(VectorStoreError) -> String? {
        let found = try connection.first("PRAGMA quick_check(vectors)") { row throws(VectorStoreError) in
            try row.text(0)
        }
        return found == "ok" ? nil : found?.replacing("\n", with: ", ")
    }

    /// Whether every row of the current generation below a slot is also in an earlier index, in the same slot with the
    /// same checksum, and nothing was erased since. Takes O(rows) time.
    func continues(_ earlier: StoreIndex, below end: Slot) throws(VectorStoreError) -> Bool {
        if earlier.isOfOffsets { return false }
        guard try hasErasedNothing(since: earlier) else { return false }
        let record = try record()
        let sql = "SELECT id, slot FROM vectors WHERE generation = ? AND slot < ? ORDER BY id"
        let values: [SQLValue] = [.integer(record.generation), .integer(Int64(end.number))]
        let (now, before) = (try connection.prepare(sql), try earlier.connection.prepare(sql))
        try now.bind(values)
        try before.bind(values)
        while try now.step() {
            let id = try now.id(0)
            repeat {
                guard try before.step() else { return false }
            } while try SQLValue.idPrecedes(before.id(0), id)
            guard try before.id(0).idText == id.idText, before.slot(1) == now.slot(1) else { return false }
        }
        return try hasSameRows(as: earlier, below: end, record)
    }

    /// Whether the runs of both have the same ids and checksums for the slots below one that are not dead here.
    private func hasSameRows(
        as earlier: StoreIndex,
        below end: Slot,
        _ record: StoreRecord
    ) throws(VectorStoreError) -> Bool {
        let dead = try deadSlots(record.generation)
        var first = Slot(0)
        while first < end {
            let slots = first..<min(end, first.advanced(by: Self.comparedSlots))
            var rows: [LiveRow] = []
            var isSame = true
            try forEachEntry(in: slots, record.generation, record.codec) { slot, id, checksum in
                if let id, !dead.contains(slot) { rows.append(LiveRow(id: id, slot: slot, checksum: checksum)) }
            }
            var rest = rows[...]
            try earlier.forEachEntry(in: slots, record.generation, record.codec) { slot, id, checksum in
                guard let row = rest.first, row.slot == slot else { return }
                isSame = isSame && row.checksum == checksum && id.map(row.id.isSameID) == true
                rest = rest.dropFirst()
            }
            if !isSame || !rest.isEmpty { return false }
            first = slots.upperBound
        }
        return true
    }

    private static let comparedSlots = 1 << 16

    /// Gives some free pages of the database back to the file system. Returns false if none are left, or if none can be
    /// given back, as after a VACUUM without the auto-vacuum setting.
    func vacuumSome() throws(VectorStoreError) -> Bool {
        let free = try pragma("freelist_count")
        if free == 0 { return false }
        try connection.run("PRAGMA incremental_vacuum(250)")
        noteVacuum()
        return try pragma("freelist_count") < free
    }
}
