/// Looks for commits of other processes while somebody follows the changes of a handle that only reads. Beside a handle
/// that writes there are none.
final class CommitWatch: Sendable {
    private struct State {
        var interval: Duration?
        /// The number of the last alarm. Those before it do nothing.
        var alarm = 0
        var version: LogVersion?
        var sequence: Int64 = 0
    }

    private let readers: ReaderPool
    private let hub: ChangeHub
    private let calls: CallQueue
    /// Nil for a handle that writes.
    private let clock: (any AlarmClock)?
    private let state = Guarded(State())

    private static let shortestInterval = Duration.milliseconds(1)

    init(_ readers: ReaderPool, _ hub: ChangeHub, _ calls: CallQueue, _ clock: (any AlarmClock)?) {
        self.readers = readers
        self.hub = hub
        self.calls = calls
        self.clock = clock
    }

    /// The number of the newest commit.
    func newest() async throws -> Int64 {
        try await calls.run { [readers] in try readers.read { $0.record.commitSequence } }
    }

    /// From now on, looks at least as often as `interval` says. Reads nothing itself: the caller may be a view.
    func begin(every interval: Duration) {
        let interval = max(interval, Self.shortestInterval)
        let isShorter = state.withLock { state in
            if let current = state.interval, current <= interval { return false }
            state.interval = interval
            return true
        }
        if isShorter { setAlarm() }
    }

    private func setAlarm() {
        let next = state.withLock { state -> (interval: Duration, alarm: Int)? in
            guard let interval = state.interval else { return nil }
            state.alarm += 1
            return (interval, state.alarm)
        }
        guard let next else { return }
        clock?.after(next.interval) { [weak self] in self?.look(next.alarm) }
    }

    /// Looks, and does so again later. Ends if nobody follows any more.
    private func look(_ alarm: Int) {
        let isLast = state.withLock { state in
            if state.alarm != alarm { return true }
            if !hub.isFollowed { state.interval = nil }
            return state.interval == nil
        }
        if isLast { return }
        let known = state.withLock { $0.version }
        if let version = try? readers.logVersion(), version != known,
            let sequence = try? readers.read({ $0.record.commitSequence })
        {
            hub.note(sequence, nil)
            // Only now: if the read has failed, the next look reads again.
            state.withLock { $0.version = version }
        }
        setAlarm()
    }
}
