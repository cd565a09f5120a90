/// What a compaction tells while it runs in the background: its progress now and then, and its report at the end.
public enum CompactionUpdate: Sendable {
    /// How far it has come.
    case progress(MaintenanceProgress)
    /// It is done; nothing comes after this.
    case finished(CompactionReport)
}

/// A compaction that begins when it is iterated: ``VectorStore/compactionUpdates(_:_:)``.
///
/// Each iterator runs one compaction, on a thread that isn't one of Swift's cooperative ones. Iterating never blocks.
/// Progress that nobody has picked up when newer comes is dropped; the report, or the error, never is.
public struct CompactionUpdates: AsyncSequence, Sendable {
    /// What comes, in this order: any number of `progress`, one `finished`.
    public typealias Element = CompactionUpdate

    private let work: CompactionRun.Work

    init(_ work: @escaping CompactionRun.Work) { self.work = work }

    /// Starts a compaction.
    public func makeAsyncIterator() -> Iterator { Iterator(CompactionRun.start(work)) }

    /// One compaction under way. Letting the last copy of it go stops the compaction at its next batch.
    public struct Iterator: AsyncIteratorProtocol {
        private let run: CompactionRun

        fileprivate init(_ run: CompactionRun) { self.run = run }

        /// Waits for what comes next; nil after the end.
        ///
        /// - Throws: What ended the compaction. `CancellationError` where the task was cancelled: the compaction has ended by
        ///   then, and let go of the store. One that was already past its last batch ends as if nothing had happened.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> CompactionUpdate? {
            try await run.next()
        }
    }
}

/// An iterator is used by one task.
@available(*, unavailable)
extension CompactionUpdates.Iterator: Sendable {}
