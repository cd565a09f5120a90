/// Brings an earlier backup up to date with the rows that were appended to the data file since.
///
/// | after | a crash leaves |
/// | --- | --- |
/// | 1. the index is copied into the backup under another name | the backup as it was, and a file that the next one removes |
/// | 2. the rows from the backup's next slot on are copied, checked and synced | the same: to its index they are free space |
/// | 3. the directory is synced | the same, without a log of the old index |
/// | 4. the new index gets the old one's name, and the directory is synced | the backup as it was, or the new one |
/// | 5. the mark is raised | the new one; with the old mark, an older state that is put back wouldn't be noticed |
///
/// This is done only if each row of the new index below the backup's next slot is also in the backup's index, in the
/// same slot with the same checksum: then the backup's file holds the row. That is not so after a compaction (which
/// makes another generation, or puts rows into other slots), or if one side was written to without the other. It is
/// also not done after an erasure: the erased bytes would stay in the backup.
struct Appending {
    let backup: StoreBackup
    let old: StorePaths
    let lock: FileLock

    private var directory: Directory { old.directory }

    /// Returns nil if a whole backup is needed; then nothing was changed.
    func run() throws -> BackupReport? {
        guard try isClosed() else { return nil }
        removeNewIndex()
        // This removes the new index if the backup fails; otherwise the name is gone by then.
        defer { removeNewIndex() }
        let copy = StoreCopy(directory: directory, fileSystem: backup.fileSystem, pace: backup.pace)
        let oldIndex = try StoreIndex.openForReading(directory, .immutable, allowingEarlier: true)
        let before = try oldIndex.record()
        guard let target = try? DataFile.open(before.dataFile, in: directory, .readWrite, backup.fileSystem),
            target.header == before.header, try target.status().size >= before.rowsEnd
        else { return nil }
        // Only this variable holds the copied index: its connection must be closed before the index gets its name.
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
        // A reader that has opened the backup since uses shared memory by the index's name.
        guard try isClosed() else { return nil }
        // If a power cut brought the removed log back later, the new index would have a log that isn't its own.
        if !PlantedBug.removedLogNotSynced.isPlanted { try mapped(backup.fileSystem.sync(directory)) }
        try mapped(copy.nameIndex())
        try copy.writeMark(record, lock)
        return appended.report(record, indexBytes, isIncremental: true)
    }

    /// Copies the rows after the backup's rows; returns nil if the backup's rows aren't all the same.
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
        // Bytes that an interrupted backup has left after the rows would otherwise show through holes.
        try target.truncate(to: before.rowsEnd)
        let range = before.rowsEnd..<max(before.rowsEnd, record.rowsEnd)
        let bytes = try copy.copyBytes(range, from: file, to: target)
        if try target.status().size < record.rowsEnd { try target.truncate(to: record.rowsEnd) }
        return CopiedState(index: index, file: target, bytes: bytes)
    }

    /// Whether nobody has the backup open, and its index is complete without a log. A log that readers or a crash have
    /// left is removed, as when a store is opened for writing.
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

    /// Removes the new index of this backup, or of an interrupted one.
    private func removeNewIndex() {
        for suffix in ["", "-wal", "-shm"] {
            try? backup.fileSystem.unlink(StorePaths.newIndexName + suffix, in: directory)
        }
    }
}
