import Dispatch

/// A compaction on a queue of its own. Letting it go stops it.
///
/// The work's thread knows only the mailbox, so that it doesn't hold what stops it; and it holds the store, until just
/// before it tells of the end.
final class CompactionRun: Sendable {
    typealias Work = @Sendable (@escaping ProgressHandler) throws -> CompactionReport

    private let mailbox: UpdateMailbox

    private init(_ mailbox: UpdateMailbox) { self.mailbox = mailbox }

    deinit { mailbox.stop() }

    static func start(_ work: @escaping Work) -> CompactionRun {
        let mailbox = UpdateMailbox(work)
        // A queue a run: one that waits for another would neither be cancelled at once, nor be told `busy`.
        DispatchQueue(label: "lacuna.compaction").async { mailbox.end(perform(mailbox)) }
        return CompactionRun(mailbox)
    }

    /// What `work` holds, the store among it, is gone when this returns: who is told of the end may open the store again.
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

/// Between the thread that compacts and the task that listens: the newest progress, and the end.
final class UpdateMailbox: Sendable {
    private struct Contents {
        /// Not begun yet.
        var work: CompactionRun.Work?
        /// The newest, until it is picked up.
        var progress: MaintenanceProgress?
        var lastPosted: MaintenanceProgress?
        /// The end, until it is picked up.
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

    init(_ work: CompactionRun.Work? = nil) { contents = Guarded(Contents(work: work)) }

    // MARK: The thread that compacts

    /// The work; nil if it was stopped before it began.
    func takeWork() -> CompactionRun.Work? {
        let (work, isStopped) = contents.withLock { contents in
            defer { contents.work = nil }
            return (contents.work, contents.isStopped)
        }
        return isStopped ? nil : work
    }

    /// Throws `CancellationError` once nobody wants the compaction any more.
    func post(_ progress: MaintenanceProgress) throws {
        let listeners = try contents.withLock { contents -> [CheckedContinuation<Void, Never>] in
            if contents.isStopped { throw CancellationError() }
            // Called all through a rate-limited wait as well: the same again is no news.
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

    /// What there is, the end last. Once stopped, nothing but the end.
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

    /// The compaction ends at its next batch.
    func stop() { contents.withLock { $0.isStopped = true } }
}
