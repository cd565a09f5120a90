import Foundation
import Lacuna
import TestSupport
import Testing

/// Vectors are stored unchanged, or refused.
@Suite struct VectorTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test(arguments: [0, 1, 2, 4, 5, 300]) func anotherDimensionIsRefused(_ count: Int) throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 3))
        try store.put([1, 2, 3], for: 1)
        let error = expectError(.invalidVector) { try store.put([Float](repeating: 1, count: count), for: 77) }
        #expect(error?.ids == ["77"])
        #expect(error?.problem.contains("77") == true && error?.problem.contains("\(count) components") == true)
        expectError(.invalidVector) { try store.search(for: [Float](repeating: 1, count: count), limit: 1) }
        #expect(try store.ids() == [1])
    }

    @Test(arguments: [Float.nan, .signalingNaN, .infinity, -.infinity], [1, 2, 7, 8, 33])
    func aComponentThatIsNoNumberIsNamed(_ value: Float, _ dimension: Int) throws {
        let store = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: dimension))
        for component in Set([0, dimension / 2, dimension - 1]) {
            var vector = [Float](repeating: 0.5, count: dimension)
            vector[component] = value
            let error = expectError(.invalidVector) { try store.put(vector, for: "the id") }
            #expect(error?.ids == ["the id"])
            #expect(error?.problem.contains("component \(component) of the vector of id the id") == true)
            let refused = expectError(.invalidVector) { try store.search(for: vector, limit: 1) }
            #expect(refused?.problem.contains("component \(component)") == true)
        }
        #expect(try store.count == 0)
    }

    @Test(arguments: [-1, 0, 65_537, .max, .min]) func dimensionsOutOfRangeAreRefused(_ dimension: Int) throws {
        expectError(.invalidArgument) {
            try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: dimension))
        }
        #expect(!exists(scratch.store))
    }

    @Test(arguments: [1, 65_536]) func dimensionsAtTheEdgesWork(_ dimension: Int) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .euclidean)
        )
        var random = SplitMix64(seed: 5)
        let vectors = (0..<3).map { _ in random.floats(dimension) }
        for (id, vector) in vectors.enumerated() { try store.put(vector, for: Int64(id)) }
        #expect(try store.vector(for: 2) == vectors[2])
        let nearest = try store.search(for: vectors[1], limit: 1)
        #expect(nearest.map(\.id) == [1] && nearest.map(\.distance) == [0])
    }

    /// Every bit comes back: zeros of both signs, subnormal numbers, the largest and the smallest number.
    @Test func bitsAreKept() throws {
        let vector: [Float] = [0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, .pi]
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 6))
        try store.put(vector, for: 1)
        #expect(try store.vector(for: 1)?.bitPatterns == vector.bitPatterns)
        let seen = try store.withVector(for: 1) { row in row.indices.map { row[$0].bitPattern } }
        #expect(seen == vector.bitPatterns)
        try store.forEach { #expect($0.vector.bitPatterns == vector.bitPatterns) }
        try store.write { try $0.put(vector.span, for: 2) }
        #expect(try store.vector(for: 2)?.bitPatterns == vector.bitPatterns)
    }

    /// Sums of products are right even if float32 can't hold them.
    @Test(arguments: DistanceMetric.allCases) func extremeValuesAreSearched(_ metric: DistanceMetric) throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 5, metric: metric))
        let largest = Float.greatestFiniteMagnitude
        let vectors: [[Float]] = [
            [0, 0, 0, 0, 0], [largest, largest, 0, 1, -largest], [-largest, 1, 0, 0, 0],
            [.leastNormalMagnitude, 0, 0, 0, 0],
            [1, 2, 3, 4, 5], [largest, largest, largest, largest, largest],
        ]
        var model = StoreModel<Int64>()
        for (id, vector) in vectors.enumerated() {
            try store.put(vector, for: Int64(id))
            model.put(vector, for: Int64(id), json: nil)
        }
        for query in vectors {
            let expected = model.nearest(query, metric)
            let matches = try store.search(for: query, limit: 10)
            try #require(matches.count == 6)
            for match in matches {
                let own = expected.first { $0.id == match.id }?.distance ?? .nan
                #expect(
                    match.distance.isFinite && abs(match.distance - own) <= 1e-6 * max(1, abs(own)),
                    "\(match), \(own)"
                )
            }
            #expect(zip(matches, matches.dropFirst()).allSatisfy { $0.distance <= $1.distance })
        }
    }

    @Test func equalDistancesAreOrderedByID() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        var random = SplitMix64(seed: 21)
        let ids = (Int64(-500)..<500).shuffled(using: &random)
        try store.write { batch in for id in ids { try batch.put([1, 1], for: id) } }
        for threads in [1, 2, 7] {
            let matches = try store.search(for: [1, 0], limit: 40, options: .init(threads: threads))
            #expect(matches.map(\.id) == Array(-500 ..< -460))
        }
    }

    @Test(arguments: [0, -1, .min]) func limitsAndThreadsOutOfRangeAreRefused(_ number: Int) throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        expectError(.invalidArgument) { try store.search(for: [1, 2], limit: number) }
        expectError(.invalidArgument) { try store.search(for: [1, 2], limit: 1, options: .init(threads: number)) }
        try store.put([1, 2], for: 1)
        #expect(try store.search(for: [1, 2], limit: .max, options: .init(threads: .max)).count == 1)
    }

    @Test func searchingAnEmptyStoreFindsNothing() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        #expect(try store.search(for: [1, 2], limit: 3).isEmpty)
        #expect(try store.search(forEach: [[1, 2], [3, 4]], limit: 3).map(\.count) == [0, 0])
        #expect(try store.search(forEach: [], limit: 3).isEmpty)
    }

    /// Many queries in one pass, on any number of threads, give the same answers as single searches.
    @Test(arguments: DistanceMetric.allCases) func manyQueriesAreAsManySearches(_ metric: DistanceMetric) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 300, metric: metric)
        )
        var random = SplitMix64(seed: 31)
        try store.write { batch in for id in Int64(0)..<3_000 { try batch.put(random.floats(300), for: id) } }
        let queries = (0..<5).map { _ in random.floats(300) }
        let together = try store.search(forEach: queries, limit: 7, options: .init(threads: 3))
        for (query, matches) in zip(queries, together) {
            #expect(try store.search(for: query, limit: 7, options: .init(threads: 1)) == matches)
        }
        let wrong = expectError(.invalidVector) {
            try store.search(forEach: [queries[0], [1]], limit: 1)
        }
        #expect(wrong?.problem.contains("query 1") == true)
    }
}
