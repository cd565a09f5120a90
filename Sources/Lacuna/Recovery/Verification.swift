/// What reading everything found: ``VectorStore/verify(progress:)``.
public struct VerificationReport<ID: VectorID>: Sendable {
    /// Rows that were read.
    public internal(set) var rows = 0
    /// Rows that don't match their checksum, or can't be read.
    public internal(set) var badChecksums: [ID] = []
    /// Ids that name a row outside of the data file, or between two rows.
    public internal(set) var outOfBounds: [ID] = []
    /// Ids that name the same row as another id.
    public internal(set) var sharedOffsets: [ID] = []
    /// Ids whose metadata don't match their checksum, or that have metadata without a vector.
    public internal(set) var badMetadata: [ID] = []
    /// Files in the store's directory that neither the index nor its journal names. They are no damage.
    public internal(set) var unknownFiles: [String] = []
    /// What is wrong with the index itself, in SQLite's words or ours.
    public internal(set) var indexMessages: [String] = []

    /// Whether nothing is damaged.
    public var isSound: Bool {
        badChecksums.isEmpty && outOfBounds.isEmpty && sharedOffsets.isEmpty && badMetadata.isEmpty
            && indexMessages.isEmpty
    }
}

/// Reads everything in one snapshot, by pread(2), and believes nothing.
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
            try checkOffsets()
            try checkRows()
            report.badMetadata = typed(try snapshot.index.idsWithBadMetadata(snapshot.record.generation))
            report.unknownFiles = try unknownFiles()
        } catch let error as VectorStoreError where error.code == .damaged {
            // A table that can't be read to its end: what was found so far stands.
            report.indexMessages.append(error.message)
        }
        return report
    }

    private mutating func checkIndex() throws(VectorStoreError) {
        do throws(VectorStoreError) {
            report.indexMessages += try snapshot.index.integrityMessages()
        } catch {
            guard error.code == .damaged else { throw error }
            report.indexMessages.append(error.message)
        }
    }

    private mutating func checkOffsets() throws(VectorStoreError) {
        let record = snapshot.record
        let index = snapshot.index
        report.outOfBounds = typed(try index.idsOutside(record, end: record.nextOffset))
        report.sharedOffsets = typed(try index.idsSharingOffsets(record.generation))
        let count = try index.countRows(record.generation)
        report.rows = count
        if Int64(count) != record.liveRows {
            report.indexMessages.append("the store counts \(record.liveRows) live rows, and \(count) are there")
        }
    }

    private mutating func checkRows() throws {
        let record = snapshot.record
        let file = snapshot.rows.file
        var live = LiveBitmap(slots: record.slots)
        try snapshot.index.forEachOffset(record.generation) { offset throws(VectorStoreError) in
            if snapshot.rows.contains(offset) { _ = live.insert(file.slot(offset)) }
        }
        live.finish()
        var unreadable: Set<Int> = []
        let checksums = try RowChecksums()
        var done = 0
        try unsafe file.forEachLiveBatch(live, unreadable: { unreadable.insert($0) }) { rows in
            let batch = unsafe file.checksums(of: rows)
            try checksums.append(batch)
            done += batch.count
            try progress(MaintenanceProgress(done: done, total: live.liveCount))
        }
        try checksums.finish()
        var bad: [SQLValue] = []
        try snapshot.index.forEachRow(record.generation) { id, entry throws(VectorStoreError) in
            guard snapshot.rows.contains(entry.offset) else { return }
            let slot = file.slot(entry.offset)
            let matches = id.checksum(continuing: checksums[live.rank(slot)]) == entry.checksum
            if !matches || unreadable.contains(slot) { bad.append(id) }
        }
        report.badChecksums = typed(bad)
    }

    private func unknownFiles() throws(VectorStoreError) -> [String] {
        let named = Set(try snapshot.index.journal().flatMap { [$0.sourceFile, $0.targetFile].compactMap(\.self) })
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
