/// Brings an earlier backup up to date by what was appended to the data file since.
///
/// | after | a crash leaves |
/// | --- | --- |
/// | 1. the index is copied into the backup under another name | the backup as it was, and a file that the next one removes |
/// | 2. the rows beyond the backup's next slot are copied, checked and synced | the same: its index calls that free |
/// | 3. the directory is synced | the same, and no log of the old index |
/// | 4. the new index gets the old one's name, the directory is synced | the backup as it was, or as it is to be |
/// | 5. the mark is raised | the new one, whose older state wouldn't be missed |
///
/// Only where each row of the new index that lies below the backup's next slot is in the backup's index too, at the same
/// place with the same checksum: then the backup's file holds it. That is not so after a compaction (another generation, or
/// rows in other places), nor where either side has been written to without the other. And not after an erasure: what it
/// destroyed would stay in the backup.
struct Appending {
    let backup: StoreBackup
    let old: StorePaths
    let lock: FileLock

    private var directory: Directory { old.directory }

    /// Nil where a whole backup is needed; then nothing was changed.
    func run() throws -> BackupReport? {
        guard try isClosed() else { return nil }
        removeNewIndex()
        // Where it comes to nothing; else the name is gone.
        defer { removeNewIndex() }
        let copy = StoreCopy(directory: directory, fileSystem: backup.fileSystem, pace: backup.pace)
        let oldIndex = try StoreIndex.openForReading(directory, .immutable, allowingEarlier: true)
        let before = try oldIndex.record()
        guard let target = try? DataFile.open(before.dataFile, in: directory, .readWrite, backup.fileSystem),
            target.header == before.header, try target.status().size >= before.rowsEnd
        else { return nil }
        // Held here alone: its connection is closed before the index gets its name.
        guard
            var appended = try backup.readers.readHeldRows(
                { try copy.copyIndex($0) },
                { index, file, _ in
                    try append(index, file, oldIndex, copy, target)
                }
            )
        else { return nil }
        let model = try mapped(old.model())
        let record = try appended.finish(copy, from: before.nextSlot)
        let indexBytes = try mapped(copy.syncIndex(like: model))
        // A reader that has opened it since uses shared memory by the index's name.
        guard try isClosed() else { return nil }
        // If a power cut brought the removed log back later, the new index would have a log that isn't its own.
        if !PlantedBug.removedLogNotSynced.isPlanted { try mapped(backup.fileSystem.sync(directory)) }
        try mapped(copy.nameIndex())
        try copy.writeMark(record, lock)
        return appended.report(record, indexBytes, isIncremental: true)
    }

    /// Copies what lies beyond the backup's rows; nil where they aren't all the same.
    private func append(
        _ index: StoreIndex,
        _ file: DataFile,
        _ oldIndex: StoreIndex,
        _ copy: StoreCopy,
        _ target: DataFile
    ) throws -> CopiedState? {
        let (record, before) = (try index.record(), try oldIndex.record())
        guard record.generation == before.generation, file.header == target.header,
            try index.continues(oldIndex, below: before.nextSlot)
        else { return nil }
        // What an interrupted one has left beyond its rows would show through holes.
        try target.truncate(to: before.rowsEnd)
        let range = before.rowsEnd..<max(before.rowsEnd, record.rowsEnd)
        let bytes = try copy.copyBytes(range, from: file, to: target)
        if try target.status().size < record.rowsEnd { try target.truncate(to: record.rowsEnd) }
        return CopiedState(index: index, file: target, bytes: bytes)
    }

    /// Whether nobody has the backup open, and its index is whole without a log. What readers and a crash have left is cleared
    /// away, as by whoever opens a store for writing.
    private func isClosed() throws(VectorStoreError) -> Bool {
        if try !hasLog() { return true }
        do {
            let (store, _) = try Recovery.open(old, lock, LogWitness(old, backup.fileSystem) { false })
            try store.session.log.beginCheckpoint()
        } catch {
            guard error.code == .damaged else { throw error }
            return false
        }
        return try !hasLog()
    }

    private func hasLog() throws(VectorStoreError) -> Bool {
        for name in [StorePaths.logName, StorePaths.sharedMemoryName] {
            if try mapped(directory.status(name)) != nil { return true }
        }
        return false
    }

    /// One that an interrupted backup has left, or this one.
    private func removeNewIndex() {
        for suffix in ["", "-wal", "-shm"] {
            try? backup.fileSystem.unlink(StorePaths.newIndexName + suffix, in: directory)
        }
    }
}
