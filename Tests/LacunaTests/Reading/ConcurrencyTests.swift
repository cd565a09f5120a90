import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Each read beside a writer sees one state, with whole rows.
@Suite(.timeLimit(.minutes(40))) struct ConcurrencyTests {
    private static let rows: Int64 = 64
    private static let dimension = 600

    /// A reading loop that ends when the writer is done, and the errors that occurred in it.
    private final class Readers: Sendable {
        private let state = Guarded<(isDone: Bool, failures: [String])>((false, []))
        private let group = DispatchGroup()
        /// Signalled after each read.
        private let turn = DispatchSemaphore(value: 0)

        func start(_ count: Int, _ read: @escaping @Sendable (inout SplitMix64) throws -> Void) {
            for thread in 0..<count {
                group.enter()
                let worker = Thread { [self] in
                    var random = SplitMix64(seed: UInt64(thread))
                    while !state.withLock({ $0.isDone }) {
                        do { try read(&random) } catch { state.withLock { $0.failures.append("\(error)") } }
                        turn.signal()
                    }
                    group.leave()
                }
                worker.start()
            }
        }

        /// Waits until each kind of reader has read, so that no run passes without a read.
        func finish(after reads: Int) -> [String] {
            for _ in 0..<reads { turn.wait() }
            state.withLock { $0.isDone = true }
            group.wait()
            return state.withLock { $0.failures }
        }
    }

    private struct Garbage: Error, CustomStringConvertible {
        let description: String
    }

    private static func put(_ stamp: Int, _ store: VectorStore<Int64>) throws {
        try StampedRows.put(stamp, count: rows, dimension: dimension, store)
    }

    private static func checkAll(_ store: VectorStore<Int64>) throws {
        var stamps: Set<Int> = []
        var count = 0
        try store.forEach { row in
            stamps.insert(try StampedRows.stamp(row))
            count += 1
        }
        // Between two rounds there may be fewer rows, but never rows of two rounds.
        if stamps.count > 1 { throw Garbage(description: "rows of \(stamps) in one state") }
        if count != Int(rows) && count != Int(rows / 2) { throw Garbage(description: "\(count) rows") }
    }

    private static func checkOne(_ store: VectorStore<Int64>, _ random: inout SplitMix64) throws {
        let id = Int64.random(in: 0..<rows, using: &random)
        if let vector = try store.vector(for: id), !vector.allSatisfy({ $0 == vector[0] && $0 >= 1 }) {
            throw Garbage(description: "row \(id): \(vector.prefix(4))")
        }
        _ = try store.withVector(for: id) { row in
            let first = row[0]
            for index in row.indices where row[index] != first || first < 1 {
                throw Garbage(description: "row \(id) in place: \(row[index]) at \(index), \(first) at 0")
            }
        }
    }

    private static func checkSearch(_ store: VectorStore<Int64>) throws {
        let matches = try store.search(for: [Float](repeating: 1, count: dimension), limit: 10)
        // All rows are equal, so the answer is the lowest ids of a state, at one distance.
        guard matches.count == 10, Set(matches.map(\.distance)).count == 1,
            zip(matches, matches.dropFirst()).allSatisfy({ $0.id < $1.id })
        else { throw Garbage(description: "\(matches)") }
        let filtered = try store.search(
            for: [Float](repeating: 1, count: dimension),
            limit: 100,
            where: "metadata ->> 'stamp' >= 1"
        )
        guard Set(filtered.map(\.distance)).count == 1 else { throw Garbage(description: "\(filtered)") }
    }

    private static func startReaders(_ readers: Readers, _ store: VectorStore<Int64>) {
        readers.start(1) { _ in try checkAll(store) }
        readers.start(2) { random in try checkOne(store, &random) }
        readers.start(1) { _ in try checkSearch(store) }
    }

    @Test func readersBesideAWriter() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: .euclidean)
        )
        try Self.put(1, store)
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let readers = Readers()
        Self.startReaders(readers, store)
        Self.startReaders(readers, other)
        for round in 2..<26 {
            try Self.put(round, store)
            // Half of the rows go, either every second one or the first half.
            let gone = round % 3 == 0 ? Array(0..<Self.rows / 2) : Array(stride(from: 0, to: Self.rows, by: 2))
            try store.delete(gone)
            switch round % 4 {
            case 0: try store.compact(.rewrite)
            case 1, 2: try store.compact(.punch)
            default: try store.compact()
            }
            if round % 8 == 7, Program.sqlite.isInstalled { try expectOneStampFromTheShell(scratch) }
        }
        let failures = readers.finish(after: 200)
        #expect(failures.isEmpty, "\(failures.prefix(3))")
        try Self.put(100, store)
        #expect(try store.verify().isSound)
        #expect(try other.count == Int(Self.rows))
    }

    private func expectOneStampFromTheShell(_ scratch: Scratch) throws {
        let sql = "SELECT count(DISTINCT json ->> 'stamp') || ' ' || (SELECT count(*) FROM vector_index) FROM metadata"
        let result = try Program.sqlite.run(["-readonly", scratch.index, sql])
        #expect(result.status == 0 && ["1 64\n", "1 32\n"].contains(result.text), "\(result.text) \(result.error)")
    }

    @Test func writersTakeTurns() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        let failures = Guarded<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            do {
                for round in 0..<10 {
                    let id = Int64(thread * 100 + round)
                    try store.put([Float(thread), Float(round)], for: id)
                    if round % 2 == 1 { try store.delete(id) }
                    if round == 5 { try store.compact(thread % 2 == 0 ? .rewrite : .punch) }
                }
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try store.count == 30)
        #expect(try store.verify().isSound)
    }

    @Test func closingLetsReadsEnd() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: Self.dimension))
        try Self.put(1, store)
        let isInside = DispatchSemaphore(value: 0)
        let isClosed = DispatchSemaphore(value: 0)
        let isDone = DispatchSemaphore(value: 0)
        let sum = Guarded<Float?>(nil)
        Thread {
            let result = try? store.withVector(for: 7) { row in
                isInside.signal()
                isClosed.wait()
                return row.indices.reduce(into: Float(0)) { $0 += row[$1] }
            }
            sum.withLock { $0 = result }
            isDone.signal()
        }.start()
        isInside.wait()
        try store.close()
        expectError(.closed) { try store.vector(for: 7) }
        isClosed.signal()
        isDone.wait()
        #expect(sum.withLock { $0 } == Float(Self.dimension))
        #expect(try VectorStore<Int64>.open(at: scratch.store).verify().isSound)
    }
}
