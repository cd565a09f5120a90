import Logging

extension VectorStore {
    /// Deletes rows and destroys their bytes: when this returns, the bytes of their vectors, of earlier versions and of
    /// their metadata are gone from every file of the store, and so are the bytes of all rows that were deleted or
    /// replaced before. Ids without a row do no harm: you may name ids that were deleted long ago, or none at all.
    ///
    /// The call first deletes the rows, in one durable transaction, so that no later read finds them; this works on a
    /// full disk too. Then it waits for readers that still see them (snapshots, in this process and in others),
    /// overwrites all dead rows of the data file with zeros while readers and writers go on, and lets SQLite write the
    /// index anew and empty its log.
    ///
    /// **Cost.** The call reads all dead bytes of the data file once, and overwrites those that aren't zero. Then it
    /// rebuilds the index in O(index) time, while writers wait: ``ErasureReport/longestWriterPause``. Rebuilding needs
    /// room for a copy of the index among the system's temporary files, and for another copy in the store. Memory is
    /// bounded, plus one bit a row. So erase many rows in one call.
    ///
    /// **Codes** of rows would tell something of the rows, so this call removes all codes. If the store wants codes,
    /// ``VectorStore/accelerate(options:progress:)``, the next compaction or a ``MaintenancePolicy`` makes them anew.
    ///
    /// **Durability.** Erased bytes don't come back, not even after a power cut. If something stops this call after the
    /// deletion is committed (a crash, an error, the deadline, `progress`, ``close()``), the rows stay deleted and the
    /// erasure stays pending: the next `open` for writing completes it, and so do `erase`, `compact` and
    /// ``VectorStoreRecovery``. The error says so.
    ///
    /// **Limits.** An erasure doesn't reach:
    ///
    /// - Copies of the store or of its rows: backups, exports, snapshots of the file system.
    /// - Blocks that were given back to the file system earlier, which are free and not overwritten: those of punched
    ///   rows, of a tail that was cut, of files that a rewrite replaced, of the index and its log, and of temporary
    ///   files, such as the copy of the index that this call makes. The same holds for the file of codes, which this call
    ///   removes and doesn't overwrite.
    /// - A file that a rewrite replaced, or a file of codes, that some program still has open. A reading handle closes
    ///   it with its snapshot, or within two seconds; this call doesn't see other programs.
    /// - The storage below: a copy-on-write file system writes the zeros to other blocks, and an SSD to other cells.
    ///   There, the only way to erase is to encrypt and to throw the key away.
    ///
    /// Ids are erased with their rows, but the messages of loggers may name some, so put nothing secret into an id.
    ///
    /// - Parameters:
    ///   - ids: The ids of the rows. An id without a row isn't counted.
    ///   - options: A rate limit on the bytes that are read and overwritten, and a deadline.
    ///   - progress: Called between pieces of the data file, with no lock held. An error that it throws stops the
    ///     erasure, which stays pending, and this call throws it.
    /// - Returns: A report of the work, with measurements.
    /// - Throws: `busy` if a reader holds a state from before the deletion for longer than five seconds, or another
    ///   compaction or erasure is under way; `diskFull` if there is no room to rebuild the index; `deadlineExceeded`;
    ///   `closed` if another thread closes the store meanwhile.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func erase(
        _ ids: [ID],
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> ErasureReport {
        try Pace.check(options)
        defer { background?.look() }
        return try erase(ids, Pace(options, progress), MaintenanceLimits())
    }

    func erase(_ ids: [ID], _ pace: Pace, _ limits: MaintenanceLimits) throws -> ErasureReport {
        try writing().maintain(pace, limits) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try Erasure(maintenance: maintenance).run(ids.map(\.sqlValue))
        }
    }

    /// The time for which opening a store waits for readers that are in an erasure's way.
    private static var openingDrainSeconds: Double { 1 }

    /// Completes the erasures that an earlier handle left pending. If something is in the way, the store opens all the
    /// same.
    func resumeErasures(_ logger: Logger?) throws {
        let limits = MaintenanceLimits(drainSeconds: Self.openingDrainSeconds)
        let obstacle = try writing().maintain(Pace { _ in }, limits) { try Erasure(maintenance: $0).resume() }
        if let obstacle {
            logger?.warning("rows that were to be erased are deleted, and not erased yet: \(obstacle.detail)")
        }
    }
}
