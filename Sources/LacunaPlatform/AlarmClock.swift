import Dispatch

/// The clock of work that the store does by itself.
package protocol AlarmClock: Sendable {
    var now: ContinuousClock.Instant { get }

    /// Calls `work` once, after `delay` or somewhat before, on a thread that it may block.
    func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void)
}

/// The real time, and a queue of the handle's own.
package struct QueueClock: AlarmClock {
    private let queue = DispatchQueue(label: "lacuna.alarm")

    package init() {}

    package var now: ContinuousClock.Instant { .now }

    package func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .after(delay), execute: work)
    }
}
