/// Recovery as a step of its own, for a command at start-up. Opening a store for writing recovers it as well, but leaves
/// the slow part of the cleaning, the index rows that a rewrite left, for later; this finishes it. An erasure that was
/// interrupted is carried on by both, and left once more, which the report tells, where readers or a full disk are in its way.
public enum VectorStoreRecovery {
    /// Puts in order whatever a crash left of the store at `path`.
    ///
    /// Idempotent; safe to interrupt at any point and to run again. Takes time in proportion to the rows that an
    /// interrupted rewrite left in the index, and bounded memory.
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - dryRun: Only tell what would be done.
    /// - Returns: What was found and done; `state` is `damaged`, and nothing was touched, where the files contradict the
    ///   index.
    /// - Throws: ``VectorStoreError`` where there is no store, it is `locked` by a writer, or the disk fails.
    public static func run(at path: String, dryRun: Bool = false) throws -> RecoveryReport {
        try run(StorePaths(path), dryRun: dryRun, SystemFileSystem())
    }

    /// The same; `isCancelled` ends the look through a long log.
    package static func run(
        at path: String,
        dryRun: Bool,
        isCancelled: @escaping () -> Bool
    ) throws -> RecoveryReport {
        try run(StorePaths(path), dryRun: dryRun, SystemFileSystem(), isCancelled: isCancelled)
    }

    static func run(
        _ paths: StorePaths,
        dryRun: Bool,
        _ fileSystem: any FileSystem,
        _ limits: MaintenanceLimits = MaintenanceLimits(),
        isCancelled: @escaping () -> Bool = { Task.isCancelled }
    ) throws -> RecoveryReport {
        let witness = LogWitness(paths, fileSystem, isCancelled: isCancelled)
        do {
            return try explaining(by: paths.directory) {
                try StoreDirectory.check(paths)
                return try dryRun ? plan(paths, witness) : recover(paths, witness, limits)
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
            return try Recovery(index, paths, witness.fileSystem).report
        }
    }

    private static func recover(
        _ paths: StorePaths,
        _ witness: LogWitness,
        _ limits: MaintenanceLimits
    ) throws -> RecoveryReport {
        let lock = try Writer.lock(paths)
        let (store, recovery) = try Recovery.open(paths, lock, witness)
        let writer = Writer(store, readers: ReadStripes(), .full)
        let obstacle = try writer.maintain(Pace { _ in }, limits) { maintenance in
            try maintenance.removeStaleRows()
            if recovery.hasInterruptedMoves { try cutTail(maintenance) }
            return try Erasure(maintenance: maintenance).resume()
        }
        try writer.close {}
        return recovery.report(leavingErasuresFor: obstacle)
    }

    /// Gives whatever can still be read of a damaged store to `body`: rows that match their checksums as `verified`, what is
    /// doubtful with the reason why it was set aside, and, where the index is lost, the rows as they lie in the data file.
    ///
    /// Touches nothing in the store's directory; works where opening the store throws `damaged`, and on a sound store too.
    /// What lies on both sides of a page of the index that can't be read is found. It reads a copy of the index in the
    /// system's temporary directory. Time in proportion to the rows, and bounded memory but for some bits a row.
    ///
    /// The writer's lock is held meanwhile. Where this process has a handle on the store open, even one for reading, it is
    /// refused: the copy would drop that handle's locks on the index. Close it, or salvage in another process. While the copy
    /// is made, the store can't be opened in this process; `sqlite3` connections of your own in it, which nobody here can see,
    /// lose their locks.
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - progress: Called after each row; what it throws ends the call.
    ///   - body: Takes each row: in id order those that the index names, but behind an unreadable page from the last
    ///     backwards. What it throws ends the call.
    /// - Returns: What was found, counted.
    /// - Throws: ``VectorStoreError`` where there is no store, it is `locked` by a writer, of a `newerFormat`, not readable
    ///   by permission, or the temporary directory fails; `busy` where this process has it open; what `body` throws.
    public static func salvage(
        at path: String,
        progress: @escaping ProgressHandler = { _ in },
        _ body: (SalvagedRow) throws -> Void
    ) throws -> SalvageReport {
        try salvage(StorePaths(path), SystemFileSystem(), progress, body)
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

    /// Without a lock file there is no writer, and the file isn't made; where this user may not open it, there is no asking.
    private static func whileNobodyWrites<R>(_ paths: StorePaths, _ body: () throws -> R) throws -> R {
        guard paths.directory.isReadable(StorePaths.writerLockName) else { return try body() }
        let lock = try Writer.lock(paths, create: false)
        defer { lock.unlock() }
        return try body()
    }

    /// What interrupted moves have left at the end of the data file.
    private static func cutTail(_ maintenance: Maintenance) throws {
        do { _ = try InPlace(maintenance: maintenance).run(moving: false) } catch let error as VectorStoreError
            where error.code == .busy
        {
            // Readers hold on to what would be cut off: it stays for the next compaction.
        }
    }
}
