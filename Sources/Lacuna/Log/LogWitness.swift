/// The mark and the rows beside an index: they are asked before its log is believed.
package struct LogWitness {
    let paths: StorePaths
    let fileSystem: any FileSystem
    /// Whether nobody wants to know any more: a log may be long.
    let isCancelled: () -> Bool

    init(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        isCancelled: @escaping () -> Bool
    ) {
        self.paths = paths
        self.fileSystem = fileSystem
        self.isCancelled = isCancelled
    }

    func mark() throws(VectorStoreError) -> CommitMark? { try CommitMark.read(paths, fileSystem) }

    /// The record's data file; nil where there is none that belongs to it, which others will say.
    func dataFile(_ record: StoreRecord) -> DataFile? {
        guard let file = try? DataFile.open(record.dataFile, in: paths.directory, .read, fileSystem),
            file.header == record.header
        else { return nil }
        return file
    }
}

extension CommitMark.Database {
    /// From this slot of the record's file on, rows may be named by the log alone.
    func firstRowOfLog(_ record: StoreRecord) -> Slot {
        let first = generation == record.generation ? offset : DataFileHeader.length
        return record.layout.slot(at: min(max(first, DataFileHeader.length), record.rowsEnd))
    }
}

extension StoreIndex {
    /// For the writing process: refuses a newer schema untouched. An older one is to be migrated once the log is taken over.
    ///
    /// - Throws: `damaged`, with nothing changed, where commits are missing.
    static func openForWriting(
        _ directory: Directory,
        _ witness: LogWitness,
        _ mark: CommitMark?
    ) throws(VectorStoreError) -> StoreIndex {
        let index = try connect(directory, .readWrite)
        _ = try index.check(directory, witness, mark)
        try index.checkForWriting()
        try index.configureWriter()
        return index
    }

    /// For reading as the first of a handle: throws `damaged` where commits are missing.
    static func openForReading(
        _ directory: Directory,
        _ mode: Connection.Mode,
        checkedBy witness: LogWitness,
        allowingEarlier: Bool = false
    ) throws(VectorStoreError) -> StoreIndex {
        // Read before the index: a writer may raise it at any time, once it has committed.
        let mark = try witness.mark()
        let index = try connect(directory, mode)
        let evidence = try index.check(directory, witness, mark)
        if !allowingEarlier { try index.checkIsMigrated() }
        if let evidence, evidence.areRowsDoubtful {
            try index.checkRowsOfLog(evidence, witness)
        }
        return index
    }

    /// A connection to what may be damaged. With an empty database SQLite would take the log beside it for another one's,
    /// and remove it.
    private static func connect(
        _ directory: Directory,
        _ mode: Connection.Mode
    ) throws(VectorStoreError) -> StoreIndex {
        if mode != .immutable, try mapped(directory.status(StorePaths.indexName))?.size == 0,
            try mapped(directory.status(StorePaths.logName))?.size ?? 0 > 0
        {
            throw .commitsAreMissing("index.sqlite is empty beside its log")
        }
        return StoreIndex(try Connection(StorePaths.indexName, in: directory, mode))
    }

    /// Before anything in the index is believed: that its log has not rotted, that no commit is missing, and that the log is
    /// the database's. Returns what the last was found by, if there is a log.
    private func check(
        _ directory: Directory,
        _ witness: LogWitness,
        _ mark: CommitMark?
    ) throws(VectorStoreError) -> LogEvidence? {
        try connection.checkLog(witness.isCancelled)
        try connection.snapshot { () throws(VectorStoreError) in
            guard try isCreated() else {
                guard let mark, mark.sequence > 0 else { throw Self.noSchema(directory) }
                throw .commitsAreMissing("index.sqlite has no schema, but commit \(mark.sequence) at least was made")
            }
            try mark?.check(record())
        }
        guard try connection.logBytes() > 0, let evidence = try evidence(directory, witness) else { return nil }
        // A second look, since a checkpoint may be under way, by whose half-written page the first was misled.
        if let misfit = evidence.misfit, try self.evidence(directory, witness)?.misfit == misfit {
            throw .commitsAreMissing(misfit)
        }
        return evidence
    }

    /// Nil where the database alone is no state that can be read, which an interrupted checkpoint leaves; and where the mark
    /// has moved meanwhile: whoever writes has looked at all of this before.
    private func evidence(_ directory: Directory, _ witness: LogWitness) throws(VectorStoreError) -> LogEvidence? {
        let mark = try witness.mark()
        // While it lasts, no commit behind it is copied into the database.
        return try connection.snapshot { () throws(VectorStoreError) in
            let record = try record()
            let origin = try logOrigin()
            guard let connection = try? Connection(StorePaths.indexName, in: directory, .immutable) else { return nil }
            let index = StoreIndex(connection)
            guard (try? index.isCreated()) == true, let alone = try? index.record(), try witness.mark() == mark else {
                return nil
            }
            let own = mark?.store == record.uuidBytes ? mark : nil
            return LogEvidence(record: record, origin: origin, alone: alone, mark: own)
        }
    }

    /// Throws `damaged` where the data file lacks rows that the log names.
    private func checkRowsOfLog(_ evidence: LogEvidence, _ witness: LogWitness) throws(VectorStoreError) {
        let record = evidence.record
        guard let first = evidence.mark?.database.firstRowOfLog(record), let file = witness.dataFile(record) else {
            return
        }
        do throws(VectorStoreError) {
            try connection.snapshot { () throws(VectorStoreError) in
                if try self.record() != record { return }
                try checkRows(of: file, record, from: first, isCancelled: witness.isCancelled)
            }
        } catch {
            // No lock keeps a writer from moving rows meanwhile, but none that are live are overwritten before a commit.
            guard error.code == .damaged, try self.record() != record else { throw error }
        }
    }

    private static let checkedRows = 1 << 16

    /// Throws `damaged`, with the ids, for live rows in `first` or beyond that don't match their checksums. What can't be read
    /// proves nothing. Bounded memory, and time in proportion to those rows; of an earlier schema, to all rows.
    func checkRows(
        of file: DataFile,
        _ record: StoreRecord,
        from first: Slot,
        isCancelled: () -> Bool = { false }
    ) throws(VectorStoreError) {
        if first >= record.nextSlot { return }
        var rows: [LiveRow] = []
        var bad: [String] = []
        var buffer = [UInt8](repeating: 0, count: Int(record.stride))
        func check() throws(VectorStoreError) {
            if isCancelled() {
                throw VectorStoreError(.cancelled, "opening was cancelled", remedy: "run \(.open) again")
            }
            // Neighbours in the file one after the other.
            rows.sort { $0.slot < $1.slot }
            for row in rows where try !matches(row, file, &buffer) { bad.append(row.id.idText) }
            rows.removeAll(keepingCapacity: true)
        }
        func add(_ row: LiveRow) throws(VectorStoreError) {
            rows.append(row)
            if rows.count == Self.checkedRows { try check() }
        }
        if isOfOffsets {
            try forEachEarlierRow(record, in: first..<record.nextSlot, add)
        } else {
            let dead = try deadSlots(record.generation)
            try forEachEntry(in: first..<record.nextSlot, record.generation, record.codec) {
                slot,
                id,
                checksum throws(VectorStoreError) in
                if let id, !dead.contains(slot) { try add(LiveRow(id: id, slot: slot, checksum: checksum)) }
            }
        }
        try check()
        if bad.isEmpty { return }
        throw .rowsOfLogAreMissing(bad)
    }

    private func matches(
        _ row: LiveRow,
        _ file: DataFile,
        _ buffer: inout [UInt8]
    ) throws(VectorStoreError) -> Bool {
        var span = buffer.mutableSpan
        do throws(VectorStoreError) {
            try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                try unsafe file.read(into: bytes, at: file.layout.offset(row.slot))
            }
        } catch {
            guard error.code == .ioError else { throw error }
            return true
        }
        var checksum = Checksum()
        unsafe buffer.withUnsafeBytes { unsafe checksum.update($0) }
        return row.id.checksum(continuing: checksum) == row.checksum
    }
}
