import Synchronization

/// A line on a terminal that says how long a call has been at work, for calls that can't tell how far they are. It
/// appears after one second, and ends where the answer begins.
enum Activity {
    private struct State {
        var isOver = false
        /// The number of progress bars, which say more.
        var bars = 0
        var lastDrawn: ContinuousClock.Instant?
    }

    private static let state = Mutex(State())
    private static let start = ContinuousClock.now

    /// For the library, which asks from time to time, on any thread, whether to end a call.
    static let isCancelled: @Sendable () -> Bool = {
        tick()
        return Interrupts.haveCome
    }

    /// The time begins with the first call.
    static func tick() {
        guard StandardError.isTerminal else { return }
        let now = ContinuousClock.now
        let duration = now - start
        guard duration > .seconds(1) else { return }
        state.withLock { state in
            guard !state.isOver, state.bars == 0, state.lastDrawn.map({ now - $0 > .milliseconds(200) }) ?? true else {
                return
            }
            state.lastDrawn = now
            StandardError.passingLine("working, \(Int(duration.inSeconds)) s")
        }
    }

    /// Removes the line. With `forGood`, there will be none any more.
    static func clear(forGood: Bool) {
        state.withLock { state in
            if state.lastDrawn != nil { StandardError.clearLine() }
            state.lastDrawn = nil
            state.isOver = state.isOver || forGood
        }
    }

    static func add(bars: Int) { state.withLock { $0.bars += bars } }
}
