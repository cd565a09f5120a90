/// How a store uses its disk, at one moment. Sizes are bytes.
public struct StoreSpace: Sendable {
    /// Rows that an id names.
    public let liveRows: Int
    /// Rows that no id names any more.
    public let deadRows: Int
    /// The data file's length, header and free tail included.
    public let logicalBytes: Int64
    /// The blocks that the data file occupies, as the file system counts them.
    public let allocatedBytes: Int64
    /// The bytes of the live rows.
    public let liveBytes: Int64
    /// The bytes of the dead rows, released or not.
    public let deadBytes: Int64
    /// What punching would give back: whole blocks inside runs of dead rows that still occupy disk.
    public let punchableBytes: Int64
    /// The index and its write-ahead log.
    public let indexBytes: Int64

    /// The data file's free tail: reserved for rows to come, and for deletes on a full disk.
    public var reservedBytes: Int64 { logicalBytes - DataFileHeader.length - liveBytes - deadBytes }

    /// 1 − live bytes ÷ bytes of all rows: 0 for a file without rows, 1 for one in which every row is dead.
    public var fragmentation: Double {
        liveRows + deadRows == 0 ? 0 : 1 - Double(liveRows) / Double(liveRows + deadRows)
    }
}

extension LiveBitmap {
    /// The live rows of a generation. Every slot is checked: one outside the file, or shared, is damage, and the ids are
    /// named.
    static func load(_ index: StoreIndex, _ record: StoreRecord) throws(VectorStoreError) -> LiveBitmap {
        var live = LiveBitmap(slots: record.nextSlot)
        var isSound = true
        try index.forEachSlot(record.generation) { slot throws(VectorStoreError) in
            isSound = isSound && slot >= Slot(0) && slot < record.nextSlot && live.insert(slot)
        }
        if !isSound { throw try misplaced(index, record) }
        live.finish()
        return live
    }

    /// For work that gives away what isn't live, beside a writer that adds no rows below the record's next slot: the rows there
    /// that are live in one state from now. `drift` is what the store counts more than there are.
    ///
    /// A page of the index that has rotted may hide rows, and SQLite walk past them without an error. So they must come in
    /// the order of their ids, or a search for one may miss it, and be as many as the store counts. Another program may have
    /// deleted some; then the pages must be sound.
    ///
    /// - Parameters:
    ///   - first: Rows before this slot are looked at, and left out.
    ///   - fingerprint: Is told of all others.
    /// - Throws: `damaged` where that isn't so, or a row isn't where rows are.
    static func loadChecked(
        _ index: StoreIndex,
        _ record: StoreRecord,
        from first: Slot = Slot(0),
        _ fingerprint: (SQLValue, Slot) -> Void = { _, _ in }
    ) throws(VectorStoreError) -> (live: LiveBitmap, drift: Int64) {
        try index.connection.snapshot { () throws(VectorStoreError) in
            var live = LiveBitmap(slots: record.nextSlot)
            var isSound = true
            var isOrdered = true
            var count: Int64 = 0
            var last: SQLValue?
            try index.forEachRow(record.generation) { id, slot throws(VectorStoreError) in
                count += 1
                if let last { isOrdered = isOrdered && last.isBefore(id) }
                last = id
                if slot >= record.nextSlot && slot.number < Slot.most { return }
                if slot >= first { fingerprint(id, slot) }
                isSound = isSound && slot >= Slot(0) && slot < record.nextSlot && (slot < first || live.insert(slot))
            }
            if !isSound { throw try misplaced(index, record) }
            let drift = try index.record().liveRows - count
            if !isOrdered { throw .damaged("the index's rows are out of order") }
            if drift != 0, let what = try index.firstBadPage() {
                throw .damaged("the index counts \(count + drift) live rows, and shows \(count): \(what)")
            }
            live.finish()
            return (live, drift)
        }
    }

    private static func misplaced(_ index: StoreIndex, _ record: StoreRecord) throws(VectorStoreError)
        -> VectorStoreError
    {
        let outside = try index.idsOutside(record, end: try index.record().nextSlot)
        let ids = (outside + (try index.idsSharingSlots(record.generation))).map(\.idText)
        return .damaged(
            "the ids \(VectorStoreError.list(ids)) name rows outside of the data file, or share one",
            ids: ids
        )
    }
}

extension DataFile {
    /// The whole blocks inside a run of dead slots; nil if there are none. A block that a live row shares is never in it.
    func blocks(inside run: Range<Slot>, blockSize: Int64) -> Range<Int64>? {
        let bytes = layout.offsets(run)
        let start = (bytes.lowerBound + blockSize - 1) / blockSize * blockSize
        let end = bytes.upperBound / blockSize * blockSize
        return start < end ? start..<end : nil
    }

    func punchableBytes(_ live: LiveBitmap) throws(VectorStoreError) -> Int64 {
        let blockSize = try status().blockSize
        var extents = DataExtents(self)
        var bytes: Int64 = 0
        live.forEachRun(live: false) { run in
            if let range = blocks(inside: run, blockSize: blockSize) { bytes += extents.bytes(in: range) }
        }
        return bytes
    }
}

extension StoreSpace {
    static func measure(
        _ live: LiveBitmap,
        _ file: DataFile,
        _ paths: StorePaths
    ) throws(VectorStoreError) -> StoreSpace {
        let status = try file.status()
        let databaseBytes = try mapped(paths.directory.status(StorePaths.indexName))?.size ?? 0
        let logBytes = try mapped(paths.directory.status(StorePaths.logName))?.size ?? 0
        let dead = live.slots.number - live.liveCount
        return StoreSpace(
            liveRows: live.liveCount,
            deadRows: dead,
            logicalBytes: status.size,
            allocatedBytes: status.allocated,
            liveBytes: Int64(live.liveCount) * file.stride,
            deadBytes: Int64(dead) * file.stride,
            punchableBytes: try file.punchableBytes(live),
            indexBytes: databaseBytes + logBytes
        )
    }
}
