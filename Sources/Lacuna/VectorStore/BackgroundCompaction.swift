import Logging

/// Compacts a handle's store in the background, as its policy says.
///
/// At most one wake-up is pending or under way. It looks at the current state of the store, and then compacts, waits
/// again, or rests until a commit starts it again. It holds the writer and not the store's handle, so that the handle
/// can end at any time, which stops the writer. A wake-up that comes after that does nothing.
final class BackgroundCompaction: Sendable {
    private struct State {
        /// Nil before the start and after the stop.
        var writer: Writer?
        var fragmentation = 0.0
        var deadBytes: Int64 = 0
        /// The dead bytes that the last run left because it could do nothing, or only release blocks.
        var settledBytes: Int64 = 0
        var lastWrite: ContinuousClock.Instant
        /// The next run doesn't begin before this time.
        var earliest: ContinuousClock.Instant
        /// The wait after the last failure; nil after a success.
        var backoff: Duration?
        var isAwake = false

        mutating func look(at record: StoreRecord) {
            fragmentation = record.fragmentation
            deadBytes = record.deadRows * record.stride
            // Another compaction has run meanwhile.
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
    /// The shortest wait after an attempt that failed or gave way, whatever the policy says.
    private static let shortestRetry = Duration.seconds(1)
    /// A longer wait is shortened to this, so that sums with it don't overflow.
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

    /// No run begins after this. The writer stops a run that is under way when the writer is closed.
    func stop() { state.withLock { $0.writer = nil } }

    /// Called after each commit, in the writer's turn. Takes O(1) time.
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
                // Reads the current record, which other compactions may have changed. If this commits relaxed writes,
                // they are noted as writes.
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

    /// Returns false if no run must follow.
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
                // After a run that did nothing, or only released blocks, the same dead rows aren't worth another run.
                state.settledBytes = report.strategy == nil || report.strategy == .punch ? deadBytes : 0
            }
            logger?.info("\(Self.summary(report))")
            return true
        } catch {
            return fail(error)
        }
    }

    /// Sets the time of the next attempt; returns false if another attempt is of no use.
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

/// A background compaction ended because another compaction or an erasure was asked for.
private struct GaveWay: Error, CustomStringConvertible {
    var description: String { "another compaction or erasure was asked for" }
}
