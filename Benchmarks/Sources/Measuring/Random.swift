/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
package struct SplitMix: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// From −1 to 1.
    package mutating func nextFloat() -> Float { Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }
}

/// Vectors that are made beforehand: a row costs only a copy, so that drawing components doesn't dominate the measured
/// time.
package struct VectorPool: Sendable {
    private let vectors: [[Float]]

    package init(dimension: Int, count: Int = 512) {
        var random = SplitMix(seed: 0x1ac0_1ac0)
        vectors = (0..<count).map { _ in (0..<dimension).map { _ in random.nextFloat() } }
    }

    /// A row for an id. Its first component is a mark of the id.
    package func vector(for id: Int64) -> [Float] {
        var vector = vectors[Int(id % Int64(vectors.count))]
        vector[0] = Self.mark(id)
        return vector
    }

    /// Whether a row that was read belongs to the id, from its mark to its last component.
    package func isVector(_ vector: [Float], of id: Int64) -> Bool {
        let expected = vectors[Int(id % Int64(vectors.count))]
        return vector.count == expected.count && vector[0] == Self.mark(id)
            && vector.dropFirst().last == expected.dropFirst().last
    }

    /// Floats hold integers exactly up to 2^24.
    private static func mark(_ id: Int64) -> Float { Float(id & 0xff_ffff) }
}
