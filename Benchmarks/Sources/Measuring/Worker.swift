import Foundation
import Synchronization

/// A thread of its own for calls that block, which must not run on the cooperative pool, and its result.
package final class Worker<Success: Sendable>: Sendable {
    private let outcome = Mutex<Result<Success, any Error>?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    package init(_ name: String, _ body: @escaping @Sendable () throws -> Success) {
        let thread = Thread {
            let result = Result { try body() }
            self.outcome.withLock { $0 = result }
            self.ended.signal()
        }
        thread.name = name
        thread.start()
    }

    /// Waits for the end. Call it once.
    package func join() throws -> Success {
        ended.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("a thread ended without a result") }
        return try result.get()
    }
}

/// Calls `body` on `threads` threads at once, each with its number.
///
/// - Returns: The time from the common start to the end of the last thread, and the results of all.
package func timedTogether<Success: Sendable>(
    threads: Int,
    _ body: @escaping @Sendable (Int) throws -> Success
) throws -> (Duration, [Success]) {
    let ready = DispatchSemaphore(value: 0)
    let start = DispatchSemaphore(value: 0)
    let workers = (0..<threads).map { number in
        Worker("thread \(number)") {
            ready.signal()
            start.wait()
            return try body(number)
        }
    }
    for _ in workers { ready.wait() }
    var results: [Result<Success, any Error>] = []
    let duration = timed {
        for _ in workers { start.signal() }
        // This waits for all threads, even if one fails.
        results = workers.map { worker in Result { try worker.join() } }
    }
    return (duration, try results.map { try $0.get() })
}

/// A sign that tells threads to end.
package final class StopSign: Sendable {
    private let raised = Atomic(false)

    package init() {}
    package var isRaised: Bool { raised.load(ordering: .relaxed) }
    package func raise() { raised.store(true, ordering: .relaxed) }
}
