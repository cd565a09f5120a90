/// A live row, for whoever is going to read or move it.
struct LiveRow: Equatable, Sendable {
    let id: SQLValue
    let entry: RowEntry
}

extension StoreIndex {
    /// Index rows of this generation name rows of the current file that were written since the compaction under way began.
    /// A row that dies, or moves, is taken out in the transaction that does it, so these are always live. No data file has
    /// this number, so that they are invisible, and go like any others that aren't current.
    static let appendedGeneration: Int64 = 0

    /// The first rows of a generation after an id, or from the first on, that lie in a stretch of the file, in id order.
    /// Walks the index until it has found as many.
    func rows(
        _ generation: Int64,
        at offsets: Range<Int64> = .min..<(.max),
        after last: SQLValue? = nil,
        limit: Int
    ) throws(VectorStoreError) -> [LiveRow] {
        var rows: [LiveRow] = []
        try connection.forEach(
            """
            SELECT id, offset, checksum FROM vectors WHERE generation = ?1 \(last == nil ? "" : "AND id > ?5")
            AND offset >= ?2 AND offset < ?3 ORDER BY id LIMIT ?4
            """,
            [.integer(generation), .integer(offsets.lowerBound), .integer(offsets.upperBound), .integer(Int64(limit))]
                + (last.map { [$0] } ?? [])
        ) { row throws(VectorStoreError) in rows.append(LiveRow(id: try row.id(0), entry: try row.entry(at: 1))) }
        return rows
    }

    /// Throws if another program has put rows where those are noted that writers append.
    func checkNothingAppended() throws(VectorStoreError) {
        if try !rows(Self.appendedGeneration, limit: 1).isEmpty { throw .foreignWriter }
    }

    /// The id of the `limit`-th row after `last` (or from the first on) with an offset below `mark`, or of the last one there
    /// is; nil if there is none.
    func id(
        _ limit: Int,
        after last: SQLValue?,
        below mark: Int64,
        _ generation: Int64
    ) throws(VectorStoreError) -> SQLValue? {
        let beyond = last == nil ? "" : "AND id > ?3"
        for order in ["ORDER BY id LIMIT 1 OFFSET \(limit - 1)", "ORDER BY id DESC LIMIT 1"] {
            let id = try connection.first(
                "SELECT id FROM vectors WHERE generation = ?1 AND offset < ?2 \(beyond) \(order)",
                [.integer(generation), .integer(mark)] + (last.map { [$0] } ?? [])
            ) { row throws(VectorStoreError) in try row.id(0) }
            if let id { return id }
        }
        return nil
    }

    /// Copies the index rows of `source` with ids after `last` and up to `end`, and with an offset below `mark`, to
    /// `target`; the SQL function `relocated(id, offset, checksum)` tells the new offsets. Returns how many it staged.
    ///
    /// In id order, since that appends to the table's tree: ten times as fast as in offset order. The staged rows are
    /// invisible, because the current generation is another.
    func stage(
        from source: Int64,
        to target: Int64,
        after last: SQLValue?,
        through end: SQLValue,
        below mark: Int64
    ) throws(VectorStoreError) -> Int {
        try connection.run(
            """
            INSERT INTO vectors (generation, id, offset, checksum)
            SELECT ?2, id, relocated(id, offset, checksum), checksum FROM vectors
            WHERE generation = ?1 AND id <= ?3 \(last == nil ? "" : "AND id > ?5") AND offset < ?4 ORDER BY id
            """,
            [.integer(source), .integer(target), end, .integer(mark)] + (last.map { [$0] } ?? [])
        )
    }

    /// Takes a row out of a generation if it is still where it was; false if it has died or moved meanwhile.
    func take(_ row: LiveRow, from generation: Int64) throws(VectorStoreError) -> Bool {
        try connection.run(
            "DELETE FROM vectors WHERE generation = ? AND id = ? AND offset = ?",
            [.integer(generation), row.id, .integer(row.entry.offset)]
        ) == 1
    }

    /// Moves a row to another place if it is still where it was; false if it has died or moved meanwhile.
    func move(_ row: LiveRow, to offset: Int64, _ generation: Int64) throws(VectorStoreError) -> Bool {
        try noting(row.id, offset, generation) { () throws(VectorStoreError) in
            try connection.run(
                "UPDATE vectors SET offset = ? WHERE generation = ? AND id = ? AND offset = ?",
                [.integer(offset), .integer(generation), row.id, .integer(row.entry.offset)]
            )
        }
    }

    /// Removes up to `limit` index rows of a generation other than `current`; the number removed.
    func removeStaleRows(current: Int64, limit: Int) throws(VectorStoreError) -> Int {
        guard let stale = try staleGeneration(current: current) else { return 0 }
        let last = try connection.first(
            "SELECT id FROM vectors WHERE generation = ? ORDER BY id LIMIT 1 OFFSET ?",
            [.integer(stale), .integer(Int64(limit - 1))]
        ) { row throws(VectorStoreError) in try row.id(0) }
        // A stretch of the primary key; a subquery with LIMIT would walk the whole generation for each batch.
        guard let last else { return try connection.run("DELETE FROM vectors WHERE generation = ?", [.integer(stale)]) }
        return try connection.run(
            "DELETE FROM vectors WHERE generation = ? AND id <= ?",
            [.integer(stale), last]
        )
    }

    /// What SQLite finds wrong first in the pages of the table of rows; nil if they are sound. O(rows).
    func firstBadPage() throws(VectorStoreError) -> String? {
        let found = try connection.first("PRAGMA quick_check(vectors)") { row throws(VectorStoreError) in
            try row.text(0)
        }
        return found == "ok" ? nil : found?.replacing("\n", with: ", ")
    }

    func hasStaleRows(current: Int64) throws(VectorStoreError) -> Bool {
        try staleGeneration(current: current) != nil
    }

    /// A generation that has index rows and isn't the current one. Two stretches of the primary key: "<>" would walk all
    /// of the current generation.
    private func staleGeneration(current: Int64) throws(VectorStoreError) -> Int64? {
        for side in ["<", ">"] {
            let found = try connection.first(
                "SELECT generation FROM vectors WHERE generation \(side) ? LIMIT 1",
                [.integer(current)]
            ) { $0.integer(0) }
            if let found { return found }
        }
        return nil
    }

    /// Whether every row of the current generation that lies below an offset is in an earlier index too, at the same place
    /// with the same checksum, and nothing was erased since. O(rows).
    func continues(_ earlier: StoreIndex, below end: Int64) throws(VectorStoreError) -> Bool {
        guard try hasErasedNothing(since: earlier) else { return false }
        let sql = "SELECT id, offset, checksum FROM vectors WHERE generation = ? AND offset < ? ORDER BY id"
        let values: [SQLValue] = [.integer(try record().generation), .integer(end)]
        let (now, before) = (try connection.prepare(sql), try earlier.connection.prepare(sql))
        try now.bind(values)
        try before.bind(values)
        while try now.step() {
            let id = try now.id(0)
            repeat {
                guard try before.step() else { return false }
            } while try SQLValue.idPrecedes(before.id(0), id)
            guard try before.id(0).idText == id.idText, try before.entry(at: 1) == now.entry(at: 1) else {
                return false
            }
        }
        return true
    }

    /// Gives free pages of the database back to the file system, some at a time; false when none are left, or none can
    /// be given back: a VACUUM without the auto-vacuum setting takes that ability away.
    func vacuumSome() throws(VectorStoreError) -> Bool {
        let free = try pragma("freelist_count")
        if free == 0 { return false }
        try connection.run("PRAGMA incremental_vacuum(250)")
        noteVacuum()
        return try pragma("freelist_count") < free
    }
}
