import CLacunaVectorKernels
import TestSupport
import Testing

@Suite("Elements")
struct ElementTests {
    private func widened(_ kernel: Kernel, _ element: Element, _ bytes: [UInt8]) -> [Float] {
        let count = bytes.count / element.bytes
        return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            unsafe lacuna_widen_with(kernel.index, element.inC, bytes, count, buffer.baseAddress)
            filled = count
        }
    }

    /// The components as bytes; nil, and the index, if one is refused.
    private func narrowed(_ element: Element, _ values: [Float]) -> (bytes: [UInt8]?, firstBad: Int) {
        var firstBad = 123_456
        var bytes = [UInt8](repeating: 0x55, count: values.count * element.bytes)
        let isNarrowed = unsafe lacuna_narrow(element.inC, values, values.count, &bytes, &firstBad)
        if !isNarrowed { #expect(bytes.allSatisfy { $0 == 0x55 }, "nothing was written") }
        return (isNarrowed ? bytes : nil, firstBad)
    }

    private func bytes(_ halves: [UInt16]) -> [UInt8] { halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } }

    @Test("every half has the value of its definition", arguments: Kernel.available)
    func halves(kernel: Kernel) {
        let halves = (0...UInt16.max).map { $0 }
        let found = widened(kernel, .float16, bytes(halves))
        let isRight = zip(halves, found).allSatisfy { half, value in
            let expected = Float(half: half)
            return expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern
        }
        #expect(isRight)
        #expect(zip(halves, found).filter { $1.isNaN }.count == 2 * 1023)
    }

    @Test("every int8 has its value", arguments: Kernel.available)
    func integers(kernel: Kernel) {
        let values = (Int8.min...Int8.max).map(Float.init)
        let bytes = (Int8.min...Int8.max).map(UInt8.init(bitPattern:))
        #expect(widened(kernel, .int8, bytes) == values)
        #expect(narrowed(.int8, values).bytes == bytes)
        #expect(narrowed(.int8, [-0.0]).bytes == [0])
    }

    /// This looks at all halves, and at the floats around the middle between each two of them.
    @Test("floats are rounded to the nearest half, and ties to even")
    func rounding() {
        for sign: (float: Float, half: UInt16) in [(1, 0), (-1, 0x8000)] {
            let halves = (0..<UInt16(0x7BFF)).map { $0 }
            let lower = halves.map { sign.float * Float(half: $0) }
            let middles = halves.map { sign.float * (Float(half: $0) + Float(half: $0 + 1)) / 2 }
            #expect(narrowed(.float16, lower).bytes == bytes(halves.map { $0 | sign.half }))
            #expect(
                narrowed(.float16, middles).bytes == bytes(halves.map { ($0 % 2 == 0 ? $0 : $0 + 1) | sign.half })
            )
            let below = middles.map { sign.float * ($0 * sign.float).nextDown }
            #expect(narrowed(.float16, below).bytes == bytes(halves.map { $0 | sign.half }))
            let above = middles.map { sign.float * ($0 * sign.float).nextUp }
            #expect(narrowed(.float16, above).bytes == bytes(halves.map { ($0 + 1) | sign.half }))
        }
        let tiny: [Float] = [.leastNonzeroMagnitude, .leastNormalMagnitude, 1e-30]
        #expect(narrowed(.float16, tiny + tiny.map { -$0 }).bytes == bytes([0, 0, 0, 0x8000, 0x8000, 0x8000]))
    }

    @Test("a float that would become an infinite half is refused")
    func overflow() {
        let largest = Float(65_520).nextDown
        #expect(narrowed(.float16, [65_504, largest, -largest]).bytes == bytes([0x7BFF, 0x7BFF, 0xFBFF]))
        for bad: Float in [65_520, -65_520, 1e30, .infinity, -.infinity, .nan, .greatestFiniteMagnitude] {
            for position in [0, 1, 40, 99] {
                var values = [Float](repeating: 1, count: 100)
                values[position] = bad
                values[99] = bad
                #expect(narrowed(.float16, values) == (nil, position))
            }
        }
    }

    @Test("what is no whole number from -128 to 127 is refused")
    func refusals() {
        let bad: [Float] = [
            1.5, 128, -129, -0.5, 0.1, 127.5, 1e10, -1e30, .leastNonzeroMagnitude, Float(1).nextUp,
            Float(-128).nextDown,
            .nan, .infinity, -.infinity,
        ]
        for bad in bad {
            for position in [0, 1, 40, 99] {
                var values = [Float](repeating: -7, count: 100)
                values[position] = bad
                values[99] = bad
                #expect(narrowed(.int8, values) == (nil, position), "\(bad)")
            }
        }
    }

    /// The rows begin at every remainder of an address, so none is aligned by chance.
    @Test(
        "distances have the bits of those of the same values in float32",
        arguments: Kernel.available,
        [Element.float16, .int8]
    )
    func distances(kernel: Kernel, element: Element) {
        var random = SplitMix64(seed: 31)
        for dimension in DistanceTests.dimensions {
            let (bytes, values) = element.random(dimension, &random)
            let query = random.floats(dimension)
            let start = dimension % 8
            let shifted = [UInt8](repeating: 0xFF, count: start) + bytes
            for metric in Metric.allCases {
                let distance = kernel.distance(metric, query, in: shifted, at: start, element)
                #expect(distance.bitPattern == kernel.distance(metric, query, values).bitPattern)
                #expect(distance.bitPattern == metric.distance(query, values).bitPattern, "dimension \(dimension)")
            }
        }
    }

    @Test(
        "candidates hold each row that is as near as the limit",
        arguments: Kernel.available,
        [Element.float16, .int8]
    )
    func candidates(kernel: Kernel, element: Element) {
        var random = SplitMix64(seed: 32)
        for dimension in DistanceTests.dimensions {
            let (bytes, values) = element.random(dimension, &random)
            // Float32 sums can't tell these distances apart.
            let near = values.map { $0 * (1 + Float(Int(random.next() % 9) - 4) * 0x1p-23) }
            for query in [values, near, random.floats(dimension)] {
                for metric in Metric.allCases {
                    #expect(kernel.keeps(metric, query, bytes, element), "\(metric), dimension \(dimension)")
                }
            }
        }
    }

    @Test(
        "candidates are few, and in order, at any address",
        arguments: Kernel.available,
        [Element.float16, .int8]
    )
    func tiles(kernel: Kernel, element: Element) {
        var random = SplitMix64(seed: 33)
        for dimension in [1, 3, 16, 31, 50, 384, 1030] {
            let stride = dimension * element.bytes + 1
            for count in [1, 2, 3, 5, 63, 256] {
                let rows = (0..<count).map { _ in element.random(dimension, &random) }
                let bytes: [UInt8] = [0xFF] + rows.flatMap { $0.bytes + [0xFF] }
                let queries = (0..<1 + count % 10).map { _ in element.random(dimension, &random).values }
                let vectors = rows.map(\.values) + queries
                let norm = vectors.map { DistanceSums($0, $0).dot.squareRoot() }.max() ?? 0
                for metric in Metric.allCases {
                    let distances = queries.map { query in rows.map { metric.distance(query, $0.values) } }
                    let limits = distances.map { $0.sorted()[count / 2] }
                    let found = kernel.candidates(
                        metric,
                        queries,
                        in: bytes,
                        from: 1,
                        stride: stride,
                        count: count,
                        limits: limits,
                        element
                    )
                    let places = found.map { Int($0.query) * count + Int($0.row) }
                    #expect(places == Array(Set(places)).sorted())
                    for (query, distances) in distances.enumerated() {
                        let near = distances.indices.filter { distances[$0] <= limits[query] }
                        #expect(near.allSatisfy { places.contains(query * count + $0) }, "\(metric), \(dimension)")
                    }
                    let slack = 1e-5 * (metric == .cosine ? 2 : metric == .dot ? norm * norm : 2 * norm)
                    let most = zip(distances, limits).reduce(0) { sum, of in
                        sum + of.0.count { $0 <= of.1 + slack }
                    }
                    // A vector of zeros has no angle, and is kept; in one dimension there may be some.
                    if dimension > 1 { #expect(found.count <= most, "\(metric), \(dimension)") }
                }
            }
        }
    }
}
