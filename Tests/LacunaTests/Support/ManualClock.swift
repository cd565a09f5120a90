@testable import Lacuna

/// A clock that a test sets. Alarms that are due then run on the thread that sets it.
final class ManualClock: AlarmClock {
    private struct Alarm: Sendable {
        let time: ContinuousClock.Instant
        let work: @Sendable () -> Void
    }

    private struct State {
        var now = ContinuousClock.now
        var alarms: [Alarm] = []
    }

    private let state = Guarded(State())

    var now: ContinuousClock.Instant { state.withLock { $0.now } }
    /// The number of pending alarms.
    var alarms: Int { state.withLock { $0.alarms.count } }

    func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.alarms.append(Alarm(time: $0.now + delay, work: work)) }
    }

    /// Drops all pending alarms.
    func forget() {
        _ = state.withLock { state in
            defer { state.alarms = [] }
            return state.alarms
        }
    }

    func advance(by duration: Duration) {
        let end = now + duration
        while let work = next(until: end) { work() }
        state.withLock { $0.now = end }
    }

    private func next(until end: ContinuousClock.Instant) -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard let index = state.alarms.indices.min(by: { state.alarms[$0].time < state.alarms[$1].time }),
                state.alarms[index].time <= end
            else { return nil }
            let alarm = state.alarms.remove(at: index)
            state.now = max(state.now, alarm.time)
            return alarm.work
        }
    }
}
