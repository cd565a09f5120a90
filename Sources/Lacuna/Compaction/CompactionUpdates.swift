/// An update of a compaction that runs in the background: its progress now and then, and its report at the end.
public enum CompactionUpdate: Sendable {
    /// The progress of the compaction.
    case progress(MaintenanceProgress)
    /// The compaction is done; no update follows.
    case finished(CompactionReport)
}

/// A compaction that begins when it is iterated: ``VectorStore/compactionUpdates(_:options:)``.
///
/// Each iterator runs one compaction, on a thread that isn't one of Swift's cooperative ones. Iterating never blocks.
/// Newer progress replaces progress that wasn't taken; the report or the error is never lost.
public struct CompactionUpdates: AsyncSequence, Sendable {
    /// The updates come in this order: any number of `progress`, then one `finished`.
    public typealias Element = CompactionUpdate

    private let work: CompactionTask.Work

    init(_ work: @escaping CompactionTask.Work) { self.work = work }

    /// Starts a compaction.
    public func makeAsyncIterator() -> Iterator { Iterator(CompactionTask.start(work)) }

    /// One compaction under way. Releasing its last copy stops the compaction at its next batch.
    public struct Iterator: AsyncIteratorProtocol {
        private let run: CompactionTask

        fileprivate init(_ run: CompactionTask) { self.run = run }

        /// Waits for the next update; nil after the end.
        ///
        /// - Throws: The error that ended the compaction. `CancellationError` if the task was cancelled; by then the
        ///   compaction has ended and released the store. A compaction that was already past its last batch ends as if
        ///   it had not been cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> CompactionUpdate? {
            try await run.next()
        }
    }
}

/// An iterator is used by one task.
@available(*, unavailable)
extension CompactionUpdates.Iterator: Sendable {}
