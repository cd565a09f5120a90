import CLacunaVectorKernels
import TestSupport
import Testing

@Suite("Distances")
struct DistanceTests {
    /// Every tail of every kernel, both sides of the sums' block of 1,024, and the dimensions people use.
    static let dimensions = Array(1...70) + [96, 128, 255, 256, 384, 768, 1023, 1024, 1025, 1536, 2049, 65_536]

    @Test("agree with sums in double", arguments: Kernel.available, Metric.allCases)
    func reference(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 1)
        for dimension in Self.dimensions {
            let query = random.floats(dimension)
            // An odd number of floats between the rows: their alignment is a float's and no more.
            let starts = (0..<4).map { 1 + $0 * (dimension + 1 + dimension % 2) }
            let floats = random.floats(starts[3] + dimension)
            let distances = kernel.distances(metric, from: query, in: floats, at: starts)
            for (start, distance) in zip(starts, distances) {
                let expected = metric.reference(query, Array(floats[start..<start + dimension]))
                #expect(
                    abs(distance - expected.distance) <= expected.tolerance,
                    "dimension \(dimension), row at \(start)"
                )
            }
        }
    }

    @Test("of vectors that float32 sums can't hold are taken in double", arguments: Kernel.available, Metric.allCases)
    func range(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 2)
        let scales: [Float] = [3e38, 1e25, 1e19, 1, 1e-10, 1e-19, 1e-30, 0x1p-126, 0x1p-136]
        for dimension in [1, 2, 15, 33, 384, 1025, 65_536] {
            let unscaled = (query: random.floats(dimension), row: random.floats(dimension))
            for queryScale in scales {
                let query = unscaled.query.map { $0 * queryScale }
                for rowScale in scales {
                    let row = unscaled.row.map { $0 * rowScale }
                    let expected = metric.reference(query, row)
                    let distance = kernel.distance(metric, query, row)
                    #expect(
                        abs(distance - expected.distance) <= expected.tolerance,
                        "dimension \(dimension), scales \(queryScale) and \(rowScale)"
                    )
                }
            }
        }
    }

    @Test("of opposite extremes stay finite", arguments: Kernel.available)
    func extremes(kernel: Kernel) {
        let greatest = [Float](repeating: .greatestFiniteMagnitude, count: 65_536)
        let least = greatest.map { -$0 }
        let magnitude = Double(Float.greatestFiniteMagnitude)
        #expect(abs(kernel.distance(.euclidean, greatest, least) / (2 * magnitude * 256) - 1) <= 1e-12)
        #expect(abs(kernel.distance(.dot, greatest, least) / (magnitude * magnitude * 65_536) - 1) <= 1e-12)
        #expect(abs(kernel.distance(.cosine, greatest, least) - 2) <= 1e-12)
        #expect(abs(kernel.distance(.cosine, greatest, greatest)) <= 1e-12)
        let smallest = [Float](repeating: .leastNonzeroMagnitude, count: 7)
        #expect(abs(kernel.distance(.cosine, smallest, smallest)) <= 1e-12)
        #expect(abs(kernel.distance(.cosine, smallest, Array(least.prefix(7))) - 2) <= 1e-12)
    }

    @Test("one huge or tiny element among ordinary ones counts", arguments: Kernel.available, Metric.allCases)
    func mixedRange(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 3)
        for dimension in [1, 7, 16, 100, 384] {
            for position in [0, dimension / 2, dimension - 1] {
                for value: Float in [3e38, -2e19, 1e-30, .leastNonzeroMagnitude, -0.0] {
                    let query = random.floats(dimension)
                    var row = random.floats(dimension)
                    row[position] = value
                    let expected = metric.reference(query, row)
                    let distance = kernel.distance(metric, query, row)
                    #expect(abs(distance - expected.distance) <= expected.tolerance, "\(value) at \(position)")
                }
            }
        }
    }

    @Test("to and from a zero vector", arguments: Kernel.available)
    func zero(kernel: Kernel) {
        for dimension in [1, 3, 16, 17, 384, 1025] {
            let zero = [Float](repeating: 0, count: dimension)
            let ones = [Float](repeating: 1, count: dimension)
            for (query, row) in [(zero, ones), (ones, zero), (zero, zero), (zero.map { -$0 }, ones)] {
                #expect(kernel.distance(.cosine, query, row) == 1)
                let dot = kernel.distance(.dot, query, row)
                #expect(dot == 0 && dot.sign == .plus)
            }
            #expect(kernel.distance(.euclidean, zero, zero) == 0)
            #expect(abs(kernel.distance(.euclidean, zero, ones) - Double(dimension).squareRoot()) <= 1e-9)
        }
    }

    @Test("of a vector to itself are next to nothing", arguments: Kernel.available)
    func identical(kernel: Kernel) {
        var random = SplitMix64(seed: 4)
        for dimension in Self.dimensions {
            // Equal elements round the same way at each addition: the worst that sums in float32 meet.
            for vector in [random.floats(dimension), [Float](repeating: 0.1, count: dimension)] {
                let cosine = kernel.distance(.cosine, vector, vector)
                #expect(cosine >= 0 && cosine <= 1e-6, "dimension \(dimension)")
                #expect(kernel.distance(.euclidean, vector, vector) == 0)
                let opposite = kernel.distance(.cosine, vector, vector.map { -$0 })
                #expect(opposite <= 2 && opposite >= 2 - 1e-6, "dimension \(dimension)")
            }
        }
    }

    @Test("to a damaged row are infinite, wherever the damage is", arguments: Kernel.available, Metric.allCases)
    func damaged(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 5)
        let zero = [Float](repeating: 0, count: 1030)
        for dimension in [1, 2, 15, 16, 17, 64, 70, 1030] {
            let query = random.floats(dimension)
            let row = random.floats(dimension)
            for position in 0..<min(dimension, 80) {
                for value: Float in [.nan, .signalingNaN, .infinity, -.infinity] {
                    var damaged = row
                    damaged[dimension - 1 - position] = value
                    #expect(kernel.distance(metric, query, damaged) == .infinity)
                    #expect(kernel.distance(metric, damaged, row) == .infinity)
                    #expect(kernel.distance(metric, Array(zero.prefix(dimension)), damaged) == .infinity)
                }
            }
        }
    }

    @Test("have the same bits in any batch, place and task", arguments: Kernel.available, Metric.allCases)
    func deterministic(kernel: Kernel, metric: Metric) async {
        for dimension in [1, 5, 16, 33, 70, 384, 1025] {
            var random = SplitMix64(seed: UInt64(dimension))
            let query = random.floats(dimension)
            let row = random.floats(dimension)
            let expected = kernel.distance(metric, query, row).bitPattern
            // The row at each alignment of a vector, between others.
            var floats = random.floats(17 * (dimension + 1) + dimension)
            let starts = (0..<17).map { $0 * (dimension + 1) }
            for start in starts { floats.replaceSubrange(start..<start + dimension, with: row) }
            for count in 1...starts.count {
                let distances = kernel.distances(metric, from: query, in: floats, at: Array(starts.suffix(count)))
                #expect(distances.allSatisfy { $0.bitPattern == expected }, "\(count) rows of \(dimension)")
            }
            // Beside rows that are taken again in double.
            let mixed = [Float](repeating: 3e38, count: dimension) + row + [Float](repeating: 0, count: dimension)
            let mixedStarts = [0, 1, 2, 1].map { $0 * dimension }
            let distances = kernel.distances(metric, from: query, in: mixed, at: mixedStarts)
            #expect(distances[1].bitPattern == expected && distances[3].bitPattern == expected)

            await withTaskGroup(of: UInt64.self) { [floats] group in
                for start in starts {
                    group.addTask { kernel.distances(metric, from: query, in: floats, at: [start])[0].bitPattern }
                }
                for await bits in group { #expect(bits == expected) }
            }
        }
    }

    @Test("of no rows write nothing", arguments: Metric.allCases)
    func empty(metric: Metric) {
        var distance = 42.0
        unsafe lacuna_distances(metric.inC, [1, 2, 3], 3, nil, [], 0, &distance)
        #expect(distance == 42)
    }
}
