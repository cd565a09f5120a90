import Logging

/// Compacts a handle's store by itself, as its policy says.
///
/// One wake-up at most is pending or under way. It looks at the store as it is then, and compacts, waits on, or rests until
/// a commit wants it again. It holds the writer and not the store's handle: that may be let go at any time, which stops the
/// writer. A wake-up that comes after that finds nothing to do.
final class BackgroundCompaction: Sendable {
    private struct State {
        /// Nil before it was started and after it was stopped.
        var writer: Writer?
        var fragmentation = 0.0
        var deadBytes: Int64 = 0
        /// Dead bytes that were left by a run that could do nothing about them, or only release their blocks.
        var settledBytes: Int64 = 0
        var lastWrite: ContinuousClock.Instant
        /// Since the last run has ended; not before this.
        var earliest: ContinuousClock.Instant
        /// The wait after the last failure; nil after a success.
        var backoff: Duration?
        var isAwake = false

        mutating func look(at record: StoreRecord) {
            fragmentation = record.fragmentation
            deadBytes = record.deadRows * record.stride
            // Somebody has compacted meanwhile.
            if deadBytes < settledBytes { settledBytes = 0 }
        }
    }

    private enum Step {
        case rest
        case wait(Duration)
        case run(deadBytes: Int64)
    }

    private let policy: MaintenancePolicy
    private let clock: any AlarmClock
    private let logger: Logger?
    private let state: Guarded<State>

    private static let longestBackoff = Duration.seconds(3_600)
    /// Between two attempts that came to nothing, whatever the policy says.
    private static let shortestRetry = Duration.seconds(1)
    /// What is longer is never, and can still be reckoned with.
    private static let longestWait = Duration.seconds(1 << 32)

    init(_ policy: MaintenancePolicy, _ logger: Logger?) {
        var policy = policy
        policy.idle = min(policy.idle, Self.longestWait)
        policy.minimumInterval = min(policy.minimumInterval, Self.longestWait)
        self.policy = policy
        self.logger = logger
        clock = policy.clock ?? QueueClock()
        let now = clock.now
        state = Guarded(State(lastWrite: now, earliest: now))
    }

    func start(_ writer: Writer, _ record: StoreRecord) {
        state.withLock { $0.writer = writer }
        note(record)
    }

    /// From here on no run begins. One that is under way is stopped by the writer, when it is closed.
    func stop() { state.withLock { $0.writer = nil } }

    /// After each commit, in the writer's turn: O(1).
    func note(_ record: StoreRecord) {
        let now = clock.now
        let delay = state.withLock { state -> Duration? in
            state.look(at: record)
            state.lastWrite = now
            if state.writer == nil || state.isAwake || !isWanted(state) { return nil }
            state.isAwake = true
            return max(.zero, due(state) - now)
        }
        if let delay { wake(after: delay) }
    }

    // MARK: Awake

    private func wake(after delay: Duration) {
        clock.after(delay) { [weak self] in self?.wakeUp() }
    }

    private func wakeUp() {
        guard let writer = state.withLock({ $0.writer }) else { return }
        while true {
            do {
                // As it is now, after others' compactions too. Relaxed writes that this commits are noted as writes.
                try writer.settled(isUnattended: true) { session in
                    let record = try session.index.record()
                    state.withLock { $0.look(at: record) }
                }
            } catch {
                guard fail(error) else { return }
            }
            switch nextStep() {
            case .rest: return
            case .wait(let delay): return wake(after: delay)
            case .run(let deadBytes): if !run(writer, deadBytes) { return }
            }
        }
    }

    private func isWanted(_ state: State) -> Bool {
        state.fragmentation >= policy.fragmentation && state.deadBytes - state.settledBytes >= policy.deadBytes
    }

    private func due(_ state: State) -> ContinuousClock.Instant {
        max(state.lastWrite + policy.idle, state.earliest)
    }

    private func nextStep() -> Step {
        let now = clock.now
        return state.withLock { state in
            guard state.writer != nil, isWanted(state) else {
                state.isAwake = false
                return .rest
            }
            let due = due(state)
            return due > now ? .wait(due - now) : .run(deadBytes: state.deadBytes)
        }
    }

    // MARK: Running

    /// False if it was the last one.
    private func run(_ writer: Writer, _ deadBytes: Int64) -> Bool {
        let pace = Pace(MaintenanceOptions(maxBytesPerSecond: policy.maxBytesPerSecond)) { _ in
            if writer.isMaintenanceAwaited { throw GaveWay() }
        }
        do {
            let report = try writer.compact(.auto, pace, givesWay: true)
            let now = clock.now
            state.withLock { state in
                state.earliest = now + policy.minimumInterval
                state.backoff = nil
                // What came to nothing, or gave blocks back and left the rows, isn't worth another look at the same rows.
                state.settledBytes = report.strategy == nil || report.strategy == .punch ? deadBytes : 0
            }
            logger?.info("\(Self.summary(report))")
            return true
        } catch {
            return fail(error)
        }
    }

    /// Settles when to try again; false if there is no use in it.
    private func fail(_ error: any Error) -> Bool {
        let now = clock.now
        switch (error as? VectorStoreError)?.code {
        case .closed:
            stop()
            return false
        case .needsReopen, .moved:
            stop()
            logger?.warning("compacting in the background has ended: \(error)")
            return false
        case nil where error is GaveWay:
            let delay = max(policy.minimumInterval, Self.shortestRetry)
            state.withLock { $0.earliest = now + delay }
            return true
        default:
            let delay = state.withLock { state in
                let first = max(policy.minimumInterval, Self.shortestRetry)
                let delay = min(state.backoff.map { $0 * 2 } ?? first, max(first, Self.longestBackoff))
                state.backoff = delay
                state.earliest = now + delay
                return delay
            }
            logger?.warning("compacting in the background failed, and is tried again in \(delay): \(error)")
            return true
        }
    }

    private static func summary(_ report: CompactionReport) -> String {
        guard let strategy = report.strategy else {
            return "compacting in the background: nothing was worth doing"
        }
        return """
            compacted in the background (\(strategy.rawValue)) in \(report.duration): \(report.movedRows) of \
            \(report.liveRows) rows moved, \(report.writtenBytes) bytes written, the data file's disk space \
            \(report.allocatedBefore) bytes before and \(report.allocatedAfter) after
            """
    }
}

/// A compaction in the background ended because another one was asked for.
private struct GaveWay: Error, CustomStringConvertible {
    var description: String { "another compaction or erasure was asked for" }
}
