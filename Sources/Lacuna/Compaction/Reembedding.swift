/// Puts the vectors that a closure makes into a new data file, while readers and writers go on with the old ones, and
/// makes all of them current at once. It may be stopped anywhere, and goes on with the next call.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the journal says `embedding`, and the row in `reembedding` says to which dimension and model; from now on each write unstages what it changes | no target | marks it aborted |
/// | 2. the target has its header, synced with its name | an empty target | keeps it |
/// | 3. the new vectors of a batch are written to the target, and synced | bytes that nothing names after the target's next slot | keeps it; the next call writes over them |
/// | 4. one transaction: index rows, runs and dead slots of the target's generation, the target's next slot | staged rows | keeps them |
/// | 5. 3 and 4 are repeated, round by round, until all rows are staged | the same | keeps them |
/// | 6. **one transaction**: generation, file, dimension, next slot and model; `committed`; no row in `reembedding` | both files | drops the source |
/// | 7. the source is unlinked | the source's index rows | they go later |
/// | 8. those are removed, the journal says `finished` | nothing | |
///
/// A write of any process that deletes or replaces a row, or changes its metadata, removes the row from the staged rows
/// in its own transaction: ``RowWriter``. So every staged row is live, and its vector was made of what the row holds.
/// While rows are staged, the store isn't rewritten: the target's generation stays the newest.
struct Reembedding {
    let maintenance: Maintenance
    let dimension: Int
    let model: EmbeddingModel?
    /// The model that the handle's readers expect.
    let expected: ExpectedModel

    /// The facts that the first commit has fixed.
    struct Start {
        let journal: Int64
        var staged: StagedReembedding
        /// `PRAGMA data_version` when this call began. If it changes, another program has written to the index.
        let foreignVersion: Int64
    }

    func run(_ embed: ([ReembeddedRow]) throws -> [[Float]]) throws -> ReembeddingReport {
        let began = ContinuousClock.now
        let source = try maintenance.openCurrentFile()
        let before = try source.status()
        let (start, target) = try begin(source)
        var rounds = ReembeddingRounds(maintenance, start, expected, from: source, to: target)
        let record = try rounds.run(embed)
        try maintenance.finish(start.journal, consume source, target)
        let after = try target.status()
        return ReembeddingReport(
            rows: Int(record.liveRows),
            resumedRows: Int(start.staged.liveRows),
            dimension: record.dimension,
            model: model,
            generation: record.generation,
            isOwnerKept: after.owner == before.owner && after.group == before.group,
            duration: ContinuousClock.now - began,
            longestWriterPause: maintenance.longestTurn
        )
    }

    private func begin(_ source: DataFile) throws -> (Start, DataFile) {
        if let start = try resumed() { return (start, try open(start.staged)) }
        try maintenance.removeStaleRows()
        let model = try source.status()
        var start = try began(model)
        do {
            let header = DataFileHeader(store: source.header.store, generation: 0, start.staged.layout)
            let target = try maintenance.createTarget(&start.staged.generation, start.journal, header, like: model)
            return (start, target)
        } catch {
            // The name in the journal may be that of somebody else's file, so no file is removed.
            let reason = Maintenance.journalText(error)
            _ = try? maintenance.turn { try Self.abort($0, reason) }
            throw error
        }
    }

    /// Nil if no re-embedding was begun before.
    private func resumed() throws -> Start? {
        try maintenance.turn { session -> Start? in
            let index = session.index
            guard let staged = try index.reembedding(index.record()) else { return nil }
            guard staged.layout.dimension == dimension && staged.model == model else {
                throw VectorStoreError(
                    .busy,
                    """
                    a re-embedding to the dimension \(staged.layout.dimension)\
                    \(staged.model.map { " by the model \($0)" } ?? "") was begun, and not ended
                    """,
                    remedy: "go on with that one, or drop what it has done with \(.abortReembedding)"
                )
            }
            let entry = try index.journal().last { $0.targetGeneration == staged.generation }
            guard let entry, entry.state == .embedding else {
                throw VectorStoreError.damaged("the compaction journal has no entry for the re-embedding under way")
            }
            return Start(
                journal: entry.id,
                staged: staged,
                foreignVersion: try index.pragma("data_version")
            )
        }
    }

    private func began(_ before: FileStatus) throws -> Start {
        try maintenance.turn { session in
            let index = session.index
            let start = try session.commit { () throws(VectorStoreError) in
                let record = try index.record()
                var next = record
                let staged = StagedReembedding(
                    generation: next.takeGeneration(),
                    layout: RowLayout(dimension: dimension, element: record.layout.element),
                    model: model
                )
                let start = JournalStart(
                    strategy: .reembed,
                    source: record,
                    targetGeneration: staged.generation,
                    allocatedBefore: before.allocated
                )
                let journal = try index.beginJournal(start)
                try index.begin(staged)
                try index.update(next)
                return Start(
                    journal: journal,
                    staged: staged,
                    foreignVersion: try index.pragma("data_version")
                )
            }
            session.staging.begin(reembedding: start.staged.generation)
            return start
        }
    }

    /// Opens the target of an earlier call.
    private func open(_ staged: StagedReembedding) throws -> DataFile {
        let target: DataFile
        let directory = maintenance.paths.directory
        do throws(DataFile.Unusable) {
            target = try DataFile.open(staged.dataFile, in: directory, .readWrite, maintenance.fileSystem)
        } catch { throw error.asError(staged.dataFile) }
        let size = try target.status().size
        guard target.header.layout == staged.layout, target.header.generation == staged.generation,
            size >= staged.layout.offset(staged.nextSlot)
        else { throw VectorStoreError.moved(directory, staged.dataFile) }
        return target
    }

    /// Ends the re-embedding that was begun, if there is one, and returns whether there was. Its file and its index rows
    /// wait to be removed: the journal says that they are of no use.
    static func abort(_ session: WriteSession, _ reason: String) throws(VectorStoreError) -> Bool {
        let index = session.index
        guard try index.reembeddingGeneration() != nil else { return false }
        try session.commit { () throws(VectorStoreError) in
            for entry in try index.journal() where entry.state == .embedding {
                try index.endJournal(entry.id, allocatedAfter: nil, error: reason)
            }
            try index.endReembedding()
        }
        session.staging.end()
        return true
    }
}
