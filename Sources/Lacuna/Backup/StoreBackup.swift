/// Copies one state of a store, while the store is read and written.
struct StoreBackup {
    let readers: ReaderPool
    let source: StorePaths
    let fileSystem: any FileSystem
    let pace: Pace

    /// Makes a new backup, or, if `incremental`, brings an earlier one up to date.
    func run(to path: String, incremental: Bool) throws -> BackupReport {
        let start = ContinuousClock.now
        let location = try StoreLocation(path, fileSystem)
        try location.checkIsOutside()
        var report: BackupReport
        if try location.isTaken {
            try checkIsNotTheStore(location)
            guard incremental else { throw location.refusal("exists already") }
            report = try renew(location)
        } else {
            report = try makeWhole(in: location) { try location.putNew($0) }.report
        }
        report.duration = ContinuousClock.now - start
        return report
    }

    private func checkIsNotTheStore(_ location: StoreLocation) throws(VectorStoreError) {
        guard let directory = try? Directory(location.path), directory.identity == source.directory.identity else {
            return
        }
        throw VectorStoreError(.invalidArgument, "\(location.path) is the store itself", remedy: "choose another path")
    }

    // MARK: A whole one

    /// Makes a whole backup beside the place, and then `put` moves it to the place.
    private func makeWhole<Put>(
        in location: StoreLocation,
        _ put: (String) throws -> Put
    ) throws -> (report: BackupReport, put: Put) {
        let (name, directory) = try location.makeSibling("partial")
        do {
            let report = try fill(directory)
            return (report, try put(name))
        } catch {
            location.remove(name, directory)
            throw error
        }
    }

    /// Copies the newest state into an empty directory, which is a whole store when this returns.
    func fill(_ directory: Directory) throws -> BackupReport {
        let copy = StoreCopy(directory: directory, fileSystem: fileSystem, pace: pace)
        let model = try mapped(source.model())
        var copied = try readers.readHeldRows {
            try copy.copyIndex($0)
        } _: { index, file, release in
            let end = try index.record().rowsEnd
            let status = try file.status()
            let target = try mapped(DataFile.create(in: directory, file.header, like: status, fileSystem))
            let length = DataFileHeader.length
            let bytes = try target.clone(file) ? 0 : length + copy.copyBytes(length..<end, from: file, to: target)
            release()
            try target.truncate(to: end)
            return CopiedState(index: index, file: target, bytes: bytes)
        }
        let record = try copied.finish(copy, from: Slot(0))
        try copy.writeMark(record, try mapped(copy.makeLocks(like: model)))
        let indexBytes = try mapped(copy.syncIndex(like: model))
        try mapped(copy.nameIndex(owner: try? source.directory.ownStatus()))
        return copied.report(record, indexBytes, isIncremental: false)
    }

    // MARK: An earlier one

    /// Brings the backup at the place up to date with the rows that were appended since, or puts a whole new one in its
    /// place. If somebody has written to the old backup or put a file into it, it may hold data that are nowhere else,
    /// so it is moved aside.
    private func renew(_ location: StoreLocation) throws -> BackupReport {
        let old = try StorePaths(location.path)
        let (before, origin) = try record(of: old, location)
        let lock = try Writer.lock(old)
        defer { lock.unlock() }
        let mark = try CommitMark.read(old, fileSystem)
        // In schema version 1 there were no tokens, so a mark without one proves nothing.
        let isUntouched = origin != nil && mark?.token == 0 && mark?.sequence == before.commitSequence
        if try isUntouched && !hasHardLinks(old),
            let report = try Appending(backup: self, old: old, lock: lock).run()
        {
            return report
        }
        var (report, others) = try makeWhole(in: location) { try location.exchange($0) }
        if try isUntouched && mapped(old.directory.names()).allSatisfy(StorePaths.isOwnName) {
            location.remove(others, old.directory)
        } else {
            report.movedAside = try location.setAside(others)
        }
        return report
    }

    /// The record of an earlier backup. Makes no file in the directory, which may belong to anybody.
    private func record(of old: StorePaths, _ location: StoreLocation) throws -> (StoreRecord, LogOrigin?) {
        let now = try readers.read { $0.record }
        guard try mapped(old.directory.status(StorePaths.indexName)) != nil else {
            throw location.refusal("is no backup")
        }
        let before: StoreRecord
        let origin: LogOrigin?
        do {
            let index = try StoreIndex.openForReading(old.directory, .immutable, allowingEarlier: true)
            (before, origin) = (try index.record(), try index.logOrigin())
        } catch {
            throw error.code == .notAStore ? location.refusal("is no backup") : error
        }
        guard before.uuid == now.uuid else { throw location.refusal("is no backup of this store") }
        guard before.commitSequence <= now.commitSequence else {
            throw location.refusal(
                "holds commit \(before.commitSequence), and the store is at \(now.commitSequence): it is no earlier state of it"
            )
        }
        return (before, origin)
    }

    /// Whether a file of the backup is also in another directory, where an append would change it: people keep old
    /// backups in this way.
    private func hasHardLinks(_ old: StorePaths) throws(VectorStoreError) -> Bool {
        for name in try mapped(old.directory.names()) {
            if try mapped(old.directory.status(name))?.links ?? 1 > 1 { return true }
        }
        return false
    }
}

/// The copy of a state, before its index has its name.
struct CopiedState {
    /// The copied index; nil after it was closed.
    var index: StoreIndex?
    let file: DataFile
    /// The number of bytes of the data file that were written.
    let bytes: Int64

    /// Puts the index in order, checks the rows from a slot on, and makes them durable. Then closes the index; its log
    /// is in the database and removed by then.
    mutating func finish(_ copy: StoreCopy, from first: Slot) throws -> StoreRecord {
        guard let index else { throw VectorStoreError.foreignWriter }
        try copy.putInOrder(index)
        try copy.check(file, from: first, index)
        if !PlantedBug.copiedRowsNotSynced.isPlanted { try file.sync() }
        let record = try index.record()
        guard try index.connection.checkpoint(.truncate) else { throw VectorStoreError.foreignWriter }
        self.index = nil
        return record
    }

    func report(_ record: StoreRecord, _ indexBytes: Int64, isIncremental: Bool) -> BackupReport {
        BackupReport(
            rows: Int(record.liveRows),
            copiedBytes: bytes + indexBytes,
            sharedBytes: record.rowsEnd - bytes,
            commitSequence: record.commitSequence,
            isIncremental: isIncremental,
            deadBytes: record.deadRows * record.stride
        )
    }
}
