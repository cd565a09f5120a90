/// The moves of a compaction in place, up to the commit that lowers the next offset.
struct InPlaceMoves {
    private let maintenance: Maintenance
    private let journal: Int64
    private let generation: Int64
    private let file: DataFile
    private let live: LiveBitmap
    /// Where rows end up: all of them below this slot, but for what is appended meanwhile, which follows it.
    private let floor: Int
    /// Where the rows begin that writers append; what lies between `top` and here has been moved away.
    private var end: Int
    private var top: Int
    /// Gaps below this slot are used.
    private var nextGap = 0
    /// Where the next appended row goes.
    private var nextFree: Int
    private(set) var movedRows = 0
    private(set) var writtenBytes: Int64 = 0
    /// Bytes written since progress was last told.
    private var unpacedBytes = 0
    /// Rows of a batch, which is one commit, so that one that fails has used none of its gaps; fewer after a full disk.
    private var batchRows: Int
    /// Whether some of the places where rows end up have no blocks of their own.
    private let hasHoles: Bool

    /// Rows of the tail whose ids are in memory at a time: each such part takes a walk through the index.
    private static let partRows = 100_000
    /// How long writers wait for readers that hold the state from before the last move.
    private static let lastDrainSeconds = 0.02

    init(
        _ maintenance: Maintenance,
        _ journal: Int64,
        _ record: StoreRecord,
        _ file: DataFile,
        moving: Bool
    ) throws {
        self.maintenance = maintenance
        self.journal = journal
        self.file = file
        generation = record.generation
        live = try LiveBitmap.loadChecked(maintenance.index, record, file).live
        floor = moving ? live.liveCount : live.end
        nextFree = floor
        end = live.slots
        top = live.end
        batchRows = maintenance.limits.rowsPerTurn(file.stride)
        let places = file.offset(0)..<file.offset(floor)
        hasHoles = file.dataBytes(in: places) < places.count
    }

    /// Rows that have to move at least: those beyond the place where the last of as many rows as there are would end.
    private var total: Int { live.liveCount - live.rank(floor) }

    mutating func run() throws {
        // The gaps hold rows that died before this began. From here on no reader sees a state in which they were alive.
        try maintenance.drainReaders(before: "used again")
        while top > floor { try moveTail() }
        try catchUp()
    }

    // MARK: The tail into the gaps

    /// Moves the topmost part of the tail.
    private mutating func moveTail() throws {
        let part = start(ofLast: Self.partRows, below: top)..<top
        var rows = try rows(in: part)
        rows.sort { $0.entry.offset < $1.entry.offset }
        while !rows.isEmpty {
            do {
                let batch = rows.suffix(batchRows)
                let gaps = try gaps(batch.count)
                try move(Array(batch), to: gaps.map(file.offset), isAppended: false)
                nextGap = (gaps.last ?? nextGap) + 1
                rows.removeLast(batch.count)
                top = rows.last.map { file.slot($0.entry.offset) + 1 } ?? part.lowerBound
            } catch let error as VectorStoreError where error.code == .diskFull {
                try makeRoom(or: error)
                continue
            }
            // Not before the batch is accounted for: what this throws must not look as if nothing had been moved.
            try advance()
        }
        top = part.lowerBound
    }

    /// The live rows of some slots, a bounded number a statement.
    private func rows(in slots: Range<Int>) throws(VectorStoreError) -> [LiveRow] {
        let offsets = file.offset(slots.lowerBound)..<file.offset(slots.upperBound)
        let limit = maintenance.limits.rows
        var rows: [LiveRow] = []
        while true {
            let batch = try maintenance.index.rows(generation, at: offsets, after: rows.last?.id, limit: limit)
            rows += batch
            if batch.count < limit { return rows }
        }
    }

    /// The lowest slot, but none below the floor, from which on `count` live rows at most lie below `top`.
    private func start(ofLast count: Int, below top: Int) -> Int {
        let rows = live.rank(top)
        return (floor..<top).partitioningIndex { rows - live.rank($0) <= count }
    }

    /// The next gaps. There are as many below the floor as rows beyond it, and each row takes one.
    private func gaps(_ count: Int) throws(VectorStoreError) -> [Int] {
        var gaps: [Int] = []
        gaps.reserveCapacity(count)
        var slot = nextGap
        while gaps.count < count {
            slot = live.first(from: slot, live: false)
            guard slot < floor else { throw .foreignWriter }
            gaps.append(slot)
            slot += 1
        }
        return gaps
    }

    /// Copies rows, and commits that they have moved; those that died or moved meanwhile leave a gap as it was.
    private mutating func move(_ rows: [LiveRow], to places: [Int64], isAppended: Bool) throws {
        try copy(rows, to: places)
        if !PlantedBug.movesNotSynced.isPlanted { try maintenance.failing { try file.sync() } }
        movedRows += try maintenance.turn { session in
            try session.limitLog()
            return try session.commit { () throws(VectorStoreError) in
                try commit(rows, to: places, isAppended, session)
            }
        }
        unpacedBytes += rows.count * Int(file.stride)
    }

    private mutating func advance() throws {
        defer { unpacedBytes = 0 }
        try maintenance.advance(movedRows, of: max(total, movedRows), bytes: unpacedBytes)
    }

    private mutating func copy(_ rows: [LiveRow], to places: [Int64]) throws(VectorStoreError) {
        // A full disk shows here, before a byte is written.
        if hasHoles { for place in places { try file.fillHole(place..<place + file.stride) } }
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
        to places: [Int64],
        _ isAppended: Bool,
        _ session: WriteSession
    ) throws(VectorStoreError) -> Int {
        try session.checkNoForeignWriter()
        let index = session.index
        if let lowest = places.first { try session.floor.lower(to: lowest, index.record()) }
        var moved = 0
        for (row, place) in zip(rows, places) where try index.move(row, to: place, generation) {
            if isAppended { _ = try index.take(row, from: StoreIndex.appendedGeneration) }
            moved += 1
        }
        var record = try index.record()
        if PlantedBug.offsetFallsEarly.isPlanted { record.nextOffset = file.offset(floor) }
        try index.update(record)
        try index.addToJournal(journal, rowsMoved: moved, bytesWritten: Int64(rows.count) * file.stride)
        return moved
    }

    /// On a full disk: gives back the blocks that the failed batch had reserved, and cuts off what was moved away so far; or
    /// goes on in smaller batches; or uses the reserve.
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
        try live.forEachRun(live: false) { run in
            let unused = run.clamped(to: nextGap..<floor)
            if let blocks = file.blocks(inside: unused, blockSize: blockSize) { _ = try file.punchHole(blocks) }
        }
    }

    private mutating func cutSoFar() throws -> Bool {
        if top == end { return false }
        do { return try cut(at: top, appending: 0) } catch let error as VectorStoreError
            where error.code == .diskFull || error.code == .busy
        {
            return false
        }
    }

    // MARK: What was appended meanwhile

    /// Moves what writers append to where the tail was, until so little is left that they can wait for it; then lowers the
    /// next offset. Where they have appended more than was gained, nothing is to be cut off.
    private mutating func catchUp() throws {
        try checkNothingIsLeft()
        let deadline = ContinuousClock.now + .seconds(maintenance.limits.drainSeconds)
        var limit = maintenance.limits.rowsPerTurn(file.stride)
        var backlog = Int.max
        while true {
            try maintenance.check()
            // Both what was moved away before, and the state that the last cut found in use, must be nobody's any more.
            try maintenance.drainReaders(before: "cut off")
            let few = max(1, limit / 4)
            // One more than is done at a time: whether few are left shows by it, whatever the limit.
            var rows = try maintenance.index.rows(StoreIndex.appendedGeneration, limit: limit + 1)
            if nextFree + rows.count > end {
                throw VectorStoreError(
                    .busy,
                    "more rows were written meanwhile than were dead; what was moved stays moved: try again later"
                )
            }
            if rows.count <= few {
                if try cut(at: nextFree, appending: few) { return }
                if ContinuousClock.now >= deadline {
                    throw VectorStoreError(
                        .busy,
                        "readers or writers left no moment to cut the file; all rows have moved: try again later"
                    )
                }
            } else {
                rows = rows.prefix(limit).sorted { $0.entry.offset < $1.entry.offset }
                let places = (nextFree..<nextFree + rows.count).map(file.offset)
                nextFree += rows.count
                try move(rows, to: places, isAppended: true)
                try advance()
                limit = try maintenance.nextLimit(limit, after: rows, &backlog, stride: file.stride)
            }
        }
    }

    /// That all rows have left the tail is what the cut relies on: looked at once more. Nobody puts a row there meanwhile.
    private func checkNothingIsLeft() throws {
        let left = try rows(in: floor..<end).map(\.id.idText)
        if left.isEmpty { return }
        throw VectorStoreError.damaged("the rows of \(VectorStoreError.list(left)) are where none should be", ids: left)
    }

    /// Lowers the next offset to the slot, in one turn: the last few appended rows are moved there first, and the readers
    /// drained that may have seen them where they were. False if more than `limit` rows were appended, or if a reader is in
    /// the way.
    private mutating func cut(at slot: Int, appending limit: Int) throws -> Bool {
        if limit == 0 { try maintenance.drainReaders(before: "cut off") }
        return try maintenance.turn { session in
            let index = session.index
            let rows = try index.rows(StoreIndex.appendedGeneration, limit: limit + 1)
            guard rows.count <= limit, slot + rows.count <= end else { return false }
            let sorted = rows.sorted { $0.entry.offset < $1.entry.offset }
            let places = (slot..<slot + sorted.count).map(file.offset)
            if !sorted.isEmpty {
                try copy(sorted, to: places)
                if !PlantedBug.movesNotSynced.isPlanted { try file.sync() }
            }
            let moved = try session.commit { () throws(VectorStoreError) in
                let moved = try commit(sorted, to: places, true, session)
                try Maintenance.nextEpoch(index)
                return moved
            }
            movedRows += moved
            if limit > 0 { nextFree = slot + sorted.count }
            guard try maintenance.isEpochBeforeDrained(index, within: Self.lastDrainSeconds) else { return false }
            let lowered = slot + sorted.count
            if PlantedBug.truncateBeforeCommit.isPlanted { try file.truncate(to: file.offset(lowered)) }
            try session.commit { () throws(VectorStoreError) in
                var record = try index.record()
                try session.floor.lower(to: file.offset(lowered), record)
                record.nextOffset = file.offset(lowered)
                try index.update(record)
            }
            end = lowered
            if limit == 0 {
                try session.currentFile().truncate(to: file.offset(lowered))
            } else {
                session.staging.end()
            }
            return true
        }
    }
}
