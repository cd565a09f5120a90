import Logging

/// Compacts a handle's store in the background, as its policy says, and makes codes if the store wants them.
///
/// At most one wake-up is pending or under way. It looks at the current state of the store, and then compacts, waits
/// again, or rests until a commit starts it again. It holds the writer and not the store's handle, so that the handle
/// can end at any time, which stops the writer. A wake-up that comes after that does nothing.
final class BackgroundMaintenance: Sendable {
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
        /// The slots with codes; nil if the store wants none.
        var coded: Slot?
        /// The slots of whole tiles without codes, if the store wants codes.
        var uncoded = 0
        /// Whether maintenance has run that may have changed `coded`.
        var isStale = false

        mutating func look(at record: StoreRecord) {
            fragmentation = record.fragmentation
            deadBytes = record.deadRows * record.stride
            uncoded = coded.map { CodesLayout.tilesEnd(before: record.nextSlot).number - $0.number } ?? 0
            // Another compaction has run meanwhile.
            if deadBytes < settledBytes { settledBytes = 0 }
        }
    }

    private enum Step {
        case rest
        case lookAgain
        case wait(Duration)
        case compact(deadBytes: Int64)
        case accelerate
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
    /// Fewer slots without codes are searched in little time.
    private static let leastUncoded = 16_384
    /// Codes are added once this share of the coded slots has come without codes.
    private static let uncodedDivisor = 8

    init(_ policy: MaintenancePolicy, _ logger: Logger?) {
        var policy = policy
        policy.idleTime = min(policy.idleTime, Self.longestWait)
        policy.minimumInterval = min(policy.minimumInterval, Self.longestWait)
        self.policy = policy
        self.logger = logger
        clock = policy.clock ?? QueueClock()
        let now = clock.now
        state = Guarded(State(lastWrite: now, earliest: now))
    }

    func start(_ writer: Writer, _ session: WriteSession) throws {
        let record = try look(session)
        state.withLock { $0.writer = writer }
        note(record)
    }

    /// Takes ``stop()`` back. Waits for nobody's turn: the store is looked at later.
    func startAgain(_ writer: Writer) {
        let isAsleep = state.withLock { state -> Bool in
            state.writer = writer
            state.isStale = true
            defer { state.isAwake = true }
            return !state.isAwake
        }
        if isAsleep { wake(after: .zero) }
    }

    /// Looks at the current record, and how far the codes reach.
    private func look(_ session: WriteSession) throws -> StoreRecord {
        let record = try session.index.record()
        let coded = try session.index.codes(record.generation)?.covered
        state.withLock { state in
            state.coded = coded
            state.look(at: record)
        }
        return record
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

    /// Called after maintenance that somebody asked for, which may have changed how far the codes reach, and, if it was
    /// an acceleration, whether the store wants codes.
    func look(isAcceleration: Bool = false) {
        let isAsleep = state.withLock { state -> Bool in
            if state.coded == nil && !isAcceleration { return false }
            state.isStale = true
            if state.writer == nil || state.isAwake { return false }
            state.isAwake = true
            return true
        }
        if isAsleep { wake(after: .zero) }
    }

    // MARK: Awake

    private func wake(after delay: Duration) {
        clock.after(delay) { [weak self] in self?.wakeUp() }
    }

    private func wakeUp() {
        let current = state.withLock { state in
            state.isAwake = state.writer != nil
            return state.writer
        }
        guard let writer = current else { return }
        while true {
            do {
                // Reads the current record, which other compactions may have changed. If this commits relaxed writes,
                // they are noted as writes.
                state.withLock { $0.isStale = false }
                try writer.settled(isUnattended: true) { _ = try look($0) }
            } catch {
                guard fail(error) else { return }
            }
            switch nextStep() {
            case .rest: return
            case .lookAgain: continue
            case .wait(let delay): return wake(after: delay)
            case .compact(let deadBytes): if !run({ try compact(writer, $0, deadBytes) }, writer) { return }
            case .accelerate: if !run({ try accelerate(writer, $0) }, writer) { return }
            }
        }
    }

    private func isWanted(_ state: State) -> Bool { isCompactionWanted(state) || isAccelerationWanted(state) }

    private func isCompactionWanted(_ state: State) -> Bool {
        state.fragmentation >= policy.minimumFragmentation
            && state.deadBytes - state.settledBytes >= policy.minimumDeadBytes
    }

    private func isAccelerationWanted(_ state: State) -> Bool {
        guard let coded = state.coded else { return false }
        return Self.isWorthwhile(uncoded: state.uncoded, coded: coded.number)
    }

    /// Whether it is worthwhile to make codes of so many slots beside those that have some.
    static func isWorthwhile(uncoded: Int, coded: Int) -> Bool {
        uncoded > 0 && (coded == 0 || uncoded >= max(leastUncoded, coded / uncodedDivisor))
    }

    private func due(_ state: State) -> ContinuousClock.Instant {
        max(state.lastWrite + policy.idleTime, state.earliest)
    }

    private func nextStep() -> Step {
        let now = clock.now
        return state.withLock { state in
            if state.isStale && state.writer != nil { return .lookAgain }
            guard state.writer != nil, isWanted(state) else {
                state.isAwake = false
                return .rest
            }
            let due = due(state)
            if due > now { return .wait(due - now) }
            return isCompactionWanted(state) ? .compact(deadBytes: state.deadBytes) : .accelerate
        }
    }

    // MARK: Running

    /// Returns false if no run must follow.
    private func run(_ work: (Pace) throws -> Void, _ writer: Writer) -> Bool {
        let pace = Pace(MaintenanceOptions(maxBytesPerSecond: policy.maxBytesPerSecond)) { _ in
            if writer.isMaintenanceAwaited { throw GaveWay() }
        }
        do {
            try work(pace)
            let now = clock.now
            state.withLock { state in
                state.earliest = now + policy.minimumInterval
                state.backoff = nil
            }
            return true
        } catch {
            return fail(error)
        }
    }

    private func compact(_ writer: Writer, _ pace: Pace, _ deadBytes: Int64) throws {
        let report = try writer.compact(.auto, pace, givesWay: true)
        // After a run that did nothing, or only released blocks, the same dead rows aren't worth another run.
        let isSettled = report.strategy == nil || report.strategy == .punch
        state.withLock { $0.settledBytes = isSettled ? deadBytes : 0 }
        logger?.info("\(Self.summary(report))")
        note(report.acceleration)
        if let error = report.accelerationError, error.code != .closed && error.code != .suspended {
            logger?.warning("making codes in the background failed, and is tried again: \(error)")
        }
    }

    private func accelerate(_ writer: Writer, _ pace: Pace) throws { note(try writer.accelerateIfNeeded(pace)) }

    private func note(_ report: AccelerationReport?) {
        guard let report else { return }
        logger?.info(
            "made codes in the background in \(report.duration): of \(report.rows) rows, \(report.bytes) bytes"
        )
    }

    /// Sets the time of the next attempt; returns false if another attempt is of no use.
    private func fail(_ error: any Error) -> Bool {
        let now = clock.now
        switch (error as? VectorStoreError)?.code {
        case .closed:
            stop()
            return false
        case .suspended:
            // Then it was stopped before, unless it was started again since.
            return state.withLock { state in
                state.isAwake = state.writer != nil
                return state.isAwake
            }
        case .needsReopen, .moved:
            stop()
            logger?.warning("maintenance in the background has ended: \(error)")
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
            logger?.warning("maintenance in the background failed, and is tried again in \(delay): \(error)")
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
            \(report.allocatedBytesBefore) bytes before and \(report.allocatedBytesAfter) after
            """
    }
}

/// Maintenance in the background ended because a compaction, an erasure or an acceleration was asked for.
private struct GaveWay: Error, CustomStringConvertible {
    var description: String { "another compaction or erasure was asked for" }
}
