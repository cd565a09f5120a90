import Foundation
import Logging
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The store's own compactions beside other calls. At one byte per second a compaction never ends by itself.
@Suite(.timeLimit(.minutes(40))) struct BackgroundMaintenanceTests {
    private static let dimension = 1_024

    private let scratch: Scratch
    private let clock = ManualClock()
    private let messages = Messages()
    /// Signalled when a rewrite has made its target; after that only its batches follow.
    private let hasBegun = DispatchSemaphore(value: 0)

    init() throws { scratch = try Scratch() }

    /// A log that signals each message.
    private final class Messages: Sendable {
        private let list = Guarded<[String]>([])
        let arrived = DispatchSemaphore(value: 0)

        var all: [String] { list.withLock { $0 } }

        func add(_ message: String) {
            list.withLock { $0.append(message) }
            arrived.signal()
        }

        var logger: Logger { Logger(label: "test") { _ in Handler(messages: self) } }

        private struct Handler: LogHandler {
            let messages: Messages
            var logLevel = Logger.Level.info
            var metadata: Logger.Metadata = [:]

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) { messages.add("\(event.level): \(event.message)") }
        }
    }

    /// Makes a store of 100 rows, of which 60 are dead, so `auto` chooses a rewrite; the policy asks for that many.
    private func makeStore(_ rate: Int64? = 1, idle: Duration = .zero, hasClock: Bool = true) throws
        -> VectorStore<Int64>
    {
        var policy = MaintenancePolicy(minimumDeadBytes: 60 * 4_096, maxBytesPerSecond: rate, idleTime: idle)
        if hasClock { policy.clock = clock }
        let files = HookedFileSystem { [hasBegun] path in if path.hasSuffix("vectors-2.f32") { hasBegun.signal() } }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension),
            fileSystem: files,
            options: .init(maintenance: policy, logger: messages.logger)
        )
        try store.write { batch in
            for id in Int64(0)..<100 { try batch.put([Float](repeating: Float(id), count: Self.dimension), for: id) }
        }
        try store.delete(Array(0..<60))
        return store
    }

    /// Advances the clock on a thread of its own, which starts a compaction that doesn't end. Calls `body` once the
    /// compaction has begun, and returns when it has ended.
    private func whileRunning<R>(_ body: () throws -> R) rethrows -> R {
        let hasEnded = DispatchSemaphore(value: 0)
        Thread { [clock] in
            clock.advance(by: .zero)
            hasEnded.signal()
        }.start()
        hasBegun.wait()
        defer { hasEnded.wait() }
        return try body()
    }

    private var history: [[SQLValue]] {
        get throws {
            try rawConnection(scratch.index).rows(2, "SELECT state, error FROM compaction_history ORDER BY id")
        }
    }

    // MARK: Giving way

    @Test func itGivesWayToACompactionThatIsAskedFor() throws {
        let store = try makeStore()
        let report = try whileRunning { try store.compact(.rewrite) }
        #expect(report.movedRows == 40)
        let states = try history
        #expect(states == [["aborted", "stopped: another compaction or erasure was asked for"], ["finished", nil]])
        #expect(messages.all == [])
        // The policy checks again, and finds nothing to do.
        clock.advance(by: .seconds(60))
        #expect(clock.alarms == 0)
        #expect(try history == states)
    }

    @Test func itDoesNotWaitForOneThatIsUnderWay() throws {
        let store = try makeStore()
        let hasTried = DispatchSemaphore(value: 0)
        var calls = 0
        try store.compact(.rewrite) { [clock] _ in
            calls += 1
            guard calls == 1 else { return }
            Thread {
                clock.advance(by: .zero)
                hasTried.signal()
            }.start()
            hasTried.wait()
        }
        #expect(calls > 0)
        #expect(messages.all == [])
        #expect(clock.alarms == 1)
        #expect(try history.count == 1)
    }

    /// The compaction under way may take long to reach its next batch: the call that it gives way to waits, and doesn't
    /// fail with `busy`.
    @Test func whoItGivesWayToWaitsForAsLongAsItTakes() throws {
        let turn = MaintenanceLock()
        #expect(turn.tryTake(givesWay: true))
        #expect(!turn.isAwaited)
        var checks = 0
        try turn.take(givesWay: false, within: 0) {
            #expect(turn.isAwaited)
            checks += 1
            if checks == 3 { turn.giveBack() }
        }
        #expect(checks == 3 && !turn.isAwaited)
        let isFree = turn.tryTake()
        #expect(!isFree)
        expectError(.busy) { try turn.take(givesWay: true, within: 0) {} }
        #expect(!turn.isAwaited)
    }

    // MARK: Closing

    @Test func closingEndsIt() throws {
        let store = try makeStore()
        try whileRunning { try store.close() }
        #expect(messages.all == [])
        #expect(clock.alarms == 0)
        let reopened = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try reopened.count == 40)
        #expect(try reopened.verify().isSound)
        #expect(try history.count == 1)
    }

    @Test func lettingTheHandleGoEndsIt() throws {
        var store: VectorStore<Int64>? = try makeStore()
        weak let handle = store
        try whileRunning {
            store = nil
            #expect(handle == nil)
            let count = try VectorStore<Int64>.open(at: scratch.store).count
            #expect(count == 40)
        }
        #expect(messages.all == [])
    }

    /// Waiting for the clock keeps neither the writer nor its maintenance alive.
    @Test func aWaitHoldsNothing() throws {
        var store: VectorStore<Int64>? = try makeStore(idle: .seconds(3_600))
        weak let handle = store
        weak let writer = try store?.writing()
        #expect(clock.alarms == 1)
        store = nil
        #expect(handle == nil && writer == nil)
        let reopened = try VectorStore<Int64>.open(at: scratch.store)
        clock.advance(by: .seconds(3_600))
        #expect(try reopened.info.generation == 1)
        try reopened.close()
        // The same holds with the real clock.
        store = try VectorStore<Int64>.open(
            at: scratch.store,
            options: .init(maintenance: MaintenancePolicy(minimumDeadBytes: 1, idleTime: .seconds(3_600)))
        )
        try store?.close()
        store = nil
        #expect(try VectorStore<Int64>.open(at: scratch.store).info.generation == 1)
    }

    @Test func noRunBeginsOnAClosedStore() throws {
        let store = try makeStore(idle: .seconds(1))
        try store.close()
        clock.advance(by: .seconds(1))
        #expect(messages.all == [] && clock.alarms == 0)
        #expect(try VectorStore<Int64>.open(at: scratch.store).info.generation == 1)
    }

    // MARK: By itself

    /// Uses the real clock and the store's own queue.
    @Test func itRunsByItself() throws {
        let store = try makeStore(nil, idle: .milliseconds(1), hasClock: false)
        messages.arrived.wait()
        #expect(messages.all.count == 1 && messages.all[0].hasPrefix("info: compacted in the background (rewrite)"))
        #expect(try store.info.generation == 2)
        #expect(try store.fragmentation == 0)
        #expect(try store.verify().isSound)
    }

    // MARK: Relaxed writes

    /// The writing handle is told that the group was lost, even if the store's own maintenance met the error.
    @Test func aLostGroupIsTold() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var policy = MaintenancePolicy(minimumFragmentation: 0, minimumDeadBytes: 1)
                policy.clock = clock
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: Self.dimension),
                    fileSystem: disk.fileSystem,
                    options: .init(
                        durability: .relaxed(interval: .seconds(3_600)),
                        maintenance: policy,
                        logger: messages.logger
                    )
                )
                let row = [Float](repeating: 1, count: Self.dimension)
                try store.put(row, for: 1)
                try store.put(row, for: 2)
                try store.delete(1)
                try store.put(row, for: 3)
                disk.inject(DiskFault(errno: ENOSPC, matches: { $0.kind == .write && $0.isOnDataFile }))
                clock.advance(by: .seconds(1))
                disk.inject(nil)
                #expect(messages.all.count == 1 && messages.all.allSatisfy { $0.hasPrefix("warning: ") })
                let error = expectError(.diskFull) { try store.put(row, for: 4) }
                #expect(error?.problem.contains("relaxed writes") == true)
                try store.put(row, for: 5)
                try store.flush()
                #expect(try store.ids() == [2, 5])
            }
        }
    }

    /// Once an I/O error has made writing unsafe, the store doesn't try to compact.
    @Test func itEndsWhereTheHandleHasFailed() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var policy = MaintenancePolicy(minimumFragmentation: 0, minimumDeadBytes: 1)
                policy.clock = clock
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: Self.dimension),
                    fileSystem: disk.fileSystem,
                    options: .init(maintenance: policy, logger: messages.logger)
                )
                let row = [Float](repeating: 1, count: Self.dimension)
                try store.write { batch in for id in Int64(1)...4 { try batch.put(row, for: id) } }
                try store.delete([1, 3])
                disk.inject(DiskFault(errno: EIO, matches: { $0.kind == .sync && $0.isOnDataFile }))
                expectError(.ioError) { try store.put(row, for: 5) }
                clock.advance(by: .seconds(1))
                #expect(messages.all.count == 1 && messages.all.allSatisfy { $0.hasPrefix("warning: ") })
                #expect(clock.alarms == 0)
            }
        }
    }
}
