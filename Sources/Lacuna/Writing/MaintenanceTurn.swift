#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Whose turn it is to compact or to erase: one at a time in a store.
final class MaintenanceTurn: Sendable {
    private struct State {
        var isTaken = false
        /// Whether who has it ends at its next batch when somebody else waits.
        var givesWay = false
        var waiting = 0
    }

    private let state = Guarded(State())

    /// Whether somebody waits for the maintenance under way to end.
    var isAwaited: Bool { state.withLock { $0.waiting > 0 } }

    /// False if somebody else has it.
    func tryTake(givesWay: Bool = false) -> Bool {
        state.withLock { state in
            if state.isTaken { return false }
            state.isTaken = true
            state.givesWay = givesWay
            return true
        }
    }

    /// Waits for it: `seconds` at most, or until who has it has given way. `check` throws what ends the wait before.
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
