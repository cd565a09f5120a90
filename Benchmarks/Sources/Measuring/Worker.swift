import Foundation
import Synchronization

/// A thread of its own for calls that block, which must not run on the cooperative pool; and what came out of it.
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

    /// Waits for the end; to be called once.
    package func join() throws -> Success {
        ended.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("a thread ended without a result") }
        return try result.get()
    }
}

/// What tells threads to end.
package final class StopSign: Sendable {
    private let raised = Atomic(false)

    package init() {}
    package var isRaised: Bool { raised.load(ordering: .relaxed) }
    package func raise() { raised.store(true, ordering: .relaxed) }
}
