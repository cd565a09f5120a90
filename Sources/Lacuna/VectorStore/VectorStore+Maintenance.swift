extension VectorStore {
    /// The store's use of the disk. Takes O(rows) time and one bit of memory a row.
    public var space: StoreSpace {
        get throws(VectorStoreError) { try storeErrors { try read { try $0.space } } }
    }

    /// 1 − live bytes ÷ bytes of all rows: 0 if the file has no rows, 1 if every row is dead. Takes O(1) time.
    public var fragmentation: Double {
        get throws(VectorStoreError) { try storeErrors { try read { $0.fragmentation } } }
    }

    /// Tells where the live, dead and punched rows lie in the data file: divides its slots into at most `count`
    /// buckets, and at most 1,048,576, in the order of the file.
    ///
    /// Takes O(rows) time and one bit of memory a row.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func slotMap(buckets count: Int) throws(VectorStoreError) -> [SlotBucket] {
        try storeErrors {
            guard count >= 1 else {
                throw VectorStoreError(
                    .invalidArgument,
                    "\(count) buckets are out of range",
                    remedy: "ask for at least one"
                )
            }
            return try readers.read { snapshot in
                let file = snapshot.rows.file
                let live = try LiveBitmap.load(snapshot.index, snapshot.record)
                return SlotBucket.measure(live, file, count: count)
            }
        }
    }

    /// The plan of what ``compact(_:options:progress:)`` would do now. Changes nothing.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func compactionPlan(_ strategy: CompactionStrategy = .auto) throws(VectorStoreError) -> CompactionPlan {
        try storeErrors {
            let isRead = CompactionPlan.isRead(paths)
            return try readers.read { snapshot in
                try CompactionPlan.make(strategy, snapshot.index, snapshot.rows.file, paths, isRead: isRead)
            }
        }
    }

    /// Gives the space of dead rows back, while this handle's readers and writers go on: see ``CompactionStrategy``.
    ///
    /// Moving rows takes their codes away. So if the store wants codes (``VectorStore/accelerate(options:progress:)``), the
    /// call ends with making those that are missing, also those of rows that were put since they were last made. An
    /// error there, the deadline's among them, isn't thrown: ``CompactionReport/accelerationError``.
    ///
    /// A compaction may be interrupted at any point: after a crash or an error every acknowledged row is there, and the
    /// store is in order after the next `open`. Rows are checked against their checksums while they are copied. One
    /// compaction or erasure runs at a time; another one waits for it, five seconds at most.
    ///
    /// - Parameters:
    ///   - strategy: The strategy; `auto` chooses one.
    ///   - options: A rate limit and a deadline.
    ///   - progress: Called between batches of 1 MiB, with no lock held, first of the compaction and then of the codes.
    ///     An error that it throws stops the call, and this call throws it. Then a rewrite that isn't complete leaves
    ///     the store as it was; rows moved in place, and blocks released, stay so.
    /// - Returns: A report of the work, with measurements.
    /// - Throws: `damaged`, with the ids, if a row doesn't match its checksum; `diskFull`; `deadlineExceeded`; `closed`
    ///   if another thread closes the store meanwhile; `busy` if a reader holds rows whose place is to be used again,
    ///   if other maintenance is under way, or, for a rewrite, if a re-embedding was begun and not ended.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func compact(
        _ strategy: CompactionStrategy = .auto,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> CompactionReport {
        try Pace.check(options)
        defer { background?.look() }
        return try writing().compact(strategy, Pace(options, progress))
    }

    /// Reads and checks everything: each row and all metadata against their checksums, every slot, the index by
    /// SQLite's own integrity check, and the directory. Changes nothing. Codes aren't read: a search checks those that it
    /// uses, and passes over damaged ones, so they are no damage.
    ///
    /// Takes O(bytes) time, and bounded memory plus two and a half bits a row.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func verify(progress: @escaping ProgressHandler = { _ in }) throws -> VerificationReport<ID> {
        try readers.read { snapshot in
            var verification = Verification<ID>(snapshot, paths, unlessSuspended(progress))
            return try verification.run()
        }
    }
}

extension Writer {
    func compact(_ strategy: CompactionStrategy, _ pace: Pace, givesWay: Bool = false) throws -> CompactionReport {
        try maintain(pace, givesWay: givesWay) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            let report = try Compactor(maintenance: maintenance).run(strategy)
            maintenance.counters.note { statistics in
                if report.strategy != nil { statistics.compactions += 1 }
                statistics.movedRows += report.movedRows
                statistics.writtenBytes += report.writtenBytes
                statistics.reclaimedBytes += max(0, report.allocatedBytesBefore - report.allocatedBytesAfter)
                statistics.longestWriterPause = max(statistics.longestWriterPause, report.longestWriterPause)
            }
            return report
        }
    }
}
