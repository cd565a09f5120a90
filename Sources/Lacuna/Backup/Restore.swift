/// Puts a backup in the place of a store.
///
/// | after | a crash leaves |
/// | --- | --- |
/// | 1. the backup is copied beside the store, checked and synced | the store as it was, and `NAME.restored-…` |
/// | 2. the store's lock is taken | the same |
/// | 3. the two directories exchange their names in one step, and their parent is synced | the store as it was, or the backup's state |
/// | 4. the old store is named `NAME.before-<time>` | the backup's state; the old store is `NAME.restored-…` |
///
/// If the file system can't exchange names, step 3 is two renames. The first of them is step 4, and is synced before
/// the second. A crash between them leaves no store at the path; opening it says so, and running the restore again
/// completes it.
struct Restore {
    let backup: StorePaths
    let location: StoreLocation
    let fileSystem: any FileSystem
    let pace: Pace

    func run() throws -> RestoreReport {
        try location.checkIsOutside()
        let old = try location.isTaken ? StorePaths(location.path) : nil
        if let old {
            if old.directory.identity == backup.directory.identity {
                throw VectorStoreError(
                    .invalidArgument,
                    "\(location.path) is the backup itself",
                    remedy: "choose another path"
                )
            }
            try location.checkMovable(old.directory)
            try checkIsStore(old)
        }
        let (name, directory) = try location.makeSibling("restored")
        do {
            let report = try blamingBackup { try copy(to: directory) }
            let aside = try takePlace(name, old)
            return RestoreReport(rows: report.rows, bytes: try bytes(directory), movedAside: aside)
        } catch {
            location.remove(name, directory)
            throw error
        }
    }

    /// Refuses to move a directory that is no store.
    private func checkIsStore(_ old: StorePaths) throws {
        let names = try mapped(old.directory.names())
        guard names.isEmpty || names.contains(where: StorePaths.isOwnName) else {
            throw location.refusal("holds no store")
        }
    }

    private func copy(to directory: Directory) throws -> BackupReport {
        let source = try IndexSource.forReading(backup, fileSystem)
        let readers = ReaderPool(source, backup, CurrentFile(), fileSystem, ExpectedModel(nil), isCancelled: nil)
        try readers.openFirst(checkedBy: LogWitness(backup, fileSystem) { AsyncCall.isCancelled })
        defer { readers.close() }
        let report = try StoreBackup(readers: readers, source: backup, fileSystem: fileSystem, pace: pace).fill(
            directory
        )
        let messages = try StoreIndex.openForReading(directory, .immutable).integrityMessages()
        if let first = messages.first { throw VectorStoreError.damaged(first) }
        return report
    }

    /// Says in the error that the backup is damaged, and not the store at the place.
    private func blamingBackup<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as VectorStoreError where error.code == .damaged {
            throw error.within(
                "the backup \(backup.directory.path) is damaged, and \(location.path) was left as it is",
                remedy: "restore another backup, or save the rows of this one that are sound with \(.salvage)"
            )
        }
    }

    /// Returns the new path of the old store's directory, if there was one.
    private func takePlace(_ name: String, _ old: StorePaths?) throws -> String? {
        guard let old else {
            try location.putNew(name)
            return nil
        }
        let lock = try Writer.lock(old)
        defer { lock.unlock() }
        // A damaged store is moved aside as it is.
        let session = try? openOld(old, lock)
        let others = try location.exchange(name)
        // Readers of the old store check their path when they see a commit.
        if let session { try? tellReaders(session) }
        return try location.setAside(others)
    }

    private func openOld(_ old: StorePaths, _ lock: FileLock) throws -> WriteSession {
        let session = try Recovery.open(old, lock, LogWitness(old, fileSystem) { false }).0.session
        // The old store's log stays, as after a crash.
        session.log.checkpointsOnClose(false)
        return session
    }

    private func tellReaders(_ session: WriteSession) throws {
        try session.index.connection.transaction { () throws(VectorStoreError) in
            try session.index.update(session.index.record())
        }
        try session.log.mark.committed(session.index.record)
    }

    private func bytes(_ directory: Directory) throws(VectorStoreError) -> Int64 {
        var bytes: Int64 = 0
        for name in try mapped(directory.names()) { bytes += try mapped(directory.status(name))?.size ?? 0 }
        return bytes
    }
}
