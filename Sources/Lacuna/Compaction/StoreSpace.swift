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
    /// The live rows of a generation. Every offset is checked: one outside the file, or shared, is damage, and the ids
    /// are named.
    static func load(_ index: StoreIndex, _ record: StoreRecord, _ file: DataFile) throws(VectorStoreError)
        -> LiveBitmap
    {
        var live = LiveBitmap(slots: record.slots)
        var isSound = true
        try index.forEachOffset(record.generation) { offset throws(VectorStoreError) in
            isSound = isSound && file.isRow(offset, below: record.nextOffset) && live.insert(file.slot(offset))
        }
        if !isSound { throw try misplaced(index, record) }
        live.finish()
        return live
    }

    /// For work that gives away what isn't live, beside a writer that adds no rows below the record's next offset: the rows
    /// there that are live in one state from now. `drift` is what the store counts more than there are.
    ///
    /// A page of the index that has rotted may hide rows, and SQLite walk past them without an error. So they must come in
    /// the order of their ids, or a search for one may miss it, and be as many as the store counts. Another program may have
    /// deleted some; then the pages must be sound.
    ///
    /// - Parameter first: Rows before this offset are looked at, and left out.
    /// - Throws: `damaged` where that isn't so, or a row isn't where rows are.
    static func loadChecked(
        _ index: StoreIndex,
        _ record: StoreRecord,
        _ file: DataFile,
        from first: Int64 = 0
    ) throws(VectorStoreError) -> (live: LiveBitmap, drift: Int64) {
        try index.connection.snapshot { () throws(VectorStoreError) in
            var live = LiveBitmap(slots: record.slots)
            var isSound = true
            var isOrdered = true
            var count: Int64 = 0
            var last: SQLValue?
            try index.forEachRow(record.generation) { id, entry throws(VectorStoreError) in
                count += 1
                if let last { isOrdered = isOrdered && last.isBefore(id) }
                last = id
                if entry.offset >= record.nextOffset && file.isRow(entry.offset, below: .max) { return }
                isSound =
                    isSound && file.isRow(entry.offset, below: record.nextOffset)
                    && (entry.offset < first || live.insert(file.slot(entry.offset)))
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
        let outside = try index.idsOutside(record, end: try index.record().nextOffset)
        let ids = (outside + (try index.idsSharingOffsets(record.generation))).map(\.idText)
        return .damaged(
            "the ids \(VectorStoreError.list(ids)) name rows outside of the data file, or share one",
            ids: ids
        )
    }
}

extension DataFile {
    /// The whole blocks inside a run of dead slots; nil if there are none. A block that a live row shares is never in it.
    func blocks(inside run: Range<Int>, blockSize: Int64) -> Range<Int64>? {
        let start = (offset(run.lowerBound) + blockSize - 1) / blockSize * blockSize
        let end = offset(run.upperBound) / blockSize * blockSize
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
        let dead = live.slots - live.liveCount
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
