/// A store's use of the disk at one moment. Sizes are bytes.
public struct StoreSpace: Sendable, Equatable {
    /// The number of live rows.
    public var liveRows: Int
    /// The number of dead rows.
    public var deadRows: Int
    /// The data file's length, header and free tail included.
    public var logicalBytes: Int64
    /// The blocks that the data file occupies, as the file system counts them.
    public var allocatedBytes: Int64
    /// The bytes of the live rows.
    public var liveBytes: Int64
    /// The bytes of the dead rows, released or not.
    public var deadBytes: Int64
    /// The bytes that punching would give back: whole blocks inside gaps that still occupy disk.
    public var punchableBytes: Int64
    /// The bytes of the index and its write-ahead log.
    public var indexBytes: Int64
    /// The number of slots with codes; the rows after these are searched as they are.
    public var codedSlots: Int
    /// The bytes of the file of codes; 0 if there is none.
    public var codesBytes: Int64

    /// Makes a value, as for a preview or a test.
    public init(
        liveRows: Int = 0,
        deadRows: Int = 0,
        logicalBytes: Int64 = 0,
        allocatedBytes: Int64 = 0,
        liveBytes: Int64 = 0,
        deadBytes: Int64 = 0,
        punchableBytes: Int64 = 0,
        indexBytes: Int64 = 0,
        codedSlots: Int = 0,
        codesBytes: Int64 = 0
    ) {
        self.liveRows = liveRows
        self.deadRows = deadRows
        self.logicalBytes = logicalBytes
        self.allocatedBytes = allocatedBytes
        self.liveBytes = liveBytes
        self.deadBytes = deadBytes
        self.punchableBytes = punchableBytes
        self.indexBytes = indexBytes
        self.codedSlots = codedSlots
        self.codesBytes = codesBytes
    }

    /// The bytes of the data file's free tail, which is reserved for new rows, and for deletes on a full disk.
    public var reservedBytes: Int64 { logicalBytes - DataFileHeader.length - liveBytes - deadBytes }

    /// 1 − live bytes ÷ bytes of all rows: 0 if the file has no rows, 1 if every row is dead.
    public var fragmentation: Double {
        liveRows + deadRows == 0 ? 0 : 1 - Double(liveRows) / Double(liveRows + deadRows)
    }
}

extension LiveBitmap {
    /// The live rows of a generation. Every slot is checked: if one is outside the file, or shared by two ids, the
    /// index is damaged, and the error names the ids.
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

    /// The rows below the record's next slot that are live in one state, for work that destroys everything else. A
    /// writer may be at work, but must not add rows below that slot. `drift` is the number by which the store's counter
    /// is higher than the number of rows.
    ///
    /// A damaged page of the index may hide rows, and SQLite may pass them without an error. So the rows must come in
    /// the order of their ids (otherwise a look-up might miss one), and there must be as many as the store counts. If
    /// there are fewer, another program may have deleted some; then the pages must be sound.
    ///
    /// - Parameters:
    ///   - first: Rows before this slot are checked, but left out of the result.
    ///   - fingerprint: Called with each row that isn't left out.
    /// - Throws: `damaged` if one of these conditions fails, or a row is in no slot of the file.
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
                throw .damaged("the index counts \(count + drift) live rows, and \(count) can be found in it: \(what)")
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
            "the ids \(VectorStoreError.list(ids)) name rows outside of the data file, or the same row",
            ids: ids
        )
    }
}

extension DataFile {
    /// The whole blocks inside a gap; nil if there are none. A block that a live row shares is never among them.
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
        live.forEachStretch(live: false) { run in
            if let range = blocks(inside: run, blockSize: blockSize) { bytes += extents.bytes(in: range) }
        }
        return bytes
    }
}

extension StoreSpace {
    /// - Parameter codes: The file of codes that is measured too, if there is one.
    static func measure(
        _ live: LiveBitmap,
        _ file: DataFile,
        _ codes: DerivedFile?,
        _ paths: StorePaths
    ) throws(VectorStoreError) -> StoreSpace {
        let status = try file.status()
        let databaseBytes = try mapped(paths.directory.status(StorePaths.indexName))?.size ?? 0
        let logBytes = try mapped(paths.directory.status(StorePaths.logName))?.size ?? 0
        let codesStatus = try codes.flatMap { codes throws(VectorStoreError) in
            try mapped(paths.derivedFileStatus(codes.name))
        }
        let dead = live.slots.number - live.liveCount
        return StoreSpace(
            liveRows: live.liveCount,
            deadRows: dead,
            logicalBytes: status.size,
            allocatedBytes: status.allocated,
            liveBytes: Int64(live.liveCount) * file.stride,
            deadBytes: Int64(dead) * file.stride,
            punchableBytes: try file.punchableBytes(live),
            indexBytes: databaseBytes + logBytes,
            codedSlots: codesStatus == nil ? 0 : codes?.covered.number ?? 0,
            codesBytes: codesStatus?.size ?? 0
        )
    }
}
