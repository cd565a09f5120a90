extension VectorStore {
    /// Gives all rows new vectors, which `embed` makes, and then makes all of them current in one transaction: until
    /// that, readers and writers go on with the old vectors; after it, all have the new ones, of the new dimension.
    ///
    ///     try store.reembed(dimension: 768, model: EmbeddingModel("e5-base")) { ids, metadata, old in
    ///         try vectors(of: metadata)
    ///     }
    ///
    /// **Rounds.** The rows are embedded batch by batch, in id order, and each batch is durable before the next begins.
    /// Meanwhile writers may put rows of the old dimension, change metadata, and delete. Rows that were put or changed
    /// since they were embedded come again in a further round, until no row is left. If rows are still left after 64
    /// rounds, the call ends with `busy`.
    ///
    /// **Going on.** Whatever ends the call (an error of `embed`, the deadline, `progress`, a crash, ``close()``), the
    /// rows that were embedded stay so, and the next call with the same dimension and model goes on with the others,
    /// also in another process: ``VectorStoreInfo/reembedding``. Writes of any handle in between take back what they
    /// change. ``abortReembedding()`` drops it all. Until then the store keeps a second data file, and can't be
    /// rewritten (`busy`); it can be compacted in place and punched. A backup leaves the new vectors out.
    ///
    /// **After the end** a vector of the old dimension is an `invalidVector` to puts and searches of all handles. A
    /// handle that was opened with the old model (``VectorStoreOptions/model``) throws `differentModel`, except this one,
    /// which goes on with the new model. Codes are made anew by the next compaction or
    /// ``accelerate(options:progress:)``.
    ///
    /// Takes one read of all rows and metadata, one write of all new vectors, two syncs a batch, and memory for a batch
    /// and some bits a row.
    ///
    /// - Parameters:
    ///   - dimension: The number of components of the new vectors, 1 to 65,536. The element and the metric stay.
    ///   - model: The model that makes them; nil if the store needn't say it. The old model's description goes.
    ///   - options: A rate limit on the bytes of new vectors, and a deadline.
    ///   - progress: Called between batches, with no lock held. An error that it throws ends the call.
    ///   - embed: Called with a batch of some hundred rows: their ids, their metadata (nil for a row that has none) and
    ///     their old vectors. Returns one new vector for each of them, in the same order. No lock is held, so it may
    ///     take any time, and may read the store and write to it. An error that it throws ends the call.
    /// - Returns: A report of the work.
    /// - Throws: `invalidVector`, with the id, for a new vector of another dimension, with a component that isn't finite,
    ///   or that the element doesn't allow; `invalidArgument` for a dimension or a model out of range; `busy` if a
    ///   re-embedding to another dimension or model was begun, if other maintenance is under way, if another program
    ///   writes to the index, or after the last round; `damaged`, with the ids, for rows or metadata that don't match
    ///   their checksums; `diskFull`; `deadlineExceeded`; `closed` if another thread closes the store meanwhile.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func reembed(
        dimension: Int,
        model: EmbeddingModel? = nil,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in },
        _ embed: (_ ids: [ID], _ metadata: [String?], _ vectors: [[Float]]) throws -> [[Float]]
    ) throws -> ReembeddingReport {
        try Pace.check(options)
        return try reembed(dimension, model, Pace(options, progress), MaintenanceLimits(), embed)
    }

    @discardableResult
    func reembed(
        _ dimension: Int,
        _ model: EmbeddingModel?,
        _ pace: Pace,
        _ limits: MaintenanceLimits,
        _ embed: ([ID], [String?], [[Float]]) throws -> [[Float]]
    ) throws -> ReembeddingReport {
        try VectorStoreConfiguration.check(dimension)
        try model?.check()
        defer { background?.look() }
        return try writing().maintain(pace, limits) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            let reembedding = Reembedding(
                maintenance: maintenance,
                dimension: dimension,
                model: model,
                expected: readers.model
            )
            return try reembedding.run { rows in
                try embed(rows.map { try VectorStoreSnapshot.typed($0.id) }, rows.map(\.metadata), rows.map(\.vector))
            }
        }
    }

    /// Drops the new vectors of a re-embedding that was begun and not ended, and their file. The store is as if it had
    /// never begun.
    ///
    /// Takes time in proportion to the rows that have new vectors.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: `busy` while it is under way, or other maintenance is.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func abortReembedding() throws(VectorStoreError) -> Bool {
        try storeErrors {
            try writing().maintain(Pace { _ in }) { maintenance in
                guard try maintenance.turn({ try Reembedding.abort($0, "dropped on request") }) else { return false }
                try maintenance.turn { try Recovery.putInOrder($0) }
                try maintenance.removeStaleRows()
                return true
            }
        }
    }
}
