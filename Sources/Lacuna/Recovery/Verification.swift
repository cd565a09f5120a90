/// The report of a verification: ``VectorStore/verify(progress:)``.
public struct VerificationReport<ID: VectorID>: Sendable, Equatable {
    /// The number of rows that were read.
    public var rows: Int
    /// The ids of rows that don't match their checksums, or can't be read.
    public var badChecksums: [ID]
    /// The ids whose slots lie outside of the data file.
    public var outOfBounds: [ID]
    /// The ids that share their slot with another id.
    public var sharedOffsets: [ID]
    /// The ids whose metadata don't match their checksums, or that have metadata without a vector.
    public var badMetadata: [ID]
    /// The files in the store's directory that neither the index nor its journal names. They are no damage.
    public var unknownFiles: [String]
    /// Messages of SQLite, or of ours, about what is wrong with the index itself.
    public var indexMessages: [String]

    /// Makes a report, as for a preview or a test.
    public init(
        rows: Int = 0,
        badChecksums: [ID] = [],
        outOfBounds: [ID] = [],
        sharedOffsets: [ID] = [],
        badMetadata: [ID] = [],
        unknownFiles: [String] = [],
        indexMessages: [String] = []
    ) {
        self.rows = rows
        self.badChecksums = badChecksums
        self.outOfBounds = outOfBounds
        self.sharedOffsets = sharedOffsets
        self.badMetadata = badMetadata
        self.unknownFiles = unknownFiles
        self.indexMessages = indexMessages
    }

    /// Whether nothing is damaged.
    public var isSound: Bool {
        badChecksums.isEmpty && outOfBounds.isEmpty && sharedOffsets.isEmpty && badMetadata.isEmpty
            && indexMessages.isEmpty
    }
}

/// Reads everything in one snapshot, by pread(2), and checks everything.
struct Verification<ID: VectorID> {
    private let snapshot: Snapshot
    private let paths: StorePaths
    private let progress: ProgressHandler
    private var report = VerificationReport<ID>()

    init(_ snapshot: Snapshot, _ paths: StorePaths, _ progress: @escaping ProgressHandler) {
        self.snapshot = snapshot
        self.paths = paths
        self.progress = progress
    }

    mutating func run() throws -> VerificationReport<ID> {
        try checkIndex()
        do {
            try checkSlots()
            try checkRows()
            report.indexMessages += try snapshot.index.textIndexMessages(snapshot.record.idKind)
            report.badMetadata = typed(try snapshot.index.idsWithBadMetadata(snapshot.record.generation))
            report.unknownFiles = try unknownFiles()
        } catch let error as VectorStoreError where error.code == .damaged {
            // A table can't be read to its end. The findings so far are kept.
            report.indexMessages.append(error.detail)
        }
        return report
    }

    private mutating func checkIndex() throws(VectorStoreError) {
        do throws(VectorStoreError) {
            report.indexMessages += try snapshot.index.integrityMessages()
        } catch {
            guard error.code == .damaged else { throw error }
            report.indexMessages.append(error.detail)
        }
    }

    private mutating func checkSlots() throws(VectorStoreError) {
        let record = snapshot.record
        let index = snapshot.index
        report.outOfBounds = typed(try index.idsOutside(record, end: record.nextSlot))
        let count = try index.countRows(record.generation)
        report.rows = count
        if Int64(count) != record.liveRows {
            report.indexMessages.append("the store counts \(record.liveRows) live rows, and \(count) are there")
        }
    }

    private mutating func checkRows() throws {
        let record = snapshot.record
        var live = LiveBitmap(slots: record.nextSlot)
        var named = RowFingerprint()
        var isAnyShared = false
        try snapshot.index.forEachRow(record.generation) { id, slot in
            guard snapshot.rows.contains(slot) else { return }
            if live.insert(slot) { named.add(id, slot) } else { isAnyShared = true }
        }
        live.finish()
        // SQLite sorts all rows for this query, so it runs only if needed.
        if isAnyShared || !report.outOfBounds.isEmpty {
            report.sharedOffsets = typed(try snapshot.index.idsSharingSlots(record.generation))
        }
        try checkDead(live)
        let (bad, told) = try readRows(live)
        var badIDs: [SQLValue] = []
        if bad.count > 0 {
            try snapshot.index.forEachRow(record.generation) { id, slot in if bad.contains(slot) { badIDs.append(id) } }
        }
        if told != named {
            // A row whose id isn't in the runs has no checksum.
            badIDs += try snapshot.index.idsThatRunsContradict(record, below: record.nextSlot)
            report.indexMessages.append("the tables `vectors` and `runs` contradict each other")
        }
        report.badChecksums = typed(badIDs.sorted(by: SQLValue.idPrecedes))
    }

    /// Returns the slots whose rows don't match their checksums or can't be read, and the rows that the runs describe.
    private mutating func readRows(_ live: LiveBitmap) throws -> (bad: SlotSet, told: RowFingerprint) {
        let record = snapshot.record
        let file = snapshot.rows.file
        var bad = SlotSet()
        var told = RowFingerprint()
        var done = 0
        try unsafe file.forEachLiveBatch(live, unreadable: { bad.insert($0) }) { slots, rows in
            let known = try snapshot.index.knownRows(
                live.slots(in: slots),
                in: slots,
                record.generation,
                record.codec
            )
            for (row, bytes) in zip(known, unsafe file.checksums(of: rows)) {
                guard let row else { continue }
                told.add(row.id, row.slot)
                if row.id.checksum(continuing: Checksum(value: bytes)) != row.checksum { bad.insert(row.slot) }
            }
            done += known.count
            try progress(MaintenanceProgress(done: done, total: live.liveCount))
        }
        return (bad, told)
    }

    /// Checks the table `dead`, which searches rely on.
    private mutating func checkDead(_ live: LiveBitmap) throws(VectorStoreError) {
        let dead = try snapshot.index.deadSlots(snapshot.record.generation)
        let wrong = live.slots(in: Slot(0)..<live.slots).count { dead.contains($0) }
        let missing = live.slots.number - live.liveCount - (dead.count - wrong)
        if wrong > 0 { report.indexMessages.append("the table `dead` has \(wrong) slots that hold live rows") }
        if missing != 0 { report.indexMessages.append("the table `dead` lacks \(missing) slots that are dead") }
    }

    private func unknownFiles() throws(VectorStoreError) -> [String] {
        var named = Set(try snapshot.index.journal().flatMap { [$0.sourceFile, $0.targetFile].compactMap(\.self) })
        named.formUnion(try snapshot.index.derivedFiles().map(\.name))
        return try mapped(paths.directory.names()).filter { name in
            !StorePaths.isFixedName(name) && name != snapshot.record.dataFile && !named.contains(name)
        }
    }

    private mutating func typed(_ ids: [SQLValue]) -> [ID] {
        ids.compactMap { value in
            if let id = ID(sqlValue: value) { return id }
            report.indexMessages.append("\(value.idText) is not an id of this store's kind")
            return nil
        }
    }
}
