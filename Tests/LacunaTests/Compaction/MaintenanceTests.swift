import Foundation
import Testing

@testable import Lacuna

private struct Stop: Error {}

/// A deadline, a rate, the caller, readers and closing the store keep a compaction within bounds.
@Suite(.timeLimit(.minutes(40))) struct MaintenanceTests {
    private static let dimension = 1_024
    private static let rows = 120
    private let scratch: Scratch
    private let store: VectorStore<Int64>

    /// Makes a store in which every third row is dead, and a stretch of rows.
    init() throws {
        scratch = try Scratch()
        store = try VectorStore.create(at: scratch.store, configuration: .init(dimension: Self.dimension, metric: .dot))
        try store.write { batch in
            for id in 0..<Self.rows { try batch.put(Self.vector(id), for: Int64(id)) }
        }
        try store.delete((0..<Self.rows).filter(Self.isDead).map { Int64($0) })
    }

    private static func vector(_ id: Int) -> [Float] { (0..<dimension).map { Float(id * dimension + $0) } }
    private static func isDead(_ id: Int) -> Bool { id % 3 == 0 || (20..<30).contains(id) }
    private static let live = (0..<rows).filter { !isDead($0) }
    private static let strategies = [CompactionStrategy.rewrite, .inPlace, .punch]
    private static let small = MaintenanceLimits.small(rows: 4, dimension: dimension)

    private func expectAllThere(_ store: VectorStore<Int64>? = nil, but gone: [Int64] = []) throws {
        let store = store ?? self.store
        let live = Self.live.filter { !gone.contains(Int64($0)) }
        #expect(try store.ids() == live.map { Int64($0) })
        for id in live { #expect(try store.vector(for: Int64(id)) == Self.vector(id), "\(id)") }
        #expect(try store.verify().isSound)
    }

    private func history() throws -> [[SQLValue]] {
        try rawConnection(scratch.index).rows(2, "SELECT strategy, state FROM compaction_history ORDER BY id")
    }

    // MARK: Deadline, rate, cancelling

    @Test(arguments: strategies) func theDeadlineStops(_ strategy: CompactionStrategy) throws {
        // The closure takes longer than the deadline.
        let options = MaintenanceOptions(deadline: .milliseconds(30))
        expectError(.deadlineExceeded) { try store.compact(strategy, options: options) { _ in usleep(40_000) } }
        try expectAllThere()
        #expect(try history() == [[.text(strategy.rawValue), "aborted"]] || history().isEmpty)
        #expect(try store.compact(strategy).strategy == strategy)
        try expectAllThere()
    }

    @Test(arguments: [MaintenanceOptions(maxBytesPerSecond: 0), .init(maxBytesPerSecond: -1), .init(deadline: .zero)])
    func optionsOutOfRangeAreRefused(_ options: MaintenanceOptions) throws {
        expectError(.invalidArgument) { try store.compact(.rewrite, options: options) }
    }

    /// The compaction can't end sooner than its rate allows, and it reports progress while it waits.
    @Test(arguments: strategies) func theRateIsALowerBoundOfTheTime(_ strategy: CompactionStrategy) throws {
        let rate: Int64 = 1 << 20
        var calls = 0
        let report = try store.compact(strategy, options: MaintenanceOptions(maxBytesPerSecond: rate)) { _ in calls += 1
        }
        let bytes =
            strategy == .punch ? report.allocatedBytesBefore - report.allocatedBytesAfter : report.writtenBytes - 4_096
        #expect(bytes > 64 << 10)
        #expect(report.duration >= .seconds(Double(bytes) / Double(rate) * 0.99))
        #expect(calls > 5)
        try expectAllThere()
    }

    /// A cancelled rewrite leaves the store as it was. Here the rows that were moved stay moved, and the next call
    /// carries on.
    @Test(arguments: 1...6) func cancelledInPlaceKeepsWhatItMoved(_ limit: Int) throws {
        var calls = 0
        #expect(throws: Stop.self) {
            try store.compact(.inPlace, Self.small) { _ in
                calls += 1
                if calls == limit { throw Stop() }
            }
        }
        try expectAllThere()
        let moved = try rawConnection(scratch.index).value("SELECT rows_moved FROM compaction_journal")
        guard case .integer(let count) = moved else { throw Stop() }
        let before = try sizes(scratch.file("vectors-1.f32")).length
        let report = try store.compact(.inPlace, Self.small)
        #expect(report.movedRows > 0)
        #expect(Int(count) + report.movedRows == Self.live.count { $0 >= Self.live.count })
        #expect(try store.space.deadRows == 0)
        #expect(try sizes(scratch.file("vectors-1.f32")).length < before)
        try expectAllThere()
        #expect(try history().map { $0[1] } == ["aborted", "finished"])
    }

    // MARK: Readers

    /// A row that a reader holds stays unchanged: a compaction that wants its place gives up after a wait, says so, and
    /// works afterwards.
    @Test(arguments: [CompactionStrategy.inPlace, .punch]) func aPinnedRowKeepsItsPlace(
        _ strategy: CompactionStrategy
    ) throws {
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        // The rows lie at the first gaps, where a compaction in place or a punch would begin.
        for (id, reader) in [(1, store), (2, other)] as [(Int64, VectorStore<Int64>)] {
            let isInside = DispatchSemaphore(value: 0)
            let mayEnd = DispatchSemaphore(value: 0)
            let hasEnded = DispatchSemaphore(value: 0)
            let seen = Guarded<[Float]?>(nil)
            Thread {
                let row = try? reader.withVector(for: id) { row in
                    isInside.signal()
                    mayEnd.wait()
                    return row.indices.map { row[$0] }
                }
                seen.withLock { $0 = row }
                hasEnded.signal()
            }.start()
            isInside.wait()
            // From now on the row is dead for everybody else.
            try store.delete(id)
            let error = expectError(.busy) { try store.compact(strategy, .waiting(0.05)) }
            #expect(error?.problem.contains("reader") == true)
            mayEnd.signal()
            hasEnded.wait()
            #expect(seen.withLock { $0 } == Self.vector(Int(id)))
            try expectAllThere(but: Array(1...id))
        }
        #expect(try store.compact(strategy).strategy == strategy)
        try expectAllThere(but: [1, 2])
    }

    /// While a long read is under way, the choice is a rewrite, because it waits for nobody.
    @Test func autoLooksWhoIsReading() throws {
        try store.delete(Int64(1))
        try store.put(Self.vector(1), for: 1)
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try whileReading(other) {
            let plan = try store.compactionPlan()
            #expect(plan.strategy == .rewrite && plan.reason.contains("reader"), "\(plan)")
            #expect(try store.compact().strategy == .rewrite)
        }
        try expectAllThere()
    }

    // MARK: The end of the store

    /// Closing stops a compaction at its next batch, and waits for that.
    @Test(arguments: strategies) func closingStopsACompaction(_ strategy: CompactionStrategy) throws {
        let isInside = DispatchSemaphore(value: 0)
        let mayGoOn = DispatchSemaphore(value: 0)
        let hasEnded = DispatchSemaphore(value: 0)
        let error = Guarded<VectorStoreError.Code?>(nil)
        let store = store
        Thread {
            var calls = 0
            do {
                try store.compact(strategy, MaintenanceLimits(bytes: 1, rows: 1)) { _ in
                    calls += 1
                    if calls > 1 { return }
                    isInside.signal()
                    mayGoOn.wait()
                }
            } catch let thrown as VectorStoreError { error.withLock { $0 = thrown.code } } catch {}
            hasEnded.signal()
        }.start()
        isInside.wait()
        let isClosed = DispatchSemaphore(value: 0)
        Thread {
            try? store.close()
            isClosed.signal()
        }.start()
        // Until the store says that it is closing, the compaction holds still.
        while !store.isClosingForTests { usleep(200) }
        #expect(isClosed.wait(timeout: .now()) == .timedOut)
        mayGoOn.signal()
        isClosed.wait()
        hasEnded.wait()
        #expect(error.withLock { $0 } == .closed)
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try expectAllThere(again)
        let pending = try rawConnection(scratch.index).value("SELECT count(*) FROM compaction_history WHERE pending")
        #expect(pending == .integer(0))
    }
}

extension VectorStore {
    fileprivate var isClosingForTests: Bool {
        do { try writer?.checkNotEnding() } catch { return true }
        return false
    }
}
