/// Sums over the components of two vectors in double, by definition: what distances are made of.
package struct DistanceSums {
    package private(set) var dot = 0.0
    /// Of the products' magnitudes: what rounding errors of `dot` are measured by.
    package private(set) var magnitude = 0.0
    package private(set) var squareA = 0.0
    package private(set) var squareB = 0.0
    package private(set) var squareDifference = 0.0

    package init(_ a: [Float], _ b: [Float]) {
        for (x, y) in zip(a, b) {
            let (x, y) = (Double(x), Double(y))
            dot += x * y
            magnitude += abs(x * y)
            squareA += x * x
            squareB += y * y
            squareDifference += (x - y) * (x - y)
        }
    }

    /// 1 where either vector is zero.
    package var cosineDistance: Double {
        let norms = squareA.squareRoot() * squareB.squareRoot()
        return norms == 0 ? 1 : 1 - dot / norms
    }

    package var euclideanDistance: Double { squareDifference.squareRoot() }
}

/// CRC-32C bit by bit, from its polynomial.
package func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~crc
}

extension Array where Element == Float {
    package var bitPatterns: [UInt32] { map(\.bitPattern) }
}
