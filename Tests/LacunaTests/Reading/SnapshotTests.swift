import Foundation
import Testing

@testable import Lacuna

/// One `read` sees one state, whatever happens to the store meanwhile.
@Suite(.timeLimit(.minutes(40))) struct SnapshotTests {
    private static let dimension = 8
    private static let rows: Int64 = 60

    let scratch: Scratch
    let store: VectorStore<Int64>

    /// Puts sixty rows and deletes every third; rows with an even id have metadata.
    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: Self.dimension, metric: .euclidean))
        try store.write { batch in
            for id in 0..<Self.rows {
                try batch.put(Self.vector(id), for: id, metadataJSON: id % 2 == 0 ? "{\"n\":\(id)}" : nil)
            }
        }
        try store.delete(Array(stride(from: 0, to: Self.rows, by: 3)))
    }

    private static func vector(_ id: Int64, version: Float = 0) -> [Float] {
        (0..<dimension).map { Float(id) + Float($0) / 16 + version }
    }

    private struct Note: Codable, Equatable, Sendable { var n: Int64? }

    /// All that a snapshot answers.
    private struct Look: Equatable {
        var generation: Int64
        var dataFile: String
        var count: Int
        var fragmentation: Double
        var liveAndDead: [Int]
        var ids: [Int64]
        var contained: [Int64]
        var vectors: [[Float]?]
        var inPlace: [Float?]
        var metadataJSON: [String?]
        var metadata: [Note?]
        var rows: [String]
        var filteredRows: [String]
        var nearest: [Match<Int64>]
        var nearestFiltered: [Match<Int64>]
        var nearestOfSeveral: [[Match<Int64>]]

        init(_ snapshot: borrowing VectorStoreSnapshot<Int64>) throws {
            let all = Int64(0)..<SnapshotTests.rows + 40
            let info = snapshot.info
            (generation, dataFile) = (info.generation, info.dataFile)
            count = snapshot.count
            fragmentation = snapshot.fragmentation
            let space = try snapshot.space
            liveAndDead = [space.liveRows, space.deadRows]
            ids = try snapshot.ids()
            (contained, vectors, inPlace, metadataJSON, metadata) = ([], [], [], [], [])
            for id in all {
                if try snapshot.contains(id) { contained.append(id) }
                vectors.append(try snapshot.vector(for: id))
                inPlace.append(try snapshot.withVector(for: id) { row in row.indices.reduce(0) { $0 + row[$1] } })
                metadataJSON.append(try snapshot.metadataJSON(for: id))
                metadata.append(try snapshot.metadata(for: id, as: Note.self))
            }
            var texts: [String] = []
            try snapshot.forEach { texts.append("\($0)") }
            rows = texts
            var filteredTexts: [String] = []
            try snapshot.forEach(where: "metadata ->> 'n' >= \(20)", limit: 7) { filteredTexts.append("\($0)") }
            filteredRows = filteredTexts
            let query = SnapshotTests.vector(31)
            nearest = try snapshot.search(for: query, limit: 12)
            nearestFiltered = try snapshot.search(for: query, limit: 12, where: "metadata ->> 'n' < \(50)")
            nearestOfSeveral = try snapshot.search(
                forEach: [query, SnapshotTests.vector(3)],
                limit: 4,
                options: .init(threads: 2)
            )
        }
    }

    /// Runs each of `steps` on a thread of its own when it is asked to.
    private final class OtherThread: Sendable {
        private let next = DispatchSemaphore(value: 0)
        private let isDone = DispatchSemaphore(value: 0)
        private let failures = Guarded<[String]>([])

        init(_ steps: [@Sendable () throws -> Void]) {
            let worker = Thread { [self] in
                for step in steps {
                    next.wait()
                    do { try step() } catch { failures.withLock { $0.append("\(error)") } }
                    isDone.signal()
                }
            }
            worker.start()
        }

        func step() {
            next.signal()
            isDone.wait()
            #expect(failures.withLock { $0 } == [])
        }
    }

    private func changes() -> [@Sendable () throws -> Void] {
        [
            { [store] in
                try store.write { batch in
                    for id in Self.rows..<Self.rows + 40 {
                        try batch.put(Self.vector(id), for: id, metadataJSON: "{\"n\":\(id)}")
                    }
                }
            },
            { [store] in
                try store.write { batch in
                    for id in Int64(20)..<40 {
                        try batch.put(Self.vector(id, version: 1_000), for: id, metadataJSON: "{}", replacing: true)
                    }
                }
                try store.setMetadataJSON("{\"n\":1}", for: 41)
            },
            { [store] in try store.delete(Array(0..<20)) },
            { [store] in try store.compact(.rewrite) },
            { [store] in
                try store.put(Self.vector(31), for: 500)
                try store.delete(Array(40..<Self.rows))
                try store.compact(.rewrite)
                // This search advances the cache of live rows to this commit.
                #expect(try store.search(for: Self.vector(31), limit: 1).map(\.id) == [500])
            },
        ]
    }

    @Test(arguments: [true, false]) func aReadIsOneState(_ isSameHandle: Bool) throws {
        let reader = isSameHandle ? store : try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let changes = changes()
        let writer = OtherThread(changes)
        let before = try reader.read { snapshot in
            let first = try Look(snapshot)
            #expect(first.count == 40 && first.liveAndDead == [40, 20] && first.nearest.first?.id == 31)
            #expect(first.rows.count == 40 && first.filteredRows.count == 7)
            for change in 1...changes.count {
                writer.step()
                let now = try Look(snapshot)
                #expect(now == first, "after change \(change)")
            }
            return first
        }
        let after = try reader.read { try Look($0) }
        #expect(after != before)
        #expect(after.generation == 3 && after.ids == Array(20..<40) + Array(60..<100) + [500])
        #expect(try store.verify().isSound)
    }

    /// Before the snapshot's first search, the handle has searched newer commits, of the same generation and of a later
    /// one.
    @Test(arguments: [3, 5]) func theFirstSearchMayComeLate(_ steps: Int) throws {
        let writer = OtherThread(changes())
        let expected = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).search(
            for: Self.vector(31),
            limit: 12
        )
        let found = try store.read { snapshot in
            for _ in 0..<steps { writer.step() }
            let newest = try store.search(for: Self.vector(31), limit: 12)
            #expect(newest != expected)
            return try snapshot.search(for: Self.vector(31), limit: 12)
        }
        #expect(found == expected)
    }

    /// A second read on the same thread is a snapshot of its own, of the newest state.
    @Test func readsNest() throws {
        let writer = OtherThread(changes())
        try store.read { outer in
            writer.step()
            let newest = try store.read { inner in
                writer.step()
                let ids = try inner.ids()
                #expect(ids.count == 80)
                let stillReplaced = try inner.vector(for: 20)
                #expect(stillReplaced == Self.vector(20))
                return try store.vector(for: 20)
            }
            #expect(newest == Self.vector(20, version: 1_000))
            let count = try store.count
            #expect(count == 87)
            #expect(outer.count == 40)
            let vector = try outer.vector(for: 20)
            #expect(vector == Self.vector(20))
        }
    }

    /// Calls nest while statements of the same text are under way.
    @Test func looksNestWithinASnapshot() throws {
        try store.read { snapshot in
            var pairs = 0
            try snapshot.forEach(where: "id < \(10)") { row in
                let nearest = try snapshot.search(for: row.vector, limit: 1, where: "id = \(row.id)")
                #expect(nearest.map(\.id) == [row.id])
                let vector = try snapshot.withVector(for: row.id) { _ in try snapshot.vector(for: row.id) }
                #expect(vector == row.vector)
                try snapshot.forEach(where: "id < \(10)", includingVectors: false) { _ in pairs += 1 }
            }
            #expect(pairs == 36)
        }
    }

    @Test func whatWouldWaitForTheSnapshotIsAnError() throws {
        try store.read { snapshot in
            expectError(.reentrantCall) { try store.put(Self.vector(1), for: 700) }
            expectError(.reentrantCall) { try store.write { _ in } }
            expectError(.reentrantCall) { try store.delete(1) }
            expectError(.reentrantCall) { try store.flush() }
            expectError(.reentrantCall) { try store.compact(.rewrite) }
            expectError(.reentrantCall) { try store.close() }
            #expect(snapshot.count == 40)
        }
        try store.put(Self.vector(1), for: 700)
        #expect(try store.count == 41)
    }

    @Test func severalAnswersComeOutAtOnce() throws {
        let (count, nearest) = try store.read { try ($0.count, $0.search(for: Self.vector(31), limit: 1)) }
        #expect(count == 40 && nearest.map(\.id) == [31])
    }

    private struct Stop: Error {}

    @Test func errorsComeOutAndEndTheSnapshot() throws {
        #expect(throws: Stop.self) { try store.read { _ in throw Stop() } }
        try store.read { snapshot in
            expectError(.invalidFilter) { try snapshot.search(for: Self.vector(1), limit: 1, where: "nonsense(") }
            expectError(.invalidVector) { try snapshot.search(for: [1], limit: 1) }
            expectError(.invalidArgument) { try snapshot.search(for: Self.vector(1), limit: 0) }
            #expect(snapshot.count == 40)
        }
        // A punch waits for every reader, so it shows that none is left.
        try store.write { batch in for id in Int64(100)..<500 { try batch.put(Self.vector(id), for: id) } }
        try store.delete(Array(100..<500))
        #expect(try store.compact(.punch).strategy == .punch)
        try store.close()
        expectError(.closed) { try store.read { $0.count } }
    }

    /// Closing doesn't end a read that another thread is in.
    @Test func aSnapshotOutlivesItsHandle() throws {
        let writer = OtherThread([{ [store] in try store.close() }])
        try store.read { snapshot in
            let before = try Look(snapshot)
            writer.step()
            let after = try Look(snapshot)
            #expect(after == before)
        }
        expectError(.closed) { try store.read { $0.count } }
    }
}
