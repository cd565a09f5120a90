extension VectorStore {
    /// How the store uses its disk. O(rows) time, one bit of memory a row.
    public var space: StoreSpace {
        get throws { try read { try $0.space } }
    }

    /// 1 − live bytes ÷ bytes of all rows, in O(1): 0 for a file without rows, 1 for one in which every row is dead.
    public var fragmentation: Double {
        get throws { try read { $0.fragmentation } }
    }

    /// Where the live, dead and punched rows lie in the data file: its slots in `count` buckets at most, in file order, and in
    /// no more than 1,048,576.
    ///
    /// O(rows) time, one bit of memory a row.
    public func slotMap(buckets count: Int) throws -> [SlotBucket] {
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

    /// What ``compact(_:_:progress:)`` would do now; changes nothing.
    public func compactionPlan(_ strategy: CompactionStrategy = .auto) throws -> CompactionPlan {
        let isRead = CompactionPlan.isRead(paths)
        return try readers.read { snapshot in
            try CompactionPlan.make(strategy, snapshot.index, snapshot.rows.file, paths, isRead: isRead)
        }
    }

    /// Gives the space of dead rows back, while this handle's readers and writers go on: see ``CompactionStrategy``.
    ///
    /// Safe to interrupt at any point: a crash or an error leaves every row that was acknowledged, and a store that is in
    /// order after the next `open`. Rows are checked against their checksums while they are copied. One compaction or erasure
    /// runs at a time; another waits for it, five seconds at most.
    ///
    /// - Parameters:
    ///   - strategy: How; `auto` chooses.
    ///   - options: A rate limit and a deadline.
    ///   - progress: Called between batches of a MiB, with no lock held. What it throws stops the compaction, and comes
    ///     out of this call: a rewrite then leaves the store as it was; rows moved in place, and blocks released, stay so.
    /// - Returns: What was done, measured.
    /// - Throws: `damaged`, with the ids, where a row doesn't match its checksum; `diskFull`; `deadlineExceeded`; `closed`
    ///   where another thread closes the store meanwhile; `busy` where a reader holds on to rows whose place is to be used
    ///   again, or another compaction is under way.
    @discardableResult
    public func compact(
        _ strategy: CompactionStrategy = .auto,
        _ options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> CompactionReport {
        try Pace.check(options)
        return try writing().compact(strategy, Pace(options, progress))
    }

    /// Releases the disk blocks inside runs of dead rows: ``compact(_:_:progress:)`` with the strategy `punch`.
    @discardableResult
    public func punchHoles(progress: @escaping ProgressHandler = { _ in }) throws -> CompactionReport {
        try compact(.punch, progress: progress)
    }

    /// Reads everything: each row and all metadata against their checksums, every offset, SQLite's own integrity check,
    /// and the directory. Changes nothing.
    ///
    /// O(bytes) time; bounded memory, and two and a half bits a row.
    public func verify(progress: @escaping ProgressHandler = { _ in }) throws -> VerificationReport<ID> {
        try readers.read { snapshot in
            var verification = Verification<ID>(snapshot, paths, progress)
            return try verification.run()
        }
    }
}

extension Writer {
    func compact(_ strategy: CompactionStrategy, _ pace: Pace, givesWay: Bool = false) throws -> CompactionReport {
        try maintain(pace, givesWay: givesWay) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try Compactor(maintenance: maintenance).run(strategy)
        }
    }
}
