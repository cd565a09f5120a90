import Foundation
import InMemoryLogging
import Logging
import Testing

@testable import Lacuna

/// Tests when a store compacts itself, on a clock that the test advances.
@Suite(.timeLimit(.minutes(40))) struct MaintenancePolicyTests {
    private static let dimension = 1_024
    private static let rowBytes: Int64 = 4_096

    private let scratch: Scratch
    private let clock = ManualClock()
    private let log = InMemoryLogHandler()

    init() throws { scratch = try Scratch() }

    /// The defaults ask for 30 dead rows of 100.
    private func policy(deadRows: Int64 = 30, fragmentation: Double = 0.3) -> MaintenancePolicy {
        var policy = MaintenancePolicy(minimumFragmentation: fragmentation, minimumDeadBytes: deadRows * Self.rowBytes)
        policy.clock = clock
        return policy
    }

    private func options(_ policy: MaintenancePolicy, _ durability: Durability = .full) -> VectorStoreOptions {
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .debug
        return VectorStoreOptions(durability: durability, maintenance: policy, logger: logger)
    }

    /// Makes a store with the ids from 0 to 99.
    private func makeStore(_ policy: MaintenancePolicy) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension),
            options: options(policy)
        )
        try store.write { batch in for id in Int64(0)..<100 { try batch.put(Self.vector(id), for: id) } }
        return store
    }

    private static func vector(_ id: Int64) -> [Float] { [Float](repeating: Float(id), count: dimension) }

    /// Expects this number of runs, each logged once and without a warning. `isCompact` says whether no row is dead
    /// afterwards.
    private func expectRuns(
        _ runs: Int,
        _ store: VectorStore<Int64>,
        isCompact: Bool = false,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(count(.info) == runs && count(.warning) == 0, sourceLocation: location)
        #expect(try (store.fragmentation == 0) == isCompact, sourceLocation: location)
    }

    private func count(_ level: Logger.Level) -> Int { log.entries.filter { $0.level == level }.count }

    // MARK: When a run begins

    @Test func itCompactsOnceNobodyWrites() throws {
        let store = try makeStore(policy())
        #expect(clock.alarms == 0)
        try store.delete(Array(0..<40))
        clock.advance(by: .milliseconds(999))
        try expectRuns(0, store)
        // A write puts it off.
        try store.put(Self.vector(100), for: 100)
        clock.advance(by: .milliseconds(999))
        try expectRuns(0, store)
        clock.advance(by: .milliseconds(1))
        try expectRuns(1, store, isCompact: true)
        #expect(try store.verify().isSound)
        let entry = try #require(log.entries.first)
        #expect("\(entry.message)".contains("compacted in the background") && "\(entry.message)".contains("of 61 rows"))
        #expect(clock.alarms == 0)
    }

    @Test func itIsOffByDefault() throws {
        #expect(VectorStoreOptions().maintenance == nil)
        let policy = MaintenancePolicy()
        #expect(policy.minimumFragmentation == 0.3 && policy.minimumDeadBytes == 64 << 20)
        #expect(policy.maxBytesPerSecond == 64 << 20)
        #expect(policy.idleTime == .seconds(1) && policy.minimumInterval == .seconds(60))
    }

    /// Both thresholds must be reached; otherwise no alarm is set.
    @Test func bothThresholdsCount() throws {
        let store = try makeStore(policy(deadRows: 35))
        try store.delete(Array(0..<34))
        #expect(clock.alarms == 0)
        try store.write { batch in for id in Int64(100)..<200 { try batch.put(Self.vector(id), for: id) } }
        // 59 of 200.
        try store.delete(Array(34..<59))
        #expect(clock.alarms == 0)
        try store.delete(59)
        #expect(clock.alarms == 1)
        clock.advance(by: .seconds(1))
        try expectRuns(1, store, isCompact: true)
    }

    @Test func itWaitsBetweenTwoRuns() throws {
        let store = try makeStore(policy())
        try store.delete(Array(0..<40))
        clock.advance(by: .seconds(1))
        try expectRuns(1, store, isCompact: true)
        try store.delete(Array(40..<80))
        clock.advance(by: .seconds(59))
        try expectRuns(1, store)
        clock.advance(by: .seconds(1))
        try expectRuns(2, store, isCompact: true)
    }

    @Test func openingMayBeReasonEnough() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: Self.dimension))
        try store.write { batch in for id in Int64(0)..<100 { try batch.put(Self.vector(id), for: id) } }
        try store.delete(Array(0..<40))
        try store.close()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options(policy()))
        #expect(clock.alarms == 0)
        try reader.close()
        let reopened = try VectorStore<Int64>.open(at: scratch.store, options: options(policy()))
        clock.advance(by: .seconds(1))
        try expectRuns(1, reopened, isCompact: true)
    }

    /// Relaxed writes that aren't committed yet count as writes too.
    @Test func gatheredWritesPutItOff() throws {
        try makeStore(policy()).close()
        let store = try VectorStore<Int64>.open(
            at: scratch.store,
            options: options(policy(), .relaxed(interval: .seconds(3_600)))
        )
        try store.delete(Array(0..<40))
        clock.advance(by: .milliseconds(500))
        try store.put(Self.vector(100), for: 100)
        #expect(try !store.contains(100))
        clock.advance(by: .milliseconds(500))
        try expectRuns(0, store)
        #expect(try store.contains(100))
        clock.advance(by: .seconds(1))
        try expectRuns(1, store, isCompact: true)
    }

    // MARK: After a run

    /// `auto` would have to copy at least 100 bytes for each byte that it gives back.
    @Test func whatIsNotWorthDoingIsLeftAlone() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 4),
            options: options(
                {
                    var policy = MaintenancePolicy(
                        minimumFragmentation: 0,
                        minimumDeadBytes: 3 * 16,
                        minimumInterval: .zero
                    )
                    policy.clock = clock
                    return policy
                }()
            )
        )
        try store.write { batch in for id in Int64(0)..<1_000 { try batch.put([1, 2, 3, Float(id)], for: id) } }
        try store.delete([1, 3, 5])
        clock.advance(by: .seconds(1))
        #expect(log.entries.map(\.level) == [.info] && "\(log.entries[0].message)".contains("nothing"))
        try store.delete([7, 9])
        #expect(clock.alarms == 0)
        try store.delete(11)
        #expect(clock.alarms == 1)
        clock.advance(by: .seconds(1))
        #expect(count(.info) == 2)
        // A compaction that the caller asked for resets the account.
        try store.compact(.rewrite)
        try store.delete([13, 15])
        #expect(clock.alarms == 0)
        try store.delete(17)
        #expect(clock.alarms == 1)
        #expect(count(.info) == 2)
    }

    /// A row that doesn't match its checksum stops every rewrite until the row is gone.
    @Test func itBacksOffAfterFailures() throws {
        let store = try makeStore(policy())
        /// Every strategy checks the rows that it moves.
        func damage(_ slots: Range<UInt64>) throws {
            try edit(scratch.file(store.info.dataFile)) { file in
                for slot in slots {
                    try file.seek(toOffset: 4_096 + slot * 4_096)
                    try file.write(contentsOf: Data([1, 2, 3]))
                }
            }
        }
        try damage(70..<71)
        try store.delete(Array(0..<40))
        clock.advance(by: .seconds(1))
        #expect(count(.warning) == 1)
        for (failures, seconds) in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600].enumerated() {
            clock.advance(by: .seconds(seconds - 1))
            #expect(count(.warning) == failures + 1, "\(seconds)")
            clock.advance(by: .seconds(1))
            #expect(count(.warning) == failures + 2, "\(seconds)")
        }
        #expect(log.entries.allSatisfy { "\($0.message)".contains("checksum") })
        #expect(count(.info) == 0)
        try store.delete(70)
        clock.advance(by: .seconds(3_600))
        #expect(try store.fragmentation == 0)
        #expect(count(.info) == 1)
        // A success ends the longer waits.
        try damage(0..<59)
        try store.delete(Array(50..<99))
        clock.advance(by: .seconds(60))
        let warnings = count(.warning)
        #expect(warnings == 10)
        clock.advance(by: .seconds(60))
        #expect(count(.warning) == 11)
    }

    @Test(arguments: [
        MaintenancePolicy(minimumFragmentation: -0.1), .init(minimumFragmentation: 1.1),
        .init(minimumFragmentation: .nan), .init(minimumDeadBytes: 0), .init(minimumDeadBytes: -1),
        .init(maxBytesPerSecond: 0), .init(maxBytesPerSecond: -1), .init(idleTime: .seconds(-1)),
        .init(minimumInterval: .nanoseconds(-1)),
    ])
    func badPoliciesAreRefused(_ policy: MaintenancePolicy) throws {
        expectError(.invalidArgument) {
            try VectorStore<Int64>.create(
                at: scratch.store,
                configuration: .init(dimension: 1),
                options: .init(maintenance: policy)
            )
        }
        #expect(!exists(scratch.store))
    }

    @Test func theLargestWaitsAreTaken() throws {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        var policy = MaintenancePolicy(
            minimumFragmentation: 1,
            minimumDeadBytes: 1,
            idleTime: longest,
            minimumInterval: longest
        )
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1),
            options: .init(maintenance: policy)
        )
        try store.put([1], for: 1)
        try store.delete(1)
        try store.close()
        policy.idleTime = .zero
        policy.clock = clock
        let second = try VectorStore<Int64>.open(at: scratch.store, options: options(policy))
        clock.advance(by: .zero)
        try second.put([1], for: 1)
        try second.delete(1)
        #expect(count(.info) == 1)
    }
}
