extension VectorStore {
    /// Gives the space of dead rows back, as ``compact(_:options:progress:)`` does, and reports its progress.
    ///
    ///     for try await update in store.compactionUpdates(.rewrite) {
    ///         switch update {
    ///         case .progress(let progress): print("\(progress.done) of \(progress.total) rows")
    ///         case .finished(let report): print(report.duration)
    ///         }
    ///     }
    ///
    /// Nothing happens until the sequence is iterated. Then one compaction runs for each iterator, on a thread that
    /// isn't one of Swift's cooperative ones, and keeps the store open. Newer progress replaces progress that wasn't
    /// read; the report and the error are never lost.
    ///
    /// Cancelling the task that iterates stops the compaction at its next batch. The loop throws `CancellationError`
    /// when the compaction has ended, so nothing runs after the loop. Leaving the loop early also stops the compaction
    /// at its next batch, but doesn't wait for that. ``compact(_:options:progress:)`` says what a stopped compaction leaves.
    ///
    /// - Parameters:
    ///   - strategy: The strategy; `auto` chooses one.
    ///   - options: A rate limit and a deadline; the deadline counts from the beginning of the iteration.
    /// - Returns: A sequence that throws the errors of ``compact(_:options:progress:)``, such as `busy` if another compaction
    ///   takes too long.
    public func compactionUpdates(
        _ strategy: CompactionStrategy = .auto,
        options: MaintenanceOptions = MaintenanceOptions()
    ) -> CompactionUpdates {
        CompactionUpdates { progress in try self.compact(strategy, options: options, progress: progress) }
    }
}
