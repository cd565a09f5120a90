import Dispatch

/// A compaction on a queue of its own. Releasing the run stops the compaction.
///
/// The thread that compacts holds only the mailbox, and not the run, whose release stops it. It holds the store until
/// right before it reports the end.
final class CompactionTask: Sendable {
    typealias Work = @Sendable (@escaping ProgressHandler) throws -> CompactionReport

    private let mailbox: UpdateMailbox

    private init(_ mailbox: UpdateMailbox) { self.mailbox = mailbox }

    deinit { mailbox.stop() }

    static func start(_ work: @escaping Work) -> CompactionTask {
        let mailbox = UpdateMailbox(work)
        // Each run has a queue of its own: a run that waited in a shared queue could neither be cancelled at once nor
        // get `busy`.
        DispatchQueue(label: "lacuna.compaction").async { mailbox.end(perform(mailbox)) }
        return CompactionTask(mailbox)
    }

    /// When this returns, `work` and the store that it holds are released, so that a caller may open the store again
    /// after the end.
    private static func perform(_ mailbox: UpdateMailbox) -> Result<CompactionReport, any Error> {
        guard let work = mailbox.takeWork() else { return .failure(CancellationError()) }
        return Result { try work { try mailbox.post($0) } }
    }

    func next() async throws -> CompactionUpdate? {
        try await withTaskCancellationHandler {
            while true {
                switch try mailbox.take() {
                case .update(let update): return update
                case .end: return nil
                case .nothing: await mailbox.arrival()
                }
            }
        } onCancel: {
            mailbox.stop()
        }
    }
}

/// Passes the newest progress and the end from the thread that compacts to the task that listens.
final class UpdateMailbox: Sendable {
    private struct Contents {
        /// The work, until it begins.
        var work: CompactionTask.Work?
        /// The newest progress, until it is taken.
        var progress: MaintenanceProgress?
        var lastPosted: MaintenanceProgress?
        /// The outcome, until it is taken.
        var result: Result<CompactionReport, any Error>?
        var hasEnded = false
        var isStopped = false
        var listeners: [CheckedContinuation<Void, Never>] = []

        mutating func takeListeners() -> [CheckedContinuation<Void, Never>] {
            defer { listeners = [] }
            return listeners
        }
    }

    enum Letter {
        case update(CompactionUpdate)
        case nothing
        case end
    }

    private let contents: Guarded<Contents>

    init(_ work: CompactionTask.Work? = nil) { contents = Guarded(Contents(work: work)) }

    // MARK: The thread that compacts

    /// The work; nil if it was stopped before it began.
    func takeWork() -> CompactionTask.Work? {
        let (work, isStopped) = contents.withLock { contents in
            defer { contents.work = nil }
            return (contents.work, contents.isStopped)
        }
        return isStopped ? nil : work
    }

    /// Throws `CancellationError` once the compaction was stopped.
    func post(_ progress: MaintenanceProgress) throws {
        let listeners = try contents.withLock { contents -> [CheckedContinuation<Void, Never>] in
            if contents.isStopped { throw CancellationError() }
            // This is also called again and again during a wait for the rate limit; the same progress isn't posted
            // twice.
            if contents.lastPosted == progress { return [] }
            contents.lastPosted = progress
            contents.progress = progress
            return contents.takeListeners()
        }
        for listener in listeners { listener.resume() }
    }

    func end(_ result: Result<CompactionReport, any Error>) {
        let listeners = contents.withLock { contents in
            contents.result = result
            contents.hasEnded = true
            return contents.takeListeners()
        }
        for listener in listeners { listener.resume() }
    }

    // MARK: The task that listens

    /// Takes the next update; the end comes last. After a stop, only the end comes.
    func take() throws -> Letter {
        try contents.withLock { contents in
            if let progress = contents.progress, !contents.isStopped {
                contents.progress = nil
                return .update(.progress(progress))
            }
            guard contents.hasEnded else { return .nothing }
            guard let result = contents.result else { return .end }
            contents.result = nil
            return .update(.finished(try result.get()))
        }
    }

    /// Waits until there is something to take.
    func arrival() async {
        await withCheckedContinuation { listener in
            let isThere = contents.withLock { contents in
                if contents.hasEnded || contents.progress != nil && !contents.isStopped { return true }
                contents.listeners.append(listener)
                return false
            }
            if isThere { listener.resume() }
        }
    }

    /// Makes the compaction end at its next batch.
    func stop() { contents.withLock { $0.isStopped = true } }
}
