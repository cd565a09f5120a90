/// Lets the readers of many handles check their data files once a second. All share one alarm: an alarm for each handle
/// would be a good part of the cost of opening a store.
final class IdleWatch: Sendable {
    private struct Reference: Sendable {
        weak let pool: ReaderPool?
    }

    private struct State: Sendable {
        var watched: [Reference] = []
        var isArmed = false
    }

    static let shared = IdleWatch(QueueClock())

    private static let timeBetweenLooks = Duration.seconds(1)

    private let clock: any AlarmClock
    private let state = Guarded(State())

    init(_ clock: any AlarmClock) { self.clock = clock }

    /// Calls the pool's ``ReaderPool/look()`` each second until that returns false.
    func watch(_ pool: ReaderPool) {
        let arms = state.withLock { state in
            state.watched.append(Reference(pool: pool))
            defer { state.isArmed = true }
            return !state.isArmed
        }
        if arms { arm() }
    }

    /// Sets the alarm, which keeps this object until there is nothing more to watch.
    private func arm() { clock.after(Self.timeBetweenLooks) { self.look() } }

    private func look() {
        let watched = state.withLock { state in
            defer { state.watched = [] }
            return state.watched
        }
        let kept = watched.filter { $0.pool?.look() == true }
        let goesOn = state.withLock { state in
            state.watched += kept
            state.isArmed = !state.watched.isEmpty
            return state.isArmed
        }
        if goesOn { arm() }
    }
}
