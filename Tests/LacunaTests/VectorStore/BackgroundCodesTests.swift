import Foundation
import InMemoryLogging
import Logging
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// When a store makes its codes in the background, on a clock that the test advances.
@Suite(.timeLimit(.minutes(40))) struct BackgroundCodesTests {
    private static let dimension = 8

    private let scratch: Scratch
    private let clock = ManualClock()
    private let log = InMemoryLogHandler()
    /// Signalled when a file of codes was made.
    private let hasBegun = DispatchSemaphore(value: 0)

    init() throws { scratch = try Scratch() }

    private func store(
        _ acceleration: Acceleration = .codes,
        rate: Int64? = nil,
        deadBytes: Int64 = 1 << 40
    ) throws -> VectorStore<Int64> {
        var policy = MaintenancePolicy(minimumDeadBytes: deadBytes, maxBytesPerSecond: rate)
        policy.clock = clock
        let files = HookedFileSystem { [hasBegun] path in if path.hasSuffix(".codes") { hasBegun.signal() } }
        return try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, acceleration: acceleration),
            fileSystem: files,
            options: .init(maintenance: policy, logger: Logger(label: "test") { _ in log })
        )
    }

    private func put(_ ids: Range<Int64>, in store: VectorStore<Int64>) throws {
        try store.write { batch in
            for id in ids { try batch.put([Float](repeating: Float(id % 99 + 1), count: Self.dimension), for: id) }
        }
    }

    private func count(_ level: Logger.Level) -> Int { log.entries.filter { $0.level == level }.count }

    @Test func whatIsWorthwhile() {
        for (uncoded, coded, isWorthwhile) in [
            (256, 0, true), (0, 0, false), (-256, 0, false), (-256, 512, false), (16_128, 256, false),
            (16_384, 256, true), (16_384, 131_072, true), (16_384, 1_048_576, false), (131_072, 1_048_576, true),
        ] {
            #expect(BackgroundMaintenance.isWorthwhile(uncoded: uncoded, coded: coded) == isWorthwhile)
        }
    }

    @Test func codesComeWithTheFirstRowsAndWithManyMore() throws {
        let store = try store()
        clock.advance(by: .seconds(100))
        #expect(clock.alarms == 0)
        try put(0..<300, in: store)
        #expect(clock.alarms == 1)
        clock.advance(by: .seconds(1))
        #expect(try store.space.codedSlots == 256)
        #expect(log.entries.count == 1 && "\(log.entries[0].message)".hasPrefix("made codes in the background"))
        try put(1_000..<2_000, in: store)
        clock.advance(by: .seconds(3_600))
        #expect(try store.space.codedSlots == 256 && clock.alarms == 0)
        try put(10_000..<25_384, in: store)
        clock.advance(by: .seconds(3_600))
        #expect(try store.space.codedSlots == 16_640)
        #expect(count(.info) == 2 && count(.warning) == 0)
        #expect(try store.verify().isSound)
    }

    @Test func anErasureIsFollowedByCodes() throws {
        let store = try store()
        try put(0..<600, in: store)
        try store.accelerate()
        try store.erase([1, 2])
        #expect(try store.space.codedSlots == 0)
        clock.advance(by: .seconds(1))
        #expect(try store.space.codedSlots == 512 && count(.info) == 1)
    }

    @Test func aCompactionInTheBackgroundMakesCodes() throws {
        let store = try store(deadBytes: 300 * 32)
        try put(0..<900, in: store)
        try store.accelerate()
        try store.delete(Array(0..<300))
        clock.advance(by: .seconds(60))
        #expect(try store.info.generation == 2 && store.fragmentation == 0)
        #expect(try store.space.codedSlots == 512)
        #expect(count(.info) == 2 && count(.warning) == 0 && clock.alarms == 0)
    }

    @Test func aStoreThatWantsNoneGetsNone() throws {
        let store = try store(.off)
        try put(0..<600, in: store)
        clock.advance(by: .seconds(60))
        #expect(try store.info.acceleration == .off)
        try store.accelerate()
        try store.erase([1])
        try store.stopAccelerating()
        clock.advance(by: .seconds(60))
        // A run that was about to begin when the codes were given up does nothing.
        #expect(try store.writing().accelerateIfNeeded(Pace { _ in }) == nil)
        #expect(try store.info.acceleration == .off && store.space.codesBytes == 0)
        #expect(log.entries.isEmpty && clock.alarms == 0)
    }

    /// A store that was opened wants codes as it did before.
    @Test func theNextHandleGoesOn() throws {
        let first = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, acceleration: .codes)
        )
        try put(0..<600, in: first)
        try first.close()
        var policy = MaintenancePolicy()
        policy.clock = clock
        let store = try VectorStore<Int64>.open(at: scratch.store, options: .init(maintenance: policy))
        clock.advance(by: .seconds(1))
        #expect(try store.space.codedSlots == 512)
    }

    /// At one byte per second the codes are never complete.
    private func whileMakingCodes<R>(_ body: () throws -> R) rethrows -> R {
        let hasEnded = DispatchSemaphore(value: 0)
        Thread { [clock] in
            clock.advance(by: .seconds(1))
            hasEnded.signal()
        }.start()
        hasBegun.wait()
        defer { hasEnded.wait() }
        return try body()
    }

    @Test func itGivesWay() throws {
        let store = try store(rate: 1)
        try put(0..<600, in: store)
        let report = try whileMakingCodes { try store.accelerate() }
        #expect(report.rows == 512)
        #expect(log.entries.isEmpty)
        clock.advance(by: .seconds(3_600))
        #expect(try store.space.codedSlots == 512 && clock.alarms == 0 && log.entries.isEmpty)
    }

    /// Nobody gets codes that they have just given up.
    @Test func itEndsWhenCodesAreNoLongerWanted() throws {
        let store = try store(rate: 1)
        try put(0..<600, in: store)
        try whileMakingCodes { try store.stopAccelerating() }
        clock.advance(by: .seconds(3_600))
        #expect(try store.info.acceleration == .off && clock.alarms == 0)
        #expect(try Directory.names(scratch.store).filter { $0.hasSuffix(".codes") } == [])
    }

    @Test func closingEndsIt() throws {
        let store = try store(rate: 1)
        try put(0..<600, in: store)
        try whileMakingCodes { try store.close() }
        #expect(log.entries.isEmpty && clock.alarms == 0)
        let reopened = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try reopened.info.acceleration == .codes && reopened.verify().isSound)
    }

    @Test func aFailureIsLoggedAndTriedAgain() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                var policy = MaintenancePolicy(minimumDeadBytes: 300 * 32)
                policy.clock = clock
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: Self.dimension, acceleration: .codes),
                    fileSystem: disk.fileSystem,
                    options: .init(maintenance: policy, logger: Logger(label: "test") { _ in log })
                )
                try put(0..<900, in: store)
                try store.accelerate()
                try store.delete(Array(0..<300))
                disk.inject(
                    DiskFault(
                        errno: ENOSPC,
                        times: 1_000,
                        matches: { $0.kind == .write && $0.name.hasSuffix(".codes") }
                    )
                )
                clock.advance(by: .seconds(2))
                #expect(try store.info.generation == 2)
                #expect(count(.info) == 1 && count(.warning) == 1)
                clock.advance(by: .seconds(60))
                #expect(count(.info) == 1 && count(.warning) == 2)
                disk.inject(nil)
                clock.advance(by: .seconds(60))
                #expect(try store.space.codedSlots == 512)
                #expect(count(.info) == 2 && count(.warning) == 2 && clock.alarms == 0)
            }
        }
    }
}
