import Dispatch

/// What the work that nobody calls for knows of time.
package protocol AlarmClock: Sendable {
    var now: ContinuousClock.Instant { get }

    /// Calls `work` once, after `delay` or somewhat before, on a thread that it may block.
    func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void)
}

/// The time as it is, and a queue of the handle's own.
package struct QueueClock: AlarmClock {
    private let queue = DispatchQueue(label: "lacuna.alarm")

    package init() {}

    package var now: ContinuousClock.Instant { .now }

    package func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .after(delay), execute: work)
    }
}
