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
}
