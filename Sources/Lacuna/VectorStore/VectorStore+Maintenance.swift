extension VectorStore {
    /// How the store uses its disk. O(rows) time, one bit of memory a row.
    public var space: StoreSpace {
        get throws { try read { try $0.space } }
    }

    /// 1 − live bytes ÷ bytes of all rows, in O(1): 0 for a file without rows, 1 for one in which every row is dead.
    public var fragmentation: Double {
        get throws { try read { $0.fragmentation } }
    }

    /// Where the live, dead and punched rows lie in the data file: its slots in `count` buckets at most, in file order.
    ///
    /// O(rows) time, one bit of memory a row.
    public func slotMap(buckets count: Int) throws -> [SlotBucket] {
        guard count >= 1 else {
            throw VectorStoreError(.invalidArgument, "\(count) buckets are out of range; ask for one at least")
        }
        return try readers.read { snapshot in
            let file = snapshot.rows.file
            let live = try LiveBitmap.load(snapshot.index, snapshot.record, file)
            return SlotBucket.measure(live, file, count: count)
        }
    }

    /// What ``compact(_:progress:)`` would do now; changes nothing.
    public func compactionPlan(_ strategy: CompactionStrategy = .auto) throws -> CompactionPlan {
        try readers.read { snapshot in
            try CompactionPlan.make(strategy, snapshot.index, snapshot.record, snapshot.rows.file, paths)
        }
    }

    /// Gives the space of dead rows back.
    ///
    /// Safe to interrupt at any point: a crash or an error leaves either the state before or the state after, and every
    /// row in both. Rows are checked against their checksums while they are copied. Readers go on meanwhile; writers of
    /// this handle wait.
    ///
    /// - Parameters:
    ///   - strategy: `rewrite` takes O(live bytes) time and as much free disk; `punch` copies nothing; `auto` chooses.
    ///   - progress: Called between batches of a few MiB. What it throws stops the compaction, which leaves the store as
    ///     it was (a punch keeps the blocks that it has released), and comes out of this call.
    /// - Returns: What was done, measured.
    /// - Throws: `damaged`, with the ids, where a row doesn't match its checksum; `diskFull`; `busy` where a reader holds
    ///   on to rows whose blocks are to be released.
    @discardableResult
    public func compact(
        _ strategy: CompactionStrategy = .auto,
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> CompactionReport {
        try writing().exclusively { session in
            try Recovery.putInOrder(session)
            return try Compactor(session: session, progress: progress).run(strategy)
        }
    }

    /// Releases the disk blocks inside runs of dead rows: ``compact(_:progress:)`` with the strategy `punch`.
    @discardableResult
    public func punchHoles(progress: @escaping ProgressHandler = { _ in }) throws -> CompactionReport {
        try compact(.punch, progress: progress)
    }

    /// Reads everything: each row and all metadata against their checksums, every offset, SQLite's own integrity check,
    /// and the directory. Changes nothing.
    ///
    /// O(bytes) time; bounded memory and four bytes of temporary file a row.
    public func verify(progress: @escaping ProgressHandler = { _ in }) throws -> VerificationReport<ID> {
        try readers.read { snapshot in
            var verification = Verification<ID>(snapshot, paths, progress)
            return try verification.run()
        }
    }
}
