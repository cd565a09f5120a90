import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Lacuna

@Suite struct CallQueueTests {
    /// A write that is refused before its turn never begins, so nothing that it holds may wait for that.
    @Test func refusedCallsAreReleased() async throws {
        final class Seen: Sendable {
            let call = Mutex<WeakCall>(WeakCall())
            struct WeakCall: Sendable { weak var call: AsyncCall? }
        }
        struct Refused: Error {}
        let queue = CallQueue("test", limit: 1, beginsInTurn: true)
        let seen = Seen()
        await #expect(throws: Refused.self) {
            try await queue.run {
                seen.call.withLock { $0.call = AsyncCall.current }
                #expect(seen.call.withLock { $0.call != nil })
                throw Refused()
            }
        }
        // The queue has one thread, which has finished with the first call when it begins the second.
        let isReleased = try await queue.run { seen.call.withLock { $0.call == nil } }
        #expect(isReleased)
    }

    /// Only the thread of the task itself sees this.
    @TaskLocal private static var isOwnThread = false

    /// To wake a thread takes longer than short work; but other tasks must not wait for more than one such call.
    @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1))
    func oneShortCallAtATimeRunsOnTheThreadOfItsTask() async throws {
        let queue = CallQueue("test", limit: 1)
        let (own, others) = try await Self.$isOwnThread.withValue(true) {
            #expect(try await !queue.run { Self.isOwnThread })
            return try await queue.run(isShort: true) {
                let others = Mutex<Bool?>(nil)
                let end = DispatchSemaphore(value: 0)
                Task {
                    let other = try await queue.run(isShort: true) { Self.isOwnThread }
                    others.withLock { $0 = other }
                    end.signal()
                }
                end.wait()
                return (Self.isOwnThread, others.withLock { $0 })
            }
        }
        #expect(own)
        #expect(others == false)
        let again = try await Self.$isOwnThread.withValue(true) {
            try await queue.run(isShort: true) { Self.isOwnThread }
        }
        #expect(again)
    }

    @Test func cancelledShortCallsDoNothing() async throws {
        let queue = CallQueue("test", limit: 1)
        for isShort in [true, false] {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                let hasRun = try await queue.run(isShort: isShort) { true }
                #expect(!hasRun)
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
