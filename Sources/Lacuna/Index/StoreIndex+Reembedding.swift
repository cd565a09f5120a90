/// The row of the table `reembedding`: what a re-embedding that hasn't ended has done.
struct StagedReembedding: Equatable, Sendable {
    /// The number of its data file, and of its index rows.
    var generation: Int64
    /// The layout of the new rows.
    let layout: RowLayout
    /// The model that makes them; nil if the caller doesn't say it.
    let model: EmbeddingModel?
    /// The slot for the next row in its data file.
    var nextSlot = Slot(0)
    /// The number of its index rows: of the rows of the store that have their new vector already.
    var liveRows: Int64 = 0

    /// The name of its data file.
    var dataFile: String { StorePaths.dataFileName(generation: generation, layout.element) }

    /// The state of the store after the re-embedding.
    func successor(of record: StoreRecord) -> StoreRecord {
        var next = record
        next.generation = generation
        next.dataFile = dataFile
        next.layout = layout
        next.nextSlot = nextSlot
        next.liveRows = liveRows
        return next
    }
}

extension StoreIndex {
    /// The re-embedding that hasn't ended; nil if there is none.
    func reembedding(_ record: StoreRecord) throws(VectorStoreError) -> StagedReembedding? {
        if version < Self.modelVersion { return nil }
        return try connection.first(
            """
            SELECT generation, dimension, next_slot, live_rows, model_name, model_version, model_normalized
            FROM reembedding
            """
        ) { row throws(VectorStoreError) in
            let slots = row.integer(2)
            guard let dimension = Int(exactly: row.integer(1)), DataFileHeader.dimensions.contains(dimension),
                row.integer(0) >= 1, !GenerationKey.areAlike(row.integer(0), record.generation),
                (0...Int64(Slot.most)).contains(slots), (0...slots).contains(row.integer(3))
            else { throw .damaged("a field of the index's table `reembedding` is out of range") }
            return StagedReembedding(
                generation: row.integer(0),
                layout: RowLayout(dimension: dimension, element: record.layout.element),
                model: row.isNull(4) ? nil : try row.model(at: 4),
                nextSlot: Slot(Int(slots)),
                liveRows: row.integer(3)
            )
        }
    }

    /// The generation of the re-embedding that hasn't ended; nil if there is none.
    func reembeddingGeneration() throws(VectorStoreError) -> Int64? {
        if version < Self.modelVersion { return nil }
        return try connection.first("SELECT generation FROM reembedding") { $0.integer(0) }
    }

    func begin(_ staged: StagedReembedding) throws(VectorStoreError) {
        try connection.run(
            """
            INSERT INTO reembedding (singleton, generation, dimension, next_slot, live_rows, model_name, model_version,
            model_normalized) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(staged.generation), .integer(Int64(staged.layout.dimension)),
                .integer(Int64(staged.nextSlot.number)), .integer(staged.liveRows),
            ] + (staged.model?.values ?? [.null, .null, .null])
        )
    }

    /// Writes the fields that may change.
    func update(_ staged: StagedReembedding) throws(VectorStoreError) {
        try connection.run(
            "UPDATE reembedding SET generation = ?, next_slot = ?, live_rows = ?",
            [.integer(staged.generation), .integer(Int64(staged.nextSlot.number)), .integer(staged.liveRows)]
        )
    }

    /// Counts rows that have lost their place among the staged rows.
    func noteUnstaged(_ rows: Int) throws(VectorStoreError) {
        try connection.run("UPDATE reembedding SET live_rows = live_rows - ?", [.integer(Int64(rows))])
    }

    /// Forgets the re-embedding; its index rows then wait to be removed, unless their generation is the current one.
    func endReembedding() throws(VectorStoreError) { try connection.run("DELETE FROM reembedding") }

    /// The first ids of staged rows that the store has no row for.
    func strayStagedIDs(_ current: Int64, _ target: Int64) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors AS t WHERE generation = ?2
            AND NOT EXISTS (SELECT 1 FROM vectors AS v WHERE v.generation = ?1 AND v.id = t.id) ORDER BY id LIMIT 10
            """,
            [.integer(current), .integer(target)]
        )
    }

    /// The ids after one (or from the first on) and up to another that have no staged row, at most `limit`, in id order.
    func unstagedIDs(
        _ current: Int64,
        _ target: Int64,
        after last: SQLValue?,
        through end: SQLValue,
        limit: Int
    ) throws(VectorStoreError) -> [SQLValue] {
        try ids(
            """
            SELECT id FROM vectors AS v WHERE generation = ?1 AND id <= ?3 \(last == nil ? "" : "AND id > ?5")
            AND NOT EXISTS (SELECT 1 FROM vectors AS t WHERE t.generation = ?2 AND t.id = v.id) ORDER BY id LIMIT ?4
            """,
            [.integer(current), .integer(target), end, .integer(Int64(limit))] + (last.map { [$0] } ?? [])
        )
    }
}
