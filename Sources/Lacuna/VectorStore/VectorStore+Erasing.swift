import Logging

extension VectorStore {
    /// Deletes rows, and destroys what is left of them: when this returns, the bytes of those vectors, of their earlier
    /// versions and of their metadata are gone from every file of the store, and so are those of all rows that were deleted
    /// or replaced before. Ids without a row do no harm: name ids that were deleted long ago, or none at all.
    ///
    /// Deletes first, in one durable transaction, so that no later read finds the rows; works on a full disk too. Then waits
    /// for readers that still see them (snapshots, in this process and in others), overwrites all dead rows of the data file
    /// with zeros while readers and writers go on, and has SQLite write the index anew and empty its log.
    ///
    /// **Cost.** Reads all dead bytes of the data file, once, and writes those that aren't zero. Then rebuilds the index, in
    /// O(index) time, during which writers wait: ``ErasureReport/longestWriterPause``. That takes room for a copy of the
    /// index among the system's temporary files, and for another one in the store; bounded memory, and one bit a row. So
    /// erase many rows in one call.
    ///
    /// **Durability.** What was erased doesn't come back, by a power cut neither. Once the deletion is committed, whatever
    /// stops this call (a crash, an error, the deadline, `progress`, ``close()``) leaves the rows deleted and the erasure
    /// pending: the next `open` for writing carries it on to its end, and so do `erase`, `compact` and
    /// ``VectorStoreRecovery``. The error says so.
    ///
    /// **Not in its reach.** Copies that were made of the store or of its rows: backups, exports, file system snapshots. Blocks
    /// that were given back to the file system earlier: they are free, and not overwritten (of punched rows, of a tail that was
    /// cut, of files that a rewrite replaced, of the index and its log, and of temporary files, such as the copy of the index
    /// that this call makes). A file that a rewrite replaced, and that some program still has open: a reading handle lets it
    /// go with its snapshot, or within two seconds; this call doesn't see other programs. The storage underneath: a
    /// copy-on-write file system writes the zeros to other blocks, an SSD to other cells. There, only encryption and throwing
    /// away its key erases. Ids go with their rows, but logs may name some, so put nothing secret into an id.
    ///
    /// - Parameters:
    ///   - ids: The rows. Those without a row are counted as nothing.
    ///   - options: A rate limit, on the bytes that are read and overwritten, and a deadline.
    ///   - progress: Called between pieces of the data file, with no lock held. What it throws stops the erasure, which stays
    ///     pending, and comes out of this call.
    /// - Returns: What was done, measured.
    /// - Throws: `busy` where a reader holds on to a state from before the deletion for longer than five seconds, or another
    ///   compaction or erasure is under way; `diskFull` where there is no room to rebuild the index; `deadlineExceeded`;
    ///   `closed` where another thread closes the store meanwhile.
    @discardableResult
    public func erase(
        _ ids: [ID],
        _ options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> ErasureReport {
        try Pace.check(options)
        return try erase(ids, Pace(options, progress), MaintenanceLimits())
    }

    func erase(_ ids: [ID], _ pace: Pace, _ limits: MaintenanceLimits) throws -> ErasureReport {
        try writing().maintain(pace, limits) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try Erasure(maintenance: maintenance).run(ids.map(\.sqlValue))
        }
    }

    /// How long opening a store waits for readers that are in an erasure's way.
    private static var openingDrainSeconds: Double { 1 }

    /// What an earlier handle left of its erasures. Where something is in the way, the store opens all the same.
    func resumeErasures(_ logger: Logger?) throws {
        let limits = MaintenanceLimits(drainSeconds: Self.openingDrainSeconds)
        let obstacle = try writing().maintain(Pace { _ in }, limits) { try Erasure(maintenance: $0).resume() }
        if let obstacle {
            logger?.warning("rows that were to be erased are deleted, and not erased yet: \(obstacle.detail)")
        }
    }
}
