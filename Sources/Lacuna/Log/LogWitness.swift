/// The mark and the rows beside an index, which are compared with its log before the log is used.
package struct LogWitness {
    let paths: StorePaths
    let fileSystem: any FileSystem
    /// Returns true to end the check early, since a log may be long.
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

    /// The record's data file; nil if there is none that belongs to it (another check reports that).
    func dataFile(_ record: StoreRecord) -> DataFile? {
        guard let file = try? DataFile.open(record.dataFile, in: paths.directory, .read, fileSystem),
            file.header == record.header
        else { return nil }
        return file
    }
}

extension CommitMark.Database {
    /// From this slot of the record's file on, the log alone may name rows.
    func firstRowOfLog(_ record: StoreRecord) -> Slot {
        let first = generation == record.generation ? offset : DataFileHeader.length
        return record.layout.slot(at: min(max(first, DataFileHeader.length), record.rowsEnd))
    }
}

extension StoreIndex {
    /// Opens the index for writing. Refuses a newer schema untouched. The caller migrates an older one after it has
    /// taken the log over.
    ///
    /// - Throws: `damaged`, with nothing changed, if commits are missing.
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

    /// Opens the first connection of a handle that reads: throws `damaged` if commits are missing.
    static func openForReading(
        _ directory: Directory,
        _ mode: Connection.Mode,
        checkedBy witness: LogWitness,
        allowingEarlier: Bool = false
    ) throws(VectorStoreError) -> StoreIndex {
        // The mark is read before the index, since a writer may raise it at any time after a commit.
        let mark = try witness.mark()
        let index = try connect(directory, mode)
        let evidence = try index.check(directory, witness, mark)
        if !allowingEarlier { try index.checkIsMigrated() }
        if let evidence, evidence.areRowsDoubtful {
            try index.checkRowsOfLog(evidence, witness)
        }
        return index
    }

    /// Connects to an index that may be damaged. If the database were empty, SQLite would take the log beside it for
    /// one of another database, and remove it.
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

    /// Checks, before anything in the index is used, that its log is not damaged, that no commit is missing, and that
    /// the log belongs to the database. Returns the evidence for the last, if there is a log.
    private func check(
        _ directory: Directory,
        _ witness: LogWitness,
        _ mark: CommitMark?
    ) throws(VectorStoreError) -> LogEvidence? {
        try connection.checkLog(witness.isCancelled)
        try connection.snapshot { () throws(VectorStoreError) in
            guard try isCreated() else {
                guard let mark, mark.sequence > 0 else { throw Self.noSchema(directory) }
                throw .commitsAreMissing(
                    "index.sqlite has no schema, but commit \(mark.sequence) was made, or a later one"
                )
            }
            try mark?.check(record())
        }
        guard try connection.logBytes() > 0, let evidence = try evidence(directory, witness) else { return nil }
        // Checks a second time, since a half-written page of a checkpoint under way may have misled the first check.
        if let misfit = evidence.misfit, try self.evidence(directory, witness)?.misfit == misfit {
            throw .commitsAreMissing(misfit)
        }
        return evidence
    }

    /// Nil if the database alone is no state that can be read, as after an interrupted checkpoint. Also nil if the mark
    /// has changed meanwhile: then a writer is at work, which has checked all of this before.
    private func evidence(_ directory: Directory, _ witness: LogWitness) throws(VectorStoreError) -> LogEvidence? {
        let mark = try witness.mark()
        // While this snapshot lasts, no later commit is copied into the database.
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

    /// Throws `damaged` if the data file lacks rows that the log names.
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
            // No lock keeps a writer from moving rows meanwhile, but it overwrites no live row before a commit, and a
            // commit changes the record.
            guard error.code == .damaged, try self.record() != record else { throw error }
        }
    }

    private static let checkedRows = 1 << 16

    /// Throws `damaged`, with the ids, for live rows in `first` or a later slot that don't match their checksums. A row
    /// that can't be read proves nothing. Takes bounded memory, and time in proportion to those rows (with an earlier
    /// schema, to all rows).
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
            // The rows are read in the order of the file.
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
