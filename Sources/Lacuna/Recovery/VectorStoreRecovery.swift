/// Recovery as a step of its own, for a command at start-up. Opening a store for writing recovers it as well, but
/// leaves the slow part of the cleaning for later: the removal of index rows that a rewrite has left. This does that
/// part too. Both complete an interrupted erasure. If readers or a full disk are in its way, it stays pending, and the
/// report says so.
public enum VectorStoreRecovery {
    /// Puts in order what a crash has left of the store at `path`.
    ///
    /// It also compares the indexes on metadata with the metadata, and makes those anew that differ.
    ///
    /// It may be interrupted at any point, and repeated. Takes time in proportion to the index rows that an interrupted
    /// rewrite has left, and, if there are indexes on metadata, to the metadata; and bounded memory.
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - dryRun: Whether to report only what would be done.
    /// - Returns: The report. If the files contradict the index, its `state` is `damaged`, and nothing was touched.
    /// - Throws: ``VectorStoreError`` if there is no store, it is `locked` by a writer, or the disk fails.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func recover(
        at path: some StorePathConvertible,
        dryRun: Bool = false
    ) throws(VectorStoreError) -> RecoveryReport {
        try storeErrors { try recover(StorePaths(path.storePath), dryRun: dryRun, SystemFileSystem()) }
    }

    /// The same; `isCancelled` can end the check of a long log.
    package static func recover(
        at path: String,
        dryRun: Bool,
        isCancelled: @escaping () -> Bool
    ) throws -> RecoveryReport {
        try recover(StorePaths(path), dryRun: dryRun, SystemFileSystem(), isCancelled: isCancelled)
    }

    static func recover(
        _ paths: StorePaths,
        dryRun: Bool,
        _ fileSystem: any FileSystem,
        _ limits: MaintenanceLimits = MaintenanceLimits(),
        isCancelled: @escaping () -> Bool = { AsyncCall.isCancelled }
    ) throws -> RecoveryReport {
        let witness = LogWitness(paths, fileSystem, isCancelled: isCancelled)
        do {
            return try explaining(by: paths.directory) {
                try StoreDirectory.check(paths)
                return try dryRun ? plan(paths, witness) : reconcile(paths, witness, limits)
            }
        } catch let error as VectorStoreError where error.code == .damaged {
            return RecoveryReport(state: .damaged, actions: [], damage: error)
        }
    }

    private static func plan(_ paths: StorePaths, _ witness: LogWitness) throws -> RecoveryReport {
        let source = try IndexSource.forReading(paths, witness.fileSystem)
        return try source.whileUnchanged {
            let index = try StoreIndex.openForReading(
                source.directory,
                source.mode,
                checkedBy: witness,
                allowingEarlier: true
            )
            return try Recovery.plan(index, paths, witness.fileSystem)
        }
    }

    private static func reconcile(
        _ paths: StorePaths,
        _ witness: LogWitness,
        _ limits: MaintenanceLimits
    ) throws -> RecoveryReport {
        let lock = try Writer.lock(paths)
        let (store, recovery) = try Recovery.open(paths, lock, witness)
        let writer = Writer(store, readers: ReadStripes(), .full)
        var removesRows = false
        var wrongIndexes: [String] = []
        let obstacle = try writer.maintain(Pace { _ in }, limits) { maintenance in
            removesRows = try maintenance.index.hasStaleRows(current: maintenance.index.record().generation)
            try maintenance.removeStaleRows()
            if recovery.hasInterruptedMoves { try cutTail(maintenance) }
            wrongIndexes = try maintenance.turn { try rebuildWrongIndexes($0) }
            return try Erasure(maintenance: maintenance).resume()
        }
        try writer.close {}
        return recovery.report(removingRows: removesRows, rebuilding: wrongIndexes, leavingErasuresFor: obstacle)
    }

    /// Returns the names of the indexes that were rebuilt.
    private static func rebuildWrongIndexes(_ session: WriteSession) throws -> [String] {
        var rebuilt: [String] = []
        // SQLite's check ends after a hundred faults, which may all be those of one index.
        while case let names = try session.index.wrongIndexes().filter({ !rebuilt.contains($0) }), !names.isEmpty {
            for name in names { try session.commit { () throws(VectorStoreError) in try session.index.rebuild(name) } }
            rebuilt += names
        }
        return rebuilt
    }

    /// Calls `body` with everything that can still be read of a damaged store: rows that match their checksums as
    /// `verified`, doubtful rows with the reason why they were set aside, and, if the index is lost, the rows of the
    /// data file as `unverified`.
    ///
    /// It touches nothing in the store's directory. It works if opening the store throws `damaged`, and on a sound
    /// store too. It finds rows on both sides of an index page that can't be read. It reads a copy of the index in the
    /// system's temporary directory. Takes time in proportion to the rows, and bounded memory plus some bits a row.
    ///
    /// It holds the writer's lock meanwhile. If this process has a handle on the store open, even one for reading, it
    /// throws `busy`: the copy would drop that handle's locks on the index. Close the handle, or salvage in another
    /// process. While the copy is made, the store can't be opened in this process. If your process has `sqlite3`
    /// connections of its own to the index, which Lacuna can't see, they lose their locks.
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - progress: Called after each row. An error that it throws ends the call.
    ///   - body: Called with each row. Rows that the index names come in id order, but those after an unreadable page
    ///     come from the last one backwards. An error that it throws ends the call.
    /// - Returns: The report, with the numbers of rows.
    /// - Throws: ``VectorStoreError`` if there is no store, it is `locked` by a writer, has a `newerFormat`, may not be
    ///   read, or the temporary directory fails; `busy` if this process has the store open; the error of `body`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func salvage(
        at path: some StorePathConvertible,
        progress: @escaping ProgressHandler = { _ in },
        _ body: (SalvagedRow) throws -> Void
    ) throws -> SalvageReport {
        try salvage(StorePaths(path.storePath), SystemFileSystem(), progress, body)
    }

    static func salvage(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        _ progress: @escaping ProgressHandler = { _ in },
        _ body: (SalvagedRow) throws -> Void
    ) throws -> SalvageReport {
        try whileNobodyWrites(paths) {
            let source = try SalvageSource(paths, fileSystem)
            return try withoutActuallyEscaping(body) { body in
                var salvage = Salvage(source, progress, body)
                return try salvage.run()
            }
        }
    }

    /// Holds the writer's lock while `body` runs. If there is no lock file, there is no writer, and the file isn't
    /// made. If this user may not open the file, the lock can't be checked.
    private static func whileNobodyWrites<R>(_ paths: StorePaths, _ body: () throws -> R) throws -> R {
        guard paths.directory.isReadable(StorePaths.writerLockName) else { return try body() }
        let lock = try Writer.lock(paths, create: false)
        defer { lock.unlock() }
        return try body()
    }

    /// Cuts off the dead rows that interrupted moves have left at the end of the data file.
    private static func cutTail(_ maintenance: Maintenance) throws {
        do { _ = try InPlace(maintenance: maintenance).run(moving: false) } catch let error as VectorStoreError
            where error.code == .busy
        {
            // Readers still see the rows that would be cut off: they stay until the next compaction.
        }
    }
}
