import CLacunaVectorKernels
import TestSupport
import Testing

@Suite("Distances")
struct DistanceTests {
    /// These reach every tail of every kernel and both sides of the block of 1,024 that sums are taken in; and they
    /// include the dimensions that people use.
    static let dimensions = Array(1...300) + [384, 768, 1023, 1024, 1025, 1536, 2049, 65_536]

    @Test("have the bits of their definition", arguments: Kernel.available, Metric.allCases)
    func definition(kernel: Kernel, metric: Metric) {
        var random = SplitMix64(seed: 1)
        for dimension in Self.dimensions {
            for scale: Float in [1, 3e38, 1e-30, 0x1p-136] {
                let query = random.floats(dimension)
                let row = random.floats(dimension, scale: scale)
                let distance = kernel.distance(metric, query, row)
                #expect(distance.bitPattern == metric.distance(query, row).bitPattern, "\(dimension) of \(scale)")
            }
        }
    }

    /// Another program has computed these bits from the definition.
    @Test("have the same bits on every machine", arguments: Kernel.available)
    func bits(kernel: Kernel) {
        let query = (0..<385).map { 1 / Float(3 + $0) }
        let row = (0..<385).map { 1 / Float(5 + 2 * $0) }
        let bits = Metric.allCases.map { kernel.distance($0, query, row).bitPattern }
        #expect(bits == [0x3F5D_D56D_742C_5600, 0xBFCB_F273_B65D_1B11, 0x3FD1_D4C0_FE19_296C])
    }

    @Test("of opposite extremes stay finite", arguments: Kernel.available)
    func extremes(kernel: Kernel) {
        let greatest = [Float](repeating: .greatestFiniteMagnitude, count: 65_536)
        let least = greatest.map { -$0 }
        let magnitude = Double(Float.greatestFiniteMagnitude)
        #expect(abs(kernel.distance(.euclidean, greatest, least) / (2 * magnitude * 256) - 1) <= 1e-12)
        #expect(abs(kernel.distance(.dot, greatest, least) / (magnitude * magnitude * 65_536) - 1) <= 1e-12)
        #expect(kernel.distance(.cosine, greatest, least) == 2)
        #expect(kernel.distance(.cosine, greatest, greatest) == 0)
        let smallest = [Float](repeating: .leastNonzeroMagnitude, count: 7)
        #expect(kernel.distance(.cosine, smallest, smallest) == 0)
        #expect(kernel.distance(.cosine, smallest, Array(least.prefix(7))) == 2)
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

    @Test("of a vector to itself are 0, to its opposite 2", arguments: Kernel.available)
    func identical(kernel: Kernel) {
        var random = SplitMix64(seed: 4)
        for dimension in Self.dimensions {
            let vectors =
                (0..<20).map { _ in random.floats(dimension) } + [[Float](repeating: 0.1, count: dimension)]
            for vector in vectors {
                #expect(kernel.distance(.cosine, vector, vector) == 0)
                #expect(kernel.distance(.euclidean, vector, vector) == 0)
                #expect(kernel.distance(.cosine, vector, vector.map { -$0 }) == 2)
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

    @Test("have the same bits in any place and task", arguments: Kernel.available, Metric.allCases)
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
            await withTaskGroup(of: UInt64.self) { [floats] group in
                for start in starts {
                    group.addTask { kernel.distance(metric, query, in: floats, at: start).bitPattern }
                }
                for await bits in group { #expect(bits == expected, "dimension \(dimension)") }
            }
        }
    }
}
