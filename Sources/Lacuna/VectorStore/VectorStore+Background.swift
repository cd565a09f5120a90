extension VectorStore {
    /// Gives the space of dead rows back, as ``compact(_:_:progress:)`` does, and tells how far it is.
    ///
    ///     for try await update in store.compactionUpdates(.rewrite) {
    ///         switch update {
    ///         case .progress(let progress): show(progress.done, of: progress.total)
    ///         case .finished(let report): show(report)
    ///         }
    ///     }
    ///
    /// Nothing happens until it is iterated; then one compaction runs for each iterator, on a thread that isn't one of
    /// Swift's cooperative ones. It keeps the store open. Progress that nobody has picked up gives way to newer progress;
    /// the report and the error are never lost.
    ///
    /// Cancelling the task that iterates stops the compaction at its next batch, and the loop throws `CancellationError`
    /// once it has ended: after the loop nothing runs on. Leaving the loop early stops it too, at its next batch, but
    /// doesn't wait for that. What a stopped compaction leaves, ``compact(_:_:progress:)`` says.
    ///
    /// - Parameters:
    ///   - strategy: How; `auto` chooses.
    ///   - options: A rate limit and a deadline, which counts from when it is iterated.
    /// - Returns: A sequence that throws what ``compact(_:_:progress:)`` throws, `busy` among it where another compaction
    ///   takes too long.
    public func compactionUpdates(
        _ strategy: CompactionStrategy = .auto,
        _ options: MaintenanceOptions = MaintenanceOptions()
    ) -> CompactionUpdates {
        CompactionUpdates { progress in try self.compact(strategy, options, progress: progress) }
    }

    /// Gives the space of dead rows back, as ``compact(_:_:progress:)`` does, without blocking the thread that it is called
    /// on. Cancelling the task stops it at its next batch, and is waited for.
    ///
    /// - Parameters:
    ///   - strategy: How; `auto` chooses.
    ///   - options: A rate limit and a deadline.
    /// - Returns: What was done, measured.
    /// - Throws: What ``compact(_:_:progress:)`` throws; `CancellationError`, once it has ended.
    @discardableResult
    public func compactInBackground(
        _ strategy: CompactionStrategy = .auto,
        _ options: MaintenanceOptions = MaintenanceOptions()
    ) async throws -> CompactionReport {
        for try await update in compactionUpdates(strategy, options) {
            if case .finished(let report) = update { return report }
        }
        // Its last update is `finished`, or it throws.
        throw CancellationError()
    }
}
