import Foundation
import Testing

@testable import Lacuna

private struct Stop: Error {}

/// Rates and deadlines. At one byte per second the wait after the first batch outlasts every test; each test tries one
/// thing that ends it.
@Suite(.timeLimit(.minutes(40))) struct MaintenanceOptionsTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    private static let slow = MaintenanceOptions(maxBytesPerSecond: 1)

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1_024))
        try store.write { batch in
            for id in Int64(0)..<100 { try batch.put([Float](repeating: Float(id), count: 1_024), for: id) }
        }
        try store.delete(Array(0..<50))
    }

    private static let bad: [MaintenanceOptions] = [
        .init(maxBytesPerSecond: 0), .init(maxBytesPerSecond: -1), .init(deadline: .zero),
        .init(deadline: .seconds(-1)),
    ]

    @Test(arguments: bad.indices) func badOptionsAreRefused(_ index: Int) throws {
        expectError(.invalidArgument) { try store.compact(.rewrite, options: Self.bad[index]) }
        #expect(try store.info.generation == 1)
    }

    @Test func theLargestAreTaken() throws {
        let all = Duration(secondsComponent: .max, attosecondsComponent: 0)
        let report = try store.compact(.rewrite, options: .init(maxBytesPerSecond: .max, deadline: all))
        #expect(report.movedRows == 50)
    }

    /// A wait may be over between two readings of the clock; a negative wait would end the process.
    @Test func waitsOfAMicrosecondEndToo() throws {
        let pace = Pace(.init(maxBytesPerSecond: 1_000_000)) { _ in }
        for row in 1...50_000 { try pace.advance(row, of: 50_000, bytes: 1) {} }
    }

    @Test(arguments: [CompactionStrategy.rewrite, .punch]) func theDeadlineEndsARateLimitedWait(
        _ strategy: CompactionStrategy
    ) throws {
        let options = MaintenanceOptions(maxBytesPerSecond: 1, deadline: .milliseconds(50))
        expectError(.deadlineExceeded) { try store.compact(strategy, options: options) }
        #expect(try store.verify().isSound)
        #expect(try store.count == 50)
        #expect(try store.compact(strategy).strategy == strategy)
    }

    /// The progress closure is called all through the wait, not only before it.
    @Test func progressEndsARateLimitedWait() throws {
        var calls = 0
        #expect(throws: Stop.self) {
            try store.compact(.rewrite, options: Self.slow) { _ in
                calls += 1
                if calls == 5 { throw Stop() }
            }
        }
        #expect(calls == 5)
    }

    @Test(arguments: [CompactionStrategy.rewrite, .punch]) func closingEndsARateLimitedWait(
        _ strategy: CompactionStrategy
    ) throws {
        let isWaiting = DispatchSemaphore(value: 0)
        let hasEnded = DispatchSemaphore(value: 0)
        let code = Guarded<VectorStoreError.Code?>(nil)
        Thread {
            var calls = 0
            do {
                try store.compact(strategy, options: Self.slow) { _ in
                    calls += 1
                    // The first call comes before the wait.
                    if calls == 2 { isWaiting.signal() }
                }
            } catch { code.withLock { $0 = (error as? VectorStoreError)?.code } }
            hasEnded.signal()
        }.start()
        isWaiting.wait()
        try store.close()
        hasEnded.wait()
        #expect(code.withLock { $0 } == .closed)
        let reopened = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try reopened.count == 50)
        #expect(try reopened.verify().isSound)
    }
}
