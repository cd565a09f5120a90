import CLacunaVectorKernels
import TestSupport
import Testing

/// No row that is near enough may be left out. The tests use rows whose float32 sums have the largest errors.
@Suite("Candidates")
struct CandidateTests {
    @Test("hold each row that is as near as the limit", arguments: Kernel.available, Metric.allCases)
    func nearTies(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 21)
        for dimension in DistanceTests.dimensions {
            let query = random.floats(dimension)
            // These rows differ from the query in their last bits, so float32 can't tell their distances apart.
            for _ in 0..<4 {
                let row = query.map { $0 * (1 + Float(Int(random.next() % 9) - 4) * 0x1p-23) }
                #expect(kernel.keeps(metric, query, row), "dimension \(dimension)")
            }
            let row = random.floats(dimension)
            #expect(kernel.keeps(metric, query, row), "dimension \(dimension)")
        }
    }

    @Test("hold what is as near as the limit in any range of numbers", arguments: Kernel.available, Metric.allCases)
    func range(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 22)
        let scales: [Float] = [3e38, 1e25, 1e19, 1, 1e-10, 1e-19, 1e-30, 0x1p-126, 0x1p-136, 0]
        for dimension in [1, 2, 15, 33, 384, 1025, 65_536] {
            let unscaled = (query: random.floats(dimension), row: random.floats(dimension))
            for queryScale in scales {
                for rowScale in scales {
                    let query = unscaled.query.map { $0 * queryScale }
                    var row = unscaled.row.map { $0 * rowScale }
                    #expect(kernel.keeps(metric, query, row), "\(dimension), \(queryScale) and \(rowScale)")
                    row[dimension / 2] = 3e38
                    #expect(kernel.keeps(metric, query, row), "\(dimension), \(queryScale) and \(rowScale)")
                }
            }
        }
    }

    /// In each lane one component is large. All others are so small that their products are slightly more than half of
    /// the sum's last bit: each addition rounds up by nearly as much as it adds.
    private static func roundingUp(_ dimension: Int, lanes: Int) -> [Float] {
        (0..<dimension).map { $0 % 1024 < lanes ? 1 : Float((0x1p-24 * 1.01).squareRoot()) }
    }

    @Test("hold rows whose sums always round one way", arguments: Kernel.available, Metric.allCases)
    func rounding(kernel: Kernel, metric: Metric) {
        for dimension in [64, 300, 1024, 2048, 65_536] {
            // The lanes of one vector, as in a tile, and those of four, as for a query alone.
            for lanes in [16, 64] {
                let vector = Self.roundingUp(dimension, lanes: lanes)
                let opposite = vector.map { -$0 }
                let zero = [Float](repeating: 0, count: dimension)
                for (query, row) in [(vector, vector), (vector, opposite), (vector, zero), (zero, opposite)] {
                    #expect(kernel.keeps(metric, query, row), "dimension \(dimension), \(lanes) lanes")
                }
            }
        }
    }

    @Test("would lack rows if the bound were half of it", arguments: Kernel.available)
    func halfTheBound(kernel: Kernel) {
        let vector = Self.roundingUp(1024, lanes: 16)
        let zero = [Float](repeating: 0, count: 1024)
        #expect(!kernel.keeps(.dot, vector, vector.map { -$0 }, sumError: LACUNA_SUM_ERROR / 2))
        #expect(!kernel.keeps(.euclidean, vector, zero, sumError: LACUNA_SUM_ERROR / 2))
    }

    @Test("hold rows whose products cancel", arguments: Kernel.available, Metric.allCases)
    func cancellation(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 23)
        for dimension in [2, 34, 384, 2050, 65_536] {
            let half = random.floats(dimension / 2, scale: 1000)
            let query = half + half
            let row = half + half.map { -$0 * (1 + 0x1p-23) }
            #expect(kernel.keeps(metric, query, row), "dimension \(dimension)")
            // Here both vectors are far from the origin and near to each other.
            let far = random.floats(dimension).map { $0 + 10_000 }
            #expect(kernel.keeps(metric, far, far.map { $0 + 1 }), "dimension \(dimension)")
        }
    }

    @Test("would lack rows if float32 sums had no error", arguments: Kernel.available, Metric.allCases)
    func withoutBound(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 24)
        let lost = (0..<100).filter { _ in
            let (query, row) = (random.floats(384), random.floats(384))
            return !kernel.keeps(metric, query, row, sumError: 0)
        }
        #expect(!lost.isEmpty)
    }

    @Test("are damaged rows too, which are at no distance", arguments: Kernel.available, Metric.allCases)
    func damaged(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 25)
        for dimension in [1, 15, 16, 17, 70, 1030] {
            for value: Float in [.nan, .infinity, -.infinity] {
                var row = random.floats(dimension)
                row[Int(random.next() % UInt64(dimension))] = value
                let query = random.floats(dimension)
                let found = kernel.candidates(metric, [query], in: row, stride: dimension, count: 1, limits: [-1e30])
                #expect(found.map(\.bound) == [-.infinity], "\(value), dimension \(dimension)")
            }
        }
    }

    @Test("are few, and in order, for any number of queries", arguments: Kernel.available, Metric.allCases)
    func tiles(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 26)
        for dimension in [1, 3, 16, 31, 50, 384, 1030] {
            // The distance between rows is an odd number of floats, so they are aligned for a float only.
            let stride = dimension + 1 + dimension % 2
            for count in [1, 2, 3, 5, 63, 256] {
                let floats = random.floats(1 + count * stride)
                let rows = (0..<count).map { Array(floats[1 + $0 * stride..<1 + $0 * stride + dimension]) }
                let queries = (0..<1 + count % 10).map { _ in random.floats(dimension) }
                let distances = queries.map { query in rows.map { metric.distance(query, $0) } }
                // The limit of each query is the distance of the row in the middle.
                let limits = distances.map { $0.sorted()[count / 2] }
                let found = kernel.candidates(
                    metric,
                    queries,
                    in: floats,
                    from: 1,
                    stride: stride,
                    count: count,
                    limits: limits
                )
                let places = found.map { Int($0.query) * count + Int($0.row) }
                #expect(places == Array(Set(places)).sorted())
                for (query, distances) in distances.enumerated() {
                    for (row, distance) in distances.enumerated() where distance <= limits[query] {
                        #expect(places.contains(query * count + row), "\(dimension), row \(row) of \(count)")
                    }
                }
                for candidate in found {
                    let distance = distances[Int(candidate.query)][Int(candidate.row)]
                    let slack = 1e-5 * (metric == .cosine ? 2 : Double(dimension))
                    #expect(candidate.bound <= distance && distance - candidate.bound <= slack)
                    #expect(distance <= limits[Int(candidate.query)] + slack)
                }
            }
        }
    }

    @Test("of no rows or queries are none", arguments: Kernel.available, Metric.allCases)
    func none(kernel: Kernel, metric: Metric) {
        var queries = unsafe lacuna_queries()
        unsafe queries.metric = metric.inC
        unsafe queries.dimension = 3
        #expect(unsafe lacuna_candidates_with(kernel.index, &queries, nil, 12, 0, nil, nil) == 0)
    }
}
