extension VectorStore {
    /// Makes codes of the rows, or adds those of the rows that were put since: a short form of the rows in a file beside
    /// them, by which a search leaves out most rows without reading them. From then on the store wants codes, until
    /// ``stopAccelerating()``.
    ///
    /// Answers are the same with and without codes, bit for bit: codes show, with a proven bound on their error, which
    /// rows can be near enough, and the distances of these are computed from the rows. A row without codes is searched
    /// as it is: rows that were put after this call, and, after rows were erased, all rows. Codes are made or added by
    /// this call, by ``VectorStore/compact(_:options:progress:)`` at its end, and in the background by a
    /// ``MaintenancePolicy``. The file of codes is never trusted: if it is missing, or doesn't match its checksums, it is
    /// ignored, and this call makes it anew.
    ///
    /// Codes of the row's own components need a bit more than a quarter of the rows' bytes. If the rows vary in some
    /// directions more than in others, as embeddings of texts do, the principal components of a sample are put before
    /// those, as many as let a search read least.
    ///
    /// The call reads all rows once, in O(rows · dimension · components) time and bounded memory, while this handle's
    /// readers and writers go on. One compaction, erasure or acceleration runs at a time.
    ///
    /// - Parameters:
    ///   - options: A rate limit on the bytes of rows that are read, and a deadline.
    ///   - progress: Called between batches of 1 MiB, with no lock held. An error that it throws stops the call, and this
    ///     call throws it; codes that were made before stay.
    /// - Throws: `diskFull`; `deadlineExceeded`; `busy` if a compaction or an erasure is under way; `closed` if another
    ///   thread closes the store meanwhile.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func accelerate(
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> AccelerationReport {
        try Pace.check(options)
        defer { background?.look(isAcceleration: true) }
        return try writing().maintain(Pace(options, progress)) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try CodesBuilder(maintenance: maintenance).run()
        }
    }

    /// Removes the codes. From then on searches compare the rows themselves.
    ///
    /// - Throws: `busy` if a compaction or an erasure is under way.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func stopAccelerating() throws(VectorStoreError) {
        try storeErrors {
            defer { background?.look(isAcceleration: true) }
            try writing().maintain(Pace { _ in }) { try CodesBuilder(maintenance: $0).stop() }
        }
    }
}

extension Writer {
    /// Makes codes in the background if the store still wants them.
    func accelerateIfNeeded(_ pace: Pace) throws -> AccelerationReport? {
        try maintain(pace, givesWay: true) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try CodesBuilder(maintenance: maintenance).runIfNeeded()
        }
    }
}
