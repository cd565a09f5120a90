/// The moves of a compaction in place, up to the commit that lowers the next slot.
struct InPlaceMoves {
    private let maintenance: Maintenance
    private let start: Maintenance.Start
    private let file: DataFile
    private let live: LiveBitmap
    /// In the end all rows lie below this slot, except for rows appended meanwhile, which follow it.
    private let packedEnd: Slot
    /// The slot after the last one when this began, or after the last cut. All rows between `top` and this slot were
    /// moved away.
    private var end: Slot
    private var top: Slot
    /// All gaps below this slot are used.
    private var nextGap = Slot(0)
    /// All rows that writers have appended below this slot were moved.
    private var caughtUp: Slot
    /// The slot to which the next appended row is moved.
    private var nextFree: Slot
    private(set) var movedRows = 0
    private(set) var writtenBytes: Int64 = 0
    /// The bytes written since progress was last reported.
    private var unpacedBytes = 0
    /// The number of rows in a batch, which is one commit, so that a batch that fails has used none of its gaps. It
    /// gets smaller after a full disk.
    private var batchRows: Int
    /// Whether some of the slots below `packedEnd` have no blocks because they were punched.
    private let hasHoles: Bool

    /// The number of rows of the tail whose ids are in memory at a time.
    private static let partRows = 100_000

    init(
        _ maintenance: Maintenance,
        _ start: Maintenance.Start,
        _ file: DataFile,
        moving: Bool
    ) throws {
        self.maintenance = maintenance
        self.start = start
        self.file = file
        live = try LiveBitmap.loadChecked(maintenance.index, start.record).live
        packedEnd = moving ? Slot(live.liveCount) : live.end
        nextFree = packedEnd
        end = live.slots
        caughtUp = live.slots
        top = live.end
        batchRows = maintenance.limits.rowsPerTurn(file.stride)
        let places = file.layout.offsets(Slot(0)..<packedEnd)
        hasHoles = file.dataBytes(in: places) < places.count
    }

    private var generation: Int64 { start.record.generation }
    private var codec: RunCodec { start.record.codec }

    /// The number of rows that must move at least: the live rows beyond `packedEnd`.
    private var total: Int { live.liveCount - live.rank(packedEnd) }

    mutating func run() throws {
        // The rows in the gaps died before this began. After the drain, no reader sees a state in which they were live.
        try maintenance.drainReaders(before: "used again")
        while top > packedEnd { try moveEndRows() }
        try catchUp()
    }

    // MARK: The tail into the gaps

    /// Moves the topmost part of the tail.
    private mutating func moveEndRows() throws {
        let part = start(ofLast: Self.partRows, below: top)..<top
        var rows = try maintenance.index.rows(live.slots(in: part), in: part, generation, codec)
        while !rows.isEmpty {
            do {
                let batch = rows.suffix(batchRows)
                let gaps = try gaps(batch.count)
                try move(Array(batch), to: gaps)
                nextGap = gaps.last?.advanced(by: 1) ?? nextGap
                rows.removeLast(batch.count)
                top = rows.last?.slot.advanced(by: 1) ?? part.lowerBound
            } catch let error as VectorStoreError where error.code == .diskFull {
                try makeRoom(or: error)
                continue
            }
            // This comes after the batch was counted: its error must not look as if nothing had been moved.
            try advance()
        }
        top = part.lowerBound
    }

    /// The lowest slot, from `packedEnd` on, such that at most `count` live rows lie from there to `top`.
    private func start(ofLast count: Int, below top: Slot) -> Slot {
        let rows = live.rank(top)
        let slots = packedEnd.number..<top.number
        return Slot(slots.partitioningIndex { rows - live.rank(Slot($0)) <= count })
    }

    /// The next gaps. There are as many below `packedEnd` as live rows beyond it, and each row takes one.
    private func gaps(_ count: Int) throws(VectorStoreError) -> [Slot] {
        var gaps: [Slot] = []
        gaps.reserveCapacity(count)
        var slot = nextGap
        while gaps.count < count {
            slot = live.first(from: slot, live: false)
            guard slot < packedEnd else { throw .foreignWriter }
            gaps.append(slot)
            slot = slot.advanced(by: 1)
        }
        return gaps
    }

    /// Copies rows, and commits that they have moved. If a row has died or moved meanwhile, its gap stays a gap.
    private mutating func move(_ rows: [LiveRow], to places: [Slot]) throws {
        try copy(rows, to: places)
        if !PlantedBug.movesNotSynced.isPlanted { try maintenance.failing { try file.sync() } }
        movedRows += try maintenance.turn { session in
            try session.log.limit()
            return try session.commit { () throws(VectorStoreError) in try commit(rows, to: places, session) }
        }
        unpacedBytes += rows.count * Int(file.stride)
    }

    private mutating func advance() throws {
        defer { unpacedBytes = 0 }
        try maintenance.advance(movedRows, of: max(total, movedRows), bytes: unpacedBytes)
    }

    private mutating func copy(_ rows: [LiveRow], to places: [Slot]) throws(VectorStoreError) {
        invariant(rows.count == places.count, "each row has a place")
        invariant(zip(rows, places).allSatisfy { $1 < $0.slot }, "rows move towards the beginning")
        invariant(zip(places, places.dropFirst()).allSatisfy(<), "no two rows move to one place")
        invariant(places.allSatisfy { $0 >= packedEnd || !live[$0] }, "no row moves over a live one")
        // A full disk fails here, before a byte is written.
        if hasHoles {
            for place in places { try file.fillHole(file.layout.offsets(place..<place.advanced(by: 1))) }
        }
        let copier = RowCopier(
            source: file,
            target: file,
            batchBytes: maintenance.limits.bytes,
            writeFailed: maintenance.noteFailure
        )
        try copier.copy(rows, to: places)
        writtenBytes += Int64(rows.count) * file.stride
    }

    private func commit(
        _ rows: [LiveRow],
        to places: [Slot],
        _ session: WriteSession
    ) throws(VectorStoreError) -> Int {
        try session.checkNoForeignWriter(since: start.foreignVersion)
        let index = session.index
        var record = try index.record()
        var moved: [LiveRow] = []
        var left: [Slot] = []
        if let highest = places.last, highest >= record.nextSlot {
            throw .damaged("the next slot in the index's table `store` lies before rows")
        }
        if let lowest = places.first { try session.log.mark.lower(to: lowest, record) }
        for (row, place) in zip(rows, places) where try index.move(row, to: place, generation) {
            moved.append(LiveRow(id: row.id, slot: place, checksum: row.checksum))
            left.append(row.slot)
        }
        let sequence = index.sequence(after: record)
        try index.replaceEntries(moved, generation, codec)
        try index.changeDead(adding: left, removing: moved.map(\.slot), generation, sequence)
        if !moved.isEmpty { try index.giveUpCoveringFiles(generation) }
        if !moved.isEmpty && !PlantedBug.moveNotAnnounced.isPlanted { record.moved = sequence }
        if PlantedBug.offsetFallsEarly.isPlanted { record.nextSlot = packedEnd }
        try index.update(record)
        try index.addToJournal(
            start.journal,
            rowsMoved: moved.count,
            bytesWritten: Int64(rows.count) * file.stride
        )
        return moved.count
    }

    /// Called on a full disk. Gives back the blocks that the failed batch had reserved, and cuts off the end of the
    /// file that is free by now. If that can't be done, batches become smaller; in the end the reserve is used.
    private mutating func makeRoom(or error: VectorStoreError) throws {
        if hasHoles { try punchUnusedGaps() }
        if try cutSoFar() { return }
        if batchRows > 1 {
            batchRows /= 2
        } else if try !maintenance.turn({ try $0.giveBackTail() }) {
            throw error
        }
    }

    private func punchUnusedGaps() throws {
        let blockSize = try file.status().blockSize
        try live.forEachStretch(live: false) { run in
            let unused = run.clamped(to: nextGap..<packedEnd)
            if let blocks = file.blocks(inside: unused, blockSize: blockSize) { _ = try file.punchHole(blocks) }
        }
    }

    private mutating func cutSoFar() throws -> Bool {
        // If rows were appended meanwhile, the file can't be cut: they lie where it would be cut.
        if try top == end || maintenance.index.record().nextSlot > end { return false }
        try checkNothingIsLeft(in: top..<end)
        do { return try cut(at: top, appending: 0) } catch let error as VectorStoreError
            where error.code == .diskFull || error.code == .busy
        {
            return false
        }
    }

    // MARK: Rows appended meanwhile

    /// Moves rows that writers append to the slots from `packedEnd` on, until so few are left that writers can wait for
    /// them; then lowers the next slot. If writers have appended more rows than were dead, nothing can be cut off.
    private mutating func catchUp() throws {
        let deadline = ContinuousClock.now + .seconds(maintenance.limits.drainSeconds)
        var limit = maintenance.limits.rowsPerTurn(file.stride)
        var backlog = Int.max
        while true {
            try maintenance.check()
            // No reader may see the old places of rows any more, nor the state that the last attempt to cut found in
            // use.
            try maintenance.drainReaders(before: "cut off")
            let few = max(1, limit / 4)
            let next = try Maintenance.slots(from: caughtUp, maintenance.index).upperBound
            let slots = caughtUp..<min(next, caughtUp.advanced(by: limit))
            let rows = try maintenance.index.liveRows(in: slots, generation, codec)
            if nextFree.advanced(by: rows.count) > end {
                throw VectorStoreError(
                    .busy,
                    "meanwhile more rows were written than were dead; the rows that were moved stay moved"
                )
            }
            if caughtUp.distance(to: next) <= few {
                try checkNothingIsLeft(in: nextFree..<next, but: rows)
                if try cut(at: nextFree, appending: few) { return }
                if ContinuousClock.now >= deadline {
                    throw VectorStoreError(
                        .busy,
                        "all rows were moved, but readers or writers left no moment to cut the file"
                    )
                }
            } else {
                let places = (nextFree.number..<nextFree.number + rows.count).map(Slot.init)
                nextFree = nextFree.advanced(by: rows.count)
                caughtUp = slots.upperBound
                try move(rows, to: places)
                try advance()
                let rest = caughtUp.distance(to: try maintenance.index.record().nextSlot)
                limit = maintenance.nextLimit(limit, rest: rest, &backlog, stride: file.stride)
            }
        }
    }

    /// The cut relies on this check: the table `vectors`, which alone is trusted before bytes are destroyed, must name
    /// no row in these slots except `few`, which are moved with the cut. Takes O(rows) time and no lock: nobody puts a
    /// row there meanwhile.
    private func checkNothingIsLeft(in slots: Range<Slot>, but few: [LiveRow] = []) throws {
        let left = try maintenance.index.ids(in: slots, generation).map(\.idText)
        let known = Set(few.map(\.id.idText))
        let strays = left.filter { !known.contains($0) }
        if strays.isEmpty { return }
        throw VectorStoreError.damaged(
            "the rows of \(VectorStoreError.list(strays)) lie in slots that should hold none",
            ids: strays
        )
    }

    /// The rows of some slots according to the table `vectors`; the runs only say for which ids to look.
    ///
    /// - Throws: `damaged` if no run describes one of the slots.
    private func namedRows(in slots: Range<Slot>, _ index: StoreIndex) throws(VectorStoreError) -> [LiveRow] {
        var named: [LiveRow] = []
        for row in try index.rows(slots, in: slots, generation, codec) {
            if try index.slot(of: row.id, generation) == row.slot { named.append(row) }
        }
        return named
    }

    /// Lowers the next slot, in one turn. Before that, the last few appended rows are moved to `slot` and the slots
    /// after it, and readers that may see them in their old places are drained. Returns false if more than `limit` rows
    /// were appended, or if a reader is in the way.
    private mutating func cut(at slot: Slot, appending limit: Int) throws -> Bool {
        if limit == 0 { try maintenance.drainReaders(before: "cut off") }
        return try maintenance.turn { session in
            let index = session.index
            let appended = try Maintenance.slots(from: caughtUp, index)
            guard appended.count <= limit else { return false }
            let rows = try namedRows(in: appended, index)
            let lowered = slot.advanced(by: rows.count)
            guard lowered <= end else { return false }
            let places = (slot.number..<lowered.number).map(Slot.init)
            if !rows.isEmpty {
                try copy(rows, to: places)
                if !PlantedBug.movesNotSynced.isPlanted { try file.sync() }
            }
            let moved = try session.commit { () throws(VectorStoreError) in
                let moved = try commit(rows, to: places, session)
                try Maintenance.nextEpoch(index)
                return moved
            }
            movedRows += moved
            if limit > 0 {
                nextFree = lowered
                caughtUp = appended.upperBound
            }
            guard try maintenance.isEpochBeforeDrained(index) else { return false }
            if PlantedBug.truncateBeforeCommit.isPlanted { try file.truncate(to: file.layout.offset(lowered)) }
            try session.commit { () throws(VectorStoreError) in try lowerNextSlot(to: lowered, session) }
            end = lowered
            if limit == 0 {
                caughtUp = lowered
                try session.currentFile().truncate(to: file.layout.offset(lowered))
            }
            return true
        }
    }

    private func lowerNextSlot(to slot: Slot, _ session: WriteSession) throws(VectorStoreError) {
        let index = session.index
        var record = try index.record()
        try session.log.mark.lower(to: slot, record)
        record.nextSlot = slot
        record.moved = index.sequence(after: record)
        // Derived files may cover slots that will be given to other rows.
        try index.giveUpCoveringFiles(generation)
        try index.cutRuns(at: slot, generation, codec)
        try index.cutDead(at: slot, generation, record.moved)
        try index.update(record)
    }
}
