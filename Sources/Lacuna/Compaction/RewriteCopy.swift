/// Copies the rows into a rewrite's target, up to the commit that makes it the data file.
struct RewriteCopy {
    private let maintenance: Maintenance
    private let start: Rewrite.Start
    private let source: DataFile
    private let target: DataFile
    /// The slots from which rows are copied: those of the first round, which were live when the rewrite began, and then
    /// those of rows that were appended meanwhile.
    private var live: LiveBitmap
    /// The number of rows written to the target, also of those that have died since.
    private var copied = 0
    /// All rows that writers have appended to the source below this slot were copied.
    private var caughtUp: Slot
    /// The run of the target's last slots, which is not in the index yet.
    private var pending = PendingRun(at: Slot(0))
    /// The slots of the target whose rows had died before they could be staged.
    private var dead = SlotBits()
    /// The number of rows by which the store's counter is too high, because another program has deleted them.
    private var drift: Int64 = 0

    /// The number of batches that the disk may be writing while the next one is copied.
    private static let batchesUnderWay = 4

    struct Outcome {
        let liveRows: Int
        let copiedRows: Int
    }

    /// Finds the live rows of the first round: those below the next slot of the first commit.
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
        caughtUp = start.record.nextSlot
        let record = start.record
        let dead = try maintenance.index.deadSlots(record.generation)
        if Int64(dead.count) == record.deadRows {
            live = LiveBitmap(below: record.nextSlot, except: dead)
        } else {
            // Rows have died since the first commit, or the tables `vectors` and `dead` contradict each other.
            (live, drift) = try LiveBitmap.loadChecked(maintenance.index, record)
        }
    }

    mutating func run() throws -> Outcome {
        try stage(copyFirstRound())
        return try catchUp()
    }

    private func syncTarget() throws(VectorStoreError) {
        if !PlantedBug.targetNotSynced.isPlanted { try target.sync() }
    }

    private var generation: Int64 { start.record.generation }
    private var codec: RunCodec { start.record.codec }

    // MARK: The first round

    /// Copies the rows of the first round without a lock: none of them is moved or overwritten while this runs. Each is
    /// checked against its checksum.
    private mutating func copyFirstRound() throws -> RowFingerprint {
        let layout = target.layout
        let length = layout.offset(Slot(live.liveCount))
        do { try target.extend(to: length) } catch {
            guard error.code == .diskFull else { throw error }
            throw VectorStoreError(
                .diskFull,
                "a copy of the live rows needs \(length) bytes, which the disk doesn't have",
                remedy: "free some disk space, or compact in place with \(.compactInPlace)",
                cause: error
            )
        }
        var fingerprint = RowFingerprint()
        var runs: [PendingRun] = []
        var written = layout.offset(Slot(0))
        let unwritten = Int64(Self.batchesUnderWay * maintenance.limits.bytes)
        let scan = RowScan(index: maintenance.index, record: start.record, file: source, live: live)
        try unsafe scan.forEachBatch(bytes: maintenance.limits.bytes) { rows, checksums, bytes in
            let bad = zip(rows, checksums).filter { $0.checksum != $1 }
            if !bad.isEmpty && !PlantedBug.checksumNotChecked.isPlanted {
                throw VectorStoreError.mismatched(bad.map { $0.0.id.idText })
            }
            let begin = layout.offset(Slot(copied))
            try unsafe target.write(bytes, at: begin)
            // Each batch is handed to the disk at once: otherwise a writer's sync would wait for everything that is
            // left to the end.
            target.beginWriteback(begin..<begin + Int64(bytes.count))
            let end = max(written, begin - unwritten)
            if end > written { try target.finishWriteback(written..<end) }
            written = end
            for row in rows {
                fingerprint.add(row.id, row.slot)
                append(row, to: &runs)
            }
            copied += rows.count
            if runs.count >= Self.runsOfBatch { try write(&runs) }
            try maintenance.advance(copied, of: live.liveCount, bytes: bytes.count)
        }
        try write(&runs)
        return fingerprint
    }

    /// This many runs are about as much of the index as a turn of staging changes.
    private static let runsOfBatch = 200

    private mutating func append(_ row: LiveRow, to runs: inout [PendingRun]) {
        if pending.append(row.id, row.checksum, codec) { return }
        runs.append(pending)
        pending = PendingRun(at: pending.end)
        _ = pending.append(row.id, row.checksum, codec)
    }

    private func write(_ runs: inout [PendingRun]) throws {
        if runs.isEmpty { return }
        try maintenance.commitBatch { index throws(VectorStoreError) in
            for run in runs { try index.write(run, start.targetGeneration) }
        }
        runs.removeAll()
    }

    /// Stages the index rows of the copied rows that are still live, turn by turn in id order. Except for rows that
    /// have died meanwhile, these must be exactly the rows that the runs have described.
    private mutating func stage(_ copiedRows: RowFingerprint) throws {
        let staged = StagedRows(live)
        try maintenance.turn { try $0.index.connection.define("relocated", arguments: 2, staged.function) }
        defer { try? maintenance.turn { try $0.index.connection.define("relocated", arguments: 2, nil) } }
        var last: SQLValue?
        while let end = try stageBatch(after: last, staged) {
            last = end
            try staged.check()
            try maintenance.check()
        }
        try account(staged, copiedRows)
    }

    /// Returns the last id of the batch; nil if no id was left.
    private func stageBatch(after last: SQLValue?, _ staged: StagedRows) throws -> SQLValue? {
        let limit = maintenance.limits.rows
        return try maintenance.turn { session in
            try session.log.limit()
            let index = session.index
            guard let end = try index.id(limit, after: last, below: start.record.nextSlot, generation) else {
                return nil
            }
            staged.begin()
            session.staging.stagedRows += try session.commit { () throws(VectorStoreError) in
                staged.beginAgain()
                if PlantedBug.stagedRowsVisible.isPlanted { try makeCurrent(index) }
                return try index.stage(
                    from: generation,
                    to: start.targetGeneration,
                    after: last,
                    through: end,
                    below: start.record.nextSlot
                )
            }
            return end
        }
    }

    /// Used only by ``PlantedBug/stagedRowsVisible``.
    private func makeCurrent(_ index: StoreIndex) throws(VectorStoreError) {
        var record = try index.record()
        record.generation = start.targetGeneration
        record.dataFile = StorePaths.dataFileName(generation: record.generation, record.layout.element)
        try index.update(record)
    }

    /// Counts each row as dead that was copied and not staged: it has died meanwhile, or another program has deleted
    /// it. A damaged page of the index also hides rows, so if rows are missing, this looks for a damaged page, which is
    /// an error.
    private mutating func account(_ staged: StagedRows, _ copiedRows: RowFingerprint) throws {
        let runs = RunReader(maintenance.index, start.record)
        let died = try maintenance.turn { $0.staging.died }
        var gone = RowFingerprint()
        var missing = 0
        var rank = 0
        try live.forEachStretch(live: true) { slots throws(VectorStoreError) in
            for slot in slots {
                defer { rank += 1 }
                if staged.contains(rank: rank) { continue }
                dead.insert(Slot(rank))
                if !died.contains(slot) { missing += 1 }
                if let row = try runs.row(in: slot) { gone.add(row.id, slot) }
            }
        }
        if missing > 0, let what = try maintenance.index.firstBadPage() {
            throw VectorStoreError.damaged("\(missing) live rows can't be found in the index: \(what)")
        }
        drift += Int64(missing)
        if copiedRows != staged.fingerprint(and: gone) {
            throw try maintenance.index.contradiction(start.record, below: start.record.nextSlot)
        }
    }

    // MARK: Rows appended meanwhile

    /// Copies and stages rows that writers append, until so few are left that writers can wait for them.
    private mutating func catchUp() throws -> Outcome {
        var limit = maintenance.limits.rowsPerTurn(target.stride)
        var backlog = Int.max
        while true {
            try maintenance.check()
            let few = max(1, limit / 4)
            let end = try Maintenance.slots(from: caughtUp, maintenance.index).upperBound
            if caughtUp.distance(to: end) <= few {
                try syncTarget()
                if let result = try switchOver(limit: few) { return result }
            } else {
                let slots = caughtUp..<min(end, caughtUp.advanced(by: limit))
                let copies = try copy(slots, maintenance.index)
                try maintenance.turn { session in
                    try session.log.limit()
                    let before = (pending, dead)
                    session.staging.stagedRows += try session.commit { () throws(VectorStoreError) in
                        // On a full disk it is done twice.
                        (pending, dead) = before
                        return try stage(copies, session.index)
                    }
                }
                try maintenance.advance(copied, of: copied, bytes: copies.count * Int(target.stride))
                let rest = caughtUp.distance(to: try maintenance.index.record().nextSlot)
                limit = maintenance.nextLimit(limit, rest: rest, &backlog, stride: target.stride)
            }
        }
    }

    /// Appends the live rows of some slots to the target, in the order of their slots; returns each with its slot in
    /// the target.
    private mutating func copy(
        _ slots: Range<Slot>,
        _ index: StoreIndex
    ) throws(VectorStoreError) -> [(row: LiveRow, slot: Slot)] {
        let rows = try index.liveRows(in: slots, generation, codec)
        let places = (copied..<copied + rows.count).map(Slot.init)
        let end = target.layout.offset(Slot(copied + rows.count))
        if try target.status().size < end {
            try target.extend(to: Preallocation.length(rowsEnd: end, stride: target.stride))
        }
        let copier = RowCopier(source: source, target: target, batchBytes: maintenance.limits.bytes)
        try copier.copy(rows, to: places)
        copied += rows.count
        caughtUp = slots.upperBound
        live.extend(to: slots.upperBound)
        for row in rows { _ = live.insert(row.slot) }
        return Array(zip(rows, places))
    }

    /// Stages those rows that are still in the slots from which they were copied; returns their number.
    private mutating func stage(
        _ copies: [(row: LiveRow, slot: Slot)],
        _ index: StoreIndex
    ) throws(VectorStoreError) -> Int {
        var staged = 0
        var runs: [PendingRun] = []
        for (row, slot) in copies {
            append(row, to: &runs)
            guard try index.slot(of: row.id, generation) == row.slot else {
                dead.insert(slot)
                continue
            }
            guard try index.insert(row.id, slot, start.targetGeneration) else {
                throw .damaged("the id \(row.id.idText) was staged twice", ids: [row.id.idText])
            }
            staged += 1
        }
        for run in runs { try index.write(run, start.targetGeneration) }
        return staged
    }

    /// Copies the last few rows and makes the commit that makes the target the data file, in one turn. Returns nil if
    /// more than `limit` rows were appended meanwhile.
    private mutating func switchOver(limit: Int) throws -> Outcome? {
        let attempt = try maintenance.turn { session -> Result<Outcome?, VectorStoreError> in
            let appended = try Maintenance.slots(from: caughtUp, session.index)
            if appended.count > limit { return .success(nil) }
            let copies: [(row: LiveRow, slot: Slot)]
            do throws(VectorStoreError) {
                copies = try copy(appended, session.index)
                try syncTarget()
                // From the commit on, the target is the only copy of the rows, and must have its name.
                try session.identity.check(target)
            } catch {
                // The target isn't part of the store yet, so an error with it doesn't concern the writer.
                return .failure(error)
            }
            if PlantedBug.unlinkBeforeCommit.isPlanted { try? source.unlink() }
            let before = (pending, dead)
            live.finish()
            let liveRows = try session.commit { () throws(VectorStoreError) in
                // On a full disk it is done twice.
                (pending, dead) = before
                return try switchOver(copies, session)
            }
            session.files.advance(to: target)
            session.staging.end()
            return .success(Outcome(liveRows: liveRows, copiedRows: copied))
        }
        return try attempt.get()
    }

    private mutating func switchOver(
        _ copies: [(row: LiveRow, slot: Slot)],
        _ session: WriteSession
    ) throws(VectorStoreError) -> Int {
        let index = session.index
        try session.checkNoForeignWriter(since: start.begun.foreignVersion)
        let staged = session.staging.stagedRows + (try stage(copies, index))
        var record = try index.record()
        guard Int64(staged) == record.liveRows - drift else {
            throw .damaged("\(staged) rows were staged, and \(record.liveRows - drift) are live")
        }
        try index.write(pending, start.targetGeneration)
        var dead = dead
        dead.formUnion(session.staging.targetDied)
        try index.writeDead(dead, start.targetGeneration, index.sequence(after: record))
        record.generation = start.targetGeneration
        record.dataFile = StorePaths.dataFileName(generation: record.generation, record.layout.element)
        record.nextSlot = Slot(copied)
        record.liveRows = Int64(staged)
        if try index.codes(generation) != nil { _ = try index.addCodes(record.generation) }
        try index.update(record)
        try index.commitJournal(start.journal, rowsMoved: copied, bytesWritten: record.rowsEnd)
        index.changes?.note(RowChanges.Move(copied: live, file: target))
        return staged
    }
}
