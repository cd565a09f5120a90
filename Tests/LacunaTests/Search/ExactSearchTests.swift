import Synchronization
import TestSupport
import Testing

@testable import Lacuna

/// The answer equals that of the definition in every bit, with any number of threads, any other queries, and dead rows
/// between.
@Suite(.timeLimit(.minutes(40))) struct ExactSearchTests {
    private static func nearest(
        _ metric: DistanceMetric,
        _ query: [Float],
        _ rows: [Int64: [Float]],
        _ limit: Int
    ) -> [Match<Int64>] {
        let all = rows.map { Match(id: $0.key, distance: metric.distance(query, $0.value)) }
        return Array(all.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(limit))
    }

    @Test(
        "among rows that differ in their last bits, the row alike is first, at 0",
        arguments: [
            DistanceMetric.cosine, .euclidean,
        ]
    )
    func nearDuplicates(metric: DistanceMetric) throws {
        let scratch = try Scratch()
        var random = SplitMix64(seed: 31)
        let query = random.floats(384)
        var rows: [Int64: [Float]] = [:]
        for id in Int64(1)...3_000 { rows[id] = query.map { $0 + random.floats(1)[0] * 1e-7 } }
        rows[2_171] = query
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 384, metric: metric)
        )
        try store.write { batch in for (id, row) in rows { try batch.put(row, for: id) } }
        for threads in [1, 2] {
            let found = try store.search(for: query, limit: 40, options: .init(threads: threads))
            #expect(found.first == Match(id: 2_171, distance: 0))
            #expect(found == Self.nearest(metric, query, rows, 40))
        }
    }

    @Test("beside dead rows, on any threads, alone and with other queries", arguments: DistanceMetric.allCases)
    func deadRows(metric: DistanceMetric) throws {
        let scratch = try Scratch()
        var random = SplitMix64(seed: 32)
        let dimension = 130
        var rows: [Int64: [Float]] = [:]
        for id in 0..<Int64(4_000) { rows[id] = random.floats(dimension) }
        // Each of these is nearer to the first query than those before it.
        for id in 0..<Int64(1_000) { rows[id] = rows[0]!.map { $0 * Float(1 - Double(id) / 1e6) + Float(id) * 1e-4 } }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: metric)
        )
        try store.write { batch in for id in rows.keys.sorted() { try batch.put(rows[id]!, for: id) } }
        let queries =
            [rows[999]!, [Float](repeating: 0, count: dimension)] + (0..<18).map { _ in random.floats(dimension) }
        // Every third row goes, then a long stretch, then nearly all.
        for dead in [rows.keys.filter { $0 % 3 == 1 }, Array(2_000..<Int64(2_900)), rows.keys.filter { $0 % 50 != 0 }] {
            try store.delete(dead.filter { rows[$0] != nil })
            for id in dead { rows[id] = nil }
            for limit in [1, 10, 300] {
                let right = queries.map { Self.nearest(metric, $0, rows, limit) }
                #expect(try store.search(forEach: queries, limit: limit) == right)
                for threads in 1...3 {
                    #expect(
                        try store.search(for: queries[0], limit: limit, options: .init(threads: threads)) == right[0]
                    )
                    #expect(
                        try store.search(for: queries[1], limit: limit, options: .init(threads: threads)) == right[1]
                    )
                }
            }
        }
    }

    @Test("a search that nobody wants any more ends", arguments: [1, 2])
    func cancelled(threads: Int) throws {
        let scratch = try Scratch()
        let created = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024, metric: .dot)
        )
        try created.write { batch in
            for id in 0..<Int64(2_000) { try batch.put([Float](repeating: 1, count: 1_024), for: id) }
        }
        try created.close()
        // The search asks first before the first megabyte; the answer is yes from the second time on.
        let looks = Atomic(0)
        let isWanted = Atomic(true)
        let options = VectorStoreOptions(shouldCancel: {
            if isWanted.load(ordering: .relaxed) { return false }
            return looks.add(1, ordering: .relaxed).oldValue >= 1
        })
        let store = try VectorStore<Int64>.open(at: scratch.store, options: options)
        let query = [Float](repeating: 1, count: 1_024)
        #expect(try store.search(for: query, limit: 1).count == 1)
        isWanted.store(false, ordering: .relaxed)
        expectError(.cancelled) { _ = try store.search(for: query, limit: 1, options: .init(threads: threads)) }
        #expect(looks.load(ordering: .relaxed) <= 2 + threads)
        isWanted.store(true, ordering: .relaxed)
        #expect(try store.search(for: query, limit: 1).count == 1)
    }

    @Test("a search of a cancelled task ends") func cancelledTask() async throws {
        let scratch = try Scratch()
        let store = try await VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024, metric: .dot)
        )
        try await store.write { batch in
            for id in 0..<Int64(2_000) { try batch.put([Float](repeating: 1, count: 1_024), for: id) }
        }
        let search = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await store.search(for: [Float](repeating: 1, count: 1_024), limit: 1)
        }
        search.cancel()
        await #expect(throws: CancellationError.self) { try await search.value }
    }

    /// The scan itself cancels its task, when it asks for the third time: before its second piece.
    @Test func cancelledInTheMidstOfAScan() async throws {
        let scratch = try Scratch()
        let task = Guarded<Task<Int, any Error>?>(nil)
        let asked = Guarded(0)
        let store = try await VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 65_536, metric: .dot),
            options: .init(shouldCancel: {
                let count = asked.withLock {
                    $0 += 1
                    return $0
                }
                if count == 3 { task.withLock { $0?.cancel() } }
                return false
            })
        )
        let row = [Float](repeating: 1, count: 65_536)
        try await store.write { batch in for id in 0..<Int64(20) { try batch.put(row, for: id) } }
        // The first search reads the index.
        _ = try await store.search(for: row, limit: 1)
        let search = Task {
            while task.withLock({ $0 == nil }) { await Task.yield() }
            asked.withLock { $0 = 0 }
            return try await store.search(for: row, limit: 1, options: .init(threads: 1)).count
        }
        task.withLock { $0 = search }
        await #expect(throws: CancellationError.self) { try await search.value }
        #expect(asked.withLock { $0 } == 3)
    }
}
