/// The rows' way into a rewrite's target, up to the commit that makes it the data file.
struct RewriteCopy {
    private let maintenance: Maintenance
    private let start: Rewrite.Start
    private let source: DataFile
    private let target: DataFile
    private let live: LiveBitmap
    /// By how many rows that another program deleted the store's counter is too high.
    private let drift: Int64
    /// Rows written to the target, those among them that have died since.
    private var copied = 0

    /// Batches that the disk is busy with while the next one is copied.
    private static let batchesUnderWay = 4

    struct Outcome {
        let liveRows: Int
        let copiedRows: Int
    }

    /// Marks the live rows of the first round: those below the next offset that the first commit saw.
    init(
        _ maintenance: Maintenance,
        _ start: Rewrite.Start,
        from source: DataFile,
        to target: DataFile
    ) throws {
        self.maintenance = maintenance
        self.start = start
        self.source = source
        self.target = target
        (live, drift) = try LiveBitmap.loadChecked(maintenance.index, start.record, source)
    }

    mutating func run() throws -> Outcome {
        try stage(try copyFirstRound())
        return try catchUp()
    }

    private func syncTarget() throws(VectorStoreError) {
        if !PlantedBug.targetNotSynced.isPlanted { try target.sync() }
    }

    private var markedEnd: Int64 { start.record.nextOffset }

    // MARK: The first round

    /// Copies the marked rows without a lock: none of them moves, or is overwritten, while this runs.
    private mutating func copyFirstRound() throws -> RowChecksums {
        let length = target.offset(live.liveCount)
        do { try target.extend(to: length) } catch {
            guard error.code == .diskFull else { throw error }
            throw VectorStoreError(
                .diskFull,
                "a copy of the live rows needs \(length) bytes, which the disk doesn't have; free some disk space, or compact in place",
                cause: error
            )
        }
        let checksums = try RowChecksums()
        var written = target.offset(0)
        let unwritten = Int64(Self.batchesUnderWay * maintenance.limits.bytes)
        try unsafe source.forEachLiveBatch(live, batchBytes: maintenance.limits.bytes) { rows in
            let begin = target.offset(copied)
            try unsafe target.write(rows, at: begin)
            // Batch by batch: a writer's sync would wait for all that is left to the end.
            target.beginWriteback(begin..<begin + Int64(rows.count))
            let end = max(written, begin - unwritten)
            if end > written { try target.finishWriteback(written..<end) }
            written = end
            try checksums.append(unsafe target.checksums(of: rows))
            copied += rows.count / Int(target.stride)
            try maintenance.advance(copied, of: live.liveCount, bytes: rows.count)
        }
        try checksums.finish()
        return checksums
    }

    /// Stages the index rows of those that are still live, turn by turn in id order, each checked against the row that was
    /// copied for it.
    private func stage(_ checksums: RowChecksums) throws {
        var mismatches: [String] = []
        let relocated = IntegerFunction { [live, source, target, markedEnd] arguments in
            // Another program may have written to the index since the live rows were marked.
            guard let offset = arguments.integer(1), let checksum = arguments.integer(2),
                source.isRow(offset, below: markedEnd), live[source.slot(offset)]
            else {
                mismatches.append(arguments.idText(0))
                return target.offset(0)
            }
            let rank = live.rank(source.slot(offset))
            if !PlantedBug.checksumNotChecked.isPlanted,
                Int64(arguments.checksumOfID(0, continuing: checksums[rank])) != checksum
            {
                mismatches.append(arguments.idText(0))
            }
            return target.offset(rank)
        }
        try maintenance.turn { try $0.index.connection.define("relocated", arguments: 3, relocated) }
        defer { try? maintenance.turn { try $0.index.connection.define("relocated", arguments: 3, nil) } }
        var last: SQLValue?
        while let end = try stageBatch(after: last) {
            last = end
            if !mismatches.isEmpty { throw VectorStoreError.mismatched(mismatches) }
            try maintenance.check()
        }
    }

    /// The last id that it looked at; nil if there was none left.
    private func stageBatch(after last: SQLValue?) throws -> SQLValue? {
        let limit = maintenance.limits.rows
        return try maintenance.turn { session in
            try session.limitLog()
            let index = session.index
            let generation = start.record.generation
            guard let end = try index.id(limit, after: last, below: markedEnd, generation) else { return nil }
            session.staging.stagedRows += try session.commit { () throws(VectorStoreError) in
                if PlantedBug.stagedRowsVisible.isPlanted { try makeCurrent(index) }
                return try index.stage(
                    from: generation,
                    to: start.targetGeneration,
                    after: last,
                    through: end,
                    below: markedEnd
                )
            }
            return end
        }
    }

    /// Only ``PlantedBug/stagedRowsVisible``.
    private func makeCurrent(_ index: StoreIndex) throws(VectorStoreError) {
        var record = try index.record()
        record.generation = start.targetGeneration
        record.dataFile = StorePaths.dataFileName(generation: record.generation)
        try index.update(record)
    }

    // MARK: What was appended meanwhile

    /// Copies and stages what writers append, until so little is left that they can wait for it.
    private mutating func catchUp() throws -> Outcome {
        var limit = maintenance.limits.rowsPerTurn(target.stride)
        var backlog = Int.max
        while true {
            try maintenance.check()
            let few = max(1, limit / 4)
            // One more than is done at a time: whether few are left shows by it, whatever the limit.
            var rows = try maintenance.index.rows(StoreIndex.appendedGeneration, limit: limit + 1)
            if rows.count <= few {
                try syncTarget()
                if let result = try switchOver(limit: few) { return result }
            } else {
                rows = Array(rows.prefix(limit))
                let copies = try copy(rows)
                try maintenance.turn { session in
                    try session.limitLog()
                    session.staging.stagedRows += try session.commit { () throws(VectorStoreError) in
                        try stage(copies, session.index)
                    }
                }
                try maintenance.advance(copied, of: copied, bytes: rows.count * Int(target.stride))
                limit = try maintenance.nextLimit(limit, after: rows, &backlog, stride: target.stride)
            }
        }
    }

    /// Appends the rows to the target in the order that they have in the source; where each of them is now.
    private mutating func copy(_ rows: [LiveRow]) throws(VectorStoreError) -> [(row: LiveRow, offset: Int64)] {
        let rows = rows.sorted { $0.entry.offset < $1.entry.offset }
        let offsets = (copied..<copied + rows.count).map(target.offset)
        let end = target.offset(copied + rows.count)
        if try target.status().size < end {
            try target.extend(to: Preallocation.length(rowsEnd: end, stride: target.stride))
        }
        let copier = RowCopier(source: source, target: target, batchBytes: maintenance.limits.bytes)
        try copier.copy(rows, to: offsets)
        copied += rows.count
        return Array(zip(rows, offsets))
    }

    /// Stages those of the rows that are still where they were copied from; how many.
    private func stage(
        _ copies: [(row: LiveRow, offset: Int64)],
        _ index: StoreIndex
    ) throws(VectorStoreError) -> Int {
        var staged = 0
        for (row, offset) in copies where try index.take(row, from: StoreIndex.appendedGeneration) {
            let entry = RowEntry(offset: offset, checksum: row.entry.checksum)
            guard try index.insert(row.id, entry, start.targetGeneration) else {
                throw .damaged("the id \(row.id.idText) was staged twice", ids: [row.id.idText])
            }
            staged += 1
        }
        return staged
    }

    /// The commit point, with the last few rows in the same turn: from here on the target is the data file. Nil if more
    /// than `limit` rows were appended meanwhile.
    private mutating func switchOver(limit: Int) throws -> Outcome? {
        let attempt = try maintenance.turn { session -> Result<Outcome?, VectorStoreError> in
            let rows = try session.index.rows(StoreIndex.appendedGeneration, limit: limit + 1)
            if rows.count > limit { return .success(nil) }
            let copies: [(row: LiveRow, offset: Int64)]
            do throws(VectorStoreError) {
                copies = try copy(rows)
                try syncTarget()
                // From the commit on it is the only copy, by its name.
                try session.place.check(target)
            } catch {
                // The target is no part of the store yet: an error of it is none of the writer's.
                return .failure(error)
            }
            let copied = copied
            if PlantedBug.unlinkBeforeCommit.isPlanted { try? source.unlink() }
            let liveRows = try session.commit { () throws(VectorStoreError) in
                try switchOver(copies, copied, session)
            }
            session.files.advance(to: target)
            session.staging.end()
            return .success(Outcome(liveRows: liveRows, copiedRows: copied))
        }
        return try attempt.get()
    }

    private func switchOver(
        _ copies: [(row: LiveRow, offset: Int64)],
        _ copied: Int,
        _ session: WriteSession
    ) throws(VectorStoreError) -> Int {
        let index = session.index
        try session.checkNoForeignWriter()
        let staged = session.staging.stagedRows + (try stage(copies, index))
        var record = try index.record()
        guard Int64(staged) == record.liveRows - drift else {
            throw .damaged("\(staged) rows were staged for \(record.liveRows - drift) that live")
        }
        record.generation = start.targetGeneration
        record.dataFile = StorePaths.dataFileName(generation: record.generation)
        record.nextOffset = target.offset(copied)
        record.liveRows = Int64(staged)
        try index.update(record)
        try index.commitJournal(start.journal, rowsMoved: copied, bytesWritten: record.nextOffset)
        return staged
    }
}
