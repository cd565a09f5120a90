#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Lets one compaction or erasure run at a time in a store.
final class MaintenanceLock: Sendable {
    private struct State {
        var isTaken = false
        /// Whether the maintenance under way ends at its next batch if another call waits.
        var givesWay = false
        var waiting = 0
    }

    private let state = Guarded(State())

    /// Whether a call waits for the maintenance under way to end.
    var isAwaited: Bool { state.withLock { $0.waiting > 0 } }

    /// Begins maintenance; returns false if other maintenance is under way.
    func tryTake(givesWay: Bool = false) -> Bool {
        state.withLock { state in
            if state.isTaken { return false }
            state.isTaken = true
            state.givesWay = givesWay
            return true
        }
    }

    /// Begins maintenance, after a wait of up to `seconds`, or until maintenance that gives way has ended. An error
    /// that `check` throws ends the wait.
    func take(givesWay: Bool, within seconds: Double = 5, _ check: () throws -> Void) throws {
        if tryTake(givesWay: givesWay) { return }
        state.withLock { $0.waiting += 1 }
        defer { state.withLock { $0.waiting -= 1 } }
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !tryTake(givesWay: givesWay) {
            try check()
            if ContinuousClock.now >= deadline && state.withLock({ $0.isTaken && !$0.givesWay }) {
                throw VectorStoreError(
                    .busy,
                    "another compaction or erasure of this store is under way"
                )
            }
            usleep(500)
        }
    }

    func giveBack() { state.withLock { $0.isTaken = false } }
}
