/// A row of `compaction_journal`. It says what a compaction is doing, and afterwards what it has done.
struct JournalEntry: Equatable, Sendable {
    enum Strategy: String, Sendable {
        case rewrite
        case inPlace = "in-place"
        case punch
        case erase
        case reembed

        /// The first state of an entry.
        var firstState: State {
            switch self {
            case .rewrite: .copying
            case .inPlace: .moving
            case .punch: .punching
            case .erase: .erasing
            case .reembed: .embedding
            }
        }

        /// Whether it makes a new data file, which replaces the one before.
        var makesDataFile: Bool { self == .rewrite || self == .reembed }
    }

    enum State: String, Sendable {
        case copying, moving, punching, erasing, embedding, committed, finished, aborted
    }

    let id: Int64
    let strategy: Strategy
    let state: State
    let sourceGeneration: Int64
    let sourceFile: String
    let targetGeneration: Int64?
    let targetFile: String?
}

/// The facts that a compaction writes to the journal when it begins.
struct JournalStart {
    var strategy: JournalEntry.Strategy
    var source: StoreRecord
    var targetGeneration: Int64?
    var allocatedBefore: Int64
}

extension StoreIndex {
    /// Adds an entry, and returns its id. The caller's transaction commits it.
    func beginJournal(_ start: JournalStart) throws(VectorStoreError) -> Int64 {
        let element = start.source.layout.element
        let id = try connection.first(
            """
            INSERT INTO compaction_journal (strategy, state, source_generation, source_file, target_generation,
            target_file, rows_live, allocated_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
            """,
            [
                .text(start.strategy.rawValue), .text(start.strategy.firstState.rawValue),
                .integer(start.source.generation),
                .text(start.source.dataFile), start.targetGeneration.map { .integer($0) } ?? .null,
                start.targetGeneration.map { .text(StorePaths.dataFileName(generation: $0, element)) } ?? .null,
                .integer(start.source.liveRows), .integer(start.allocatedBefore),
            ]
        ) { $0.integer(0) }
        return id ?? 0
    }

    func retargetJournal(_ id: Int64, _ generation: Int64, _ element: ElementType) throws(VectorStoreError) {
        try connection.run(
            "UPDATE compaction_journal SET target_generation = ?, target_file = ? WHERE id = ?",
            [.integer(generation), .text(StorePaths.dataFileName(generation: generation, element)), .integer(id)]
        )
    }

    func commitJournal(_ id: Int64, rowsMoved: Int, bytesWritten: Int64) throws(VectorStoreError) {
        try connection.run(
            "UPDATE compaction_journal SET state = 'committed', rows_moved = ?, bytes_written = ? WHERE id = ?",
            [.integer(Int64(rowsMoved)), .integer(bytesWritten), .integer(id)]
        )
    }

    /// Adds the counts of a batch.
    func addToJournal(_ id: Int64, rowsMoved: Int, bytesWritten: Int64) throws(VectorStoreError) {
        try connection.run(
            "UPDATE compaction_journal SET rows_moved = rows_moved + ?, bytes_written = bytes_written + ? WHERE id = ?",
            [.integer(Int64(rowsMoved)), .integer(bytesWritten), .integer(id)]
        )
    }

    /// Ends an entry as finished, or, with an error, as aborted.
    func endJournal(
        _ id: Int64,
        allocatedAfter: Int64?,
        error: String? = nil
    ) throws(VectorStoreError) {
        try connection.run(
            """
            UPDATE compaction_journal SET state = ?, allocated_after = ?, error = ?,
            ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?
            """,
            [
                .text(error == nil ? "finished" : "aborted"), allocatedAfter.map { .integer($0) } ?? .null,
                error.map { .text($0) } ?? .null, .integer(id),
            ]
        )
    }

    /// Ends all entries that are under way. For a copy of the index, without the files that they work on.
    func endUnfinished() throws(VectorStoreError) {
        try endReembedding()
        try connection.run(
            """
            UPDATE compaction_journal SET ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
            error = CASE state WHEN 'committed' THEN NULL ELSE 'under way when this backup was made' END,
            state = CASE state WHEN 'committed' THEN 'finished' ELSE 'aborted' END
            WHERE state NOT IN ('finished', 'aborted')
            """
        )
    }

    /// Whether the journal proves that no erasure has ended since the state of `earlier`. All erasures under way end
    /// together. Old entries are removed from the journal, and then nothing is proved.
    func hasErasedNothing(since earlier: StoreIndex) throws(VectorStoreError) -> Bool {
        let erased = "SELECT max(id) FROM compaction_journal WHERE strategy = 'erase' AND state = 'finished'"
        let first = try number("SELECT min(id) FROM compaction_journal")
        let known = try earlier.number("SELECT max(id) FROM compaction_journal")
        if first > known + 1 { return false }
        return try number(erased) == earlier.number(erased)
    }

    private func number(_ sql: String) throws(VectorStoreError) -> Int64 {
        try connection.first(sql) { $0.integer(0) } ?? 0
    }

    func removeFromJournal(_ id: Int64) throws(VectorStoreError) {
        try connection.run("DELETE FROM compaction_journal WHERE id = ?", [.integer(id)])
    }

    /// The whole journal, oldest first.
    func journal() throws(VectorStoreError) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        try connection.forEach(
            """
            SELECT id, strategy, state, source_generation, source_file, target_generation, target_file
            FROM compaction_journal ORDER BY id
            """
        ) { row throws(VectorStoreError) in
            guard let strategy = JournalEntry.Strategy(rawValue: try row.text(1)),
                let state = JournalEntry.State(rawValue: try row.text(2))
            else { throw .damaged("the compaction journal holds an unknown strategy or state") }
            entries.append(
                JournalEntry(
                    id: row.integer(0),
                    strategy: strategy,
                    state: state,
                    sourceGeneration: row.integer(3),
                    sourceFile: try row.text(4),
                    targetGeneration: row.isNull(5) ? nil : row.integer(5),
                    targetFile: row.isNull(6) ? nil : try row.text(6)
                )
            )
        }
        return entries
    }
}
