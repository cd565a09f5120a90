/// A row that gets a new vector.
struct ReembeddedRow {
    let id: SQLValue
    let metadata: String?
    let vector: [Float]
    /// The slot of the vector in the current file.
    let slot: Slot
}

/// Stages new vectors until all rows have one, and makes the commit that makes them current.
struct ReembeddingRounds {
    private let maintenance: Maintenance
    private let start: Reembedding.Start
    private let expected: ExpectedModel
    private let source: DataFile
    private let target: DataFile
    /// The target's next slot.
    private var nextSlot: Slot
    /// The number of rows by which the store's counter is too high, because another program has deleted them.
    private var drift: Int64 = 0
    private var isVerified = false

    /// Rounds after the first, each of which embeds what was written during the one before.
    private static let mostRounds = 64
    /// The number of index rows that one statement looks at.
    private static let scannedRows = 16_000
    /// After more new rows than this, a round looks at all rows.
    private static let mostAppended = 100_000

    init(
        _ maintenance: Maintenance,
        _ start: Reembedding.Start,
        _ expected: ExpectedModel,
        from source: DataFile,
        to target: DataFile
    ) {
        self.maintenance = maintenance
        self.expected = expected
        self.start = start
        self.source = source
        self.target = target
        nextSlot = start.staged.nextSlot
    }

    private var generation: Int64 { start.staged.generation }
    private var index: StoreIndex { maintenance.index }
    private var batchRows: Int { maintenance.limits.rowsPerTurn(max(source.stride, target.stride)) }

    /// Returns the record of the new state.
    ///
    /// - Throws: `busy` if rows are still written faster than they are embedded after the last round.
    mutating func run(_ embed: ([ReembeddedRow]) throws -> [[Float]]) throws -> StoreRecord {
        var known = try index.record()
        try embedAll(embed)
        for _ in 0..<Self.mostRounds {
            if let record = try switchOver() { return record }
            let now = try index.record()
            if now.commitSequence == known.commitSequence {
                try findDrift(now)
            } else {
                try embedChanges(since: known, now, embed)
            }
            known = now
        }
        throw VectorStoreError(
            .busy,
            "rows are written faster than they are embedded; what was embedded so far is kept",
            remedy: "go on with \(.reembed) when less is written"
        )
    }

    // MARK: Rounds

    /// Embeds all rows that aren't staged, in id order.
    private mutating func embedAll(_ embed: ([ReembeddedRow]) throws -> [[Float]]) throws {
        var last: SQLValue?
        while true {
            try maintenance.check()
            let source = try index.record().generation
            guard let end = try index.id(Self.scannedRows, after: last, below: Slot(Slot.most), source) else { return }
            let ids = try index.unstagedIDs(source, generation, after: last, through: end, limit: batchRows)
            try self.embed(ids, embed)
            last = ids.count == batchRows ? ids.last : end
        }
    }

    /// Embeds the rows that were put between two states, or whose metadata were changed.
    private mutating func embedChanges(
        since known: StoreRecord,
        _ now: StoreRecord,
        _ embed: ([ReembeddedRow]) throws -> [[Float]]
    ) throws {
        if now.nextSlot < known.nextSlot { throw VectorStoreError.foreignWriter }
        let edited = try maintenance.turn {
            $0.metadataChanges.ids(after: known.commitSequence, through: now.commitSequence)
        }
        guard let edited, known.nextSlot.distance(to: now.nextSlot) <= Self.mostAppended else {
            return try embedAll(embed)
        }
        let appended = try index.liveRows(in: known.nextSlot..<now.nextSlot, now.generation, now.codec)
        var rest = (appended.map(\.id) + edited)[...]
        while !rest.isEmpty {
            try self.embed(Array(rest.prefix(batchRows)), embed)
            rest = rest.dropFirst(batchRows)
        }
    }

    /// Embeds and stages those of some rows that are live and not staged.
    private mutating func embed(_ ids: [SQLValue], _ embed: ([ReembeddedRow]) throws -> [[Float]]) throws {
        let rows = try read(ids)
        if rows.isEmpty { return }
        let vectors: [[Float]]
        do { vectors = try embed(rows) } catch { throw CallersError(error: error) }
        let bytes = try encoded(vectors, of: rows)
        let end = target.layout.offset(nextSlot.advanced(by: rows.count))
        if try target.status().size < end {
            try target.extend(to: Preallocation.length(rowsEnd: end, stride: target.stride))
        }
        try unsafe bytes.span.bytes.withUnsafeBytes { bytes throws(VectorStoreError) in
            try unsafe target.write(bytes, at: target.layout.offset(nextSlot))
        }
        if !PlantedBug.newVectorsNotSynced.isPlanted { try target.sync() }
        let checksums = unsafe bytes.span.bytes.withUnsafeBytes { unsafe target.checksums(of: $0) }
        let staged = try stage(rows, zip(rows, checksums).map { $0.id.checksum(continuing: Checksum(value: $1)) })
        nextSlot = staged.nextSlot
        try maintenance.advance(
            Int(staged.liveRows),
            of: Int(try index.record().liveRows),
            bytes: bytes.count
        )
    }

    /// Reads rows in one state, and checks them against their checksums.
    private func read(_ ids: [SQLValue]) throws -> [ReembeddedRow] {
        try index.connection.snapshot { () throws(VectorStoreError) in
            let record = try index.record()
            let runs = RunReader(index, record)
            var rows: [ReembeddedRow] = []
            var bad: [String] = []
            for id in ids {
                guard let slot = try index.slot(of: id, record.generation),
                    try index.slot(of: id, generation) == nil
                else { continue }
                guard slot >= Slot(0), slot < record.nextSlot else {
                    throw .damaged("id \(id.idText) names a row outside of the data file", ids: [id.idText])
                }
                let (vector, checksum) = try source.readRow(slot)
                if try runs.checksum(of: id, in: slot) != id.checksum(continuing: checksum) { bad.append(id.idText) }
                rows.append(ReembeddedRow(id: id, metadata: try index.metadata(of: id), vector: vector, slot: slot))
            }
            if !bad.isEmpty { throw .mismatched(bad) }
            return rows
        }
    }

    /// The bytes of the new rows.
    private func encoded(_ vectors: [[Float]], of rows: [ReembeddedRow]) throws(VectorStoreError) -> [UInt8] {
        guard vectors.count == rows.count else {
            throw VectorStoreError(
                .invalidVector,
                "\(vectors.count) new vectors were returned for \(rows.count) rows",
                remedy: "return one for each row, in their order"
            )
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * Int(target.stride))
        for (row, vector) in zip(rows, vectors) {
            if vector.count != target.layout.dimension {
                throw VectorStoreError(
                    .invalidVector,
                    """
                    the new vector of id \(row.id.idText) has \(vector.count) components, and the new dimension is \
                    \(target.layout.dimension)
                    """,
                    remedy: "return vectors of that dimension",
                    ids: [row.id.idText]
                )
            }
            try RowWriter.check(vector.span, row.id, target.layout)
            if let component = target.layout.element.append(vector.span, to: &bytes) {
                throw RowWriter.refusal(of: component, vector[component], row.id, target.layout)
            }
        }
        return bytes
    }

    /// Puts the rows that lie in the target from its next slot on into the index, except those that have changed since
    /// they were read: their slots are dead.
    private func stage(_ rows: [ReembeddedRow], _ checksums: [UInt32]) throws -> StagedReembedding {
        try maintenance.turn { session in
            try session.log.limit()
            let index = session.index
            return try session.commit { () throws(VectorStoreError) in
                let record = try index.record()
                guard var staged = try index.reembedding(record), staged.generation == generation,
                    staged.nextSlot == nextSlot
                else { throw .foreignWriter }
                let last = try index.lastRun(generation, before: nextSlot)
                var run = last?.end == nextSlot ? last ?? PendingRun(at: nextSlot) : PendingRun(at: nextSlot)
                var dead: [Slot] = []
                for (row, checksum) in zip(rows, checksums) {
                    let slot = staged.nextSlot
                    if !run.append(row.id, checksum, record.codec) {
                        try index.write(run, generation)
                        run = PendingRun(at: slot)
                        _ = run.append(row.id, checksum, record.codec)
                    }
                    if try isUnchanged(row, index, record), try index.insert(row.id, slot, generation) {
                        staged.liveRows += 1
                    } else {
                        dead.append(slot)
                    }
                    staged.nextSlot = slot.advanced(by: 1)
                }
                try index.write(run, generation)
                try index.changeDead(adding: dead, generation, index.sequence(after: record))
                try index.update(staged)
                let bytes = Int64(rows.count) * target.stride
                try index.addToJournal(start.journal, rowsMoved: rows.count, bytesWritten: bytes)
                return staged
            }
        }
    }

    /// Whether the row has the vector and the metadata of which its new vector was made.
    private func isUnchanged(
        _ row: ReembeddedRow,
        _ index: StoreIndex,
        _ record: StoreRecord
    ) throws(VectorStoreError) -> Bool {
        if try index.slot(of: row.id, record.generation) != row.slot { return false }
        let now = try index.metadata(of: row.id)
        guard let now, let before = row.metadata else { return now == nil && row.metadata == nil }
        return now.utf8.elementsEqual(before.utf8)
    }

    // MARK: The end

    /// Called if rows seem to lack new vectors, and nothing was written that could have changed that: then another
    /// program has deleted rows, which the store counts, or the index is damaged.
    private mutating func findDrift(_ record: StoreRecord) throws {
        let (_, drift) = try LiveBitmap.loadChecked(index, record)
        if drift == self.drift {
            throw VectorStoreError.damaged(
                "the re-embedding counts other rows than the index has",
                remedy: "drop what the re-embedding has done with \(.abortReembedding), and begin anew"
            )
        }
        self.drift = drift
    }

    /// Makes the staged rows current if no row is without one; otherwise returns nil.
    private mutating func switchOver() throws -> StoreRecord? {
        let record = try index.record()
        guard let staged = try index.reembedding(record), isComplete(staged, record) else { return nil }
        if !isVerified {
            try verify()
            isVerified = true
        }
        let attempt = try maintenance.turn { session -> Result<StoreRecord?, VectorStoreError> in
            // From the commit on, the target is the only copy of the rows, and must have its name.
            do throws(VectorStoreError) { try session.identity.check(target) } catch { return .failure(error) }
            expected.expect(start.staged.model, from: generation)
            var next: StoreRecord?
            defer { if next == nil { expected.forget(generation) } }
            next = try session.commit { () throws(VectorStoreError) -> StoreRecord? in try switchOver(session) }
            guard let next else { return .success(nil) }
            session.files.advance(to: target)
            session.staging.end()
            session.hub.note(next.commitSequence + 1, nil)
            return .success(next)
        }
        return try attempt.get()
    }

    private func isComplete(_ staged: StagedReembedding, _ record: StoreRecord) -> Bool {
        staged.liveRows == record.liveRows - drift
    }

    private func switchOver(_ session: WriteSession) throws(VectorStoreError) -> StoreRecord? {
        let index = session.index
        try session.checkNoForeignWriter(since: start.foreignVersion)
        let record = try index.record()
        guard let staged = try index.reembedding(record), isComplete(staged, record) else { return nil }
        let next = staged.successor(of: record)
        if try index.codes(record.generation) != nil { _ = try index.addCodes(next.generation) }
        try index.update(next)
        try index.setModel(staged.model)
        try index.endReembedding()
        try index.commitJournal(start.journal, rowsMoved: next.nextSlot.number, bytesWritten: next.rowsEnd)
        return next
    }

    /// Compares the staged rows with the store's, in one state: before the old file is given up, nothing is taken on
    /// trust that was staged by earlier calls.
    private func verify() throws(VectorStoreError) {
        let (record, staged, live, stray, dead) = try index.connection.snapshot { () throws(VectorStoreError) in
            let record = try index.record()
            guard let staged = try index.reembedding(record) else { throw .foreignWriter }
            _ = try LiveBitmap.loadChecked(index, record)
            let live = try LiveBitmap.load(index, staged.successor(of: record))
            return (
                record, staged, live, try index.strayStagedIDs(record.generation, generation),
                try index.deadSlots(generation)
            )
        }
        let isSound =
            Int64(live.liveCount) == staged.liveRows && dead.count == live.slots.number - live.liveCount
            && !live.slots(in: Slot(0)..<live.slots).contains { dead.contains($0) }
        if stray.isEmpty && isSound && staged.liveRows <= record.liveRows { return }
        throw .damaged(
            stray.isEmpty
                ? "the index's tables contradict each other in the rows of the re-embedding"
                : "the re-embedding has rows of the ids \(VectorStoreError.list(stray.map(\.idText))), which the store lacks",
            remedy: "drop what the re-embedding has done with \(.abortReembedding), and begin anew",
            ids: stray.map(\.idText)
        )
    }
}
