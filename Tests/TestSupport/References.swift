/// The sums that distances are made of, by their definition: each of eight sums takes every eighth component, in
/// double, and then the sums are added in halves.
package struct DistanceSums {
    package let dot: Double
    private let squareA: Double
    private let squareB: Double
    private let squareDifference: Double

    package init(_ a: [Float], _ b: [Float]) {
        var sums = [[Double]](repeating: [0, 0, 0, 0, 0, 0, 0, 0], count: 4)
        for i in a.indices {
            let (x, y) = (Double(a[i]), Double(b[i]))
            sums[0][i % 8] += x * y
            sums[1][i % 8] += x * x
            sums[2][i % 8] += y * y
            sums[3][i % 8] += (x - y) * (x - y)
        }
        let totals = sums.map { (($0[0] + $0[4]) + ($0[2] + $0[6])) + (($0[1] + $0[5]) + ($0[3] + $0[7])) }
        (dot, squareA, squareB, squareDifference) = (totals[0], totals[1], totals[2], totals[3])
    }

    /// The distance is 1 if either vector is zero.
    package var cosineDistance: Double {
        let squares = squareA * squareB
        return squares == 0 ? 1 : 1 - min(1, max(-1, dot / squares.squareRoot()))
    }

    package var euclideanDistance: Double { squareDifference.squareRoot() }
}

extension Float {
    /// The value of an IEEE 754 binary16 number by its definition.
    package init(half bits: UInt16) {
        let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023))
        let magnitude: Float =
            switch exponent {
            case 0: fraction * 0x1p-24
            case 31: fraction == 0 ? .infinity : .nan
            default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
            }
        self = bits < 0x8000 ? magnitude : -magnitude
    }
}

/// Computes CRC-32C bit by bit, from its polynomial.
package func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 { crc(bytes, 0x82F6_3B78) }

/// Computes the CRC-32 of ZIP files bit by bit, from its polynomial.
package func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 { crc(bytes, 0xEDB8_8320) }

private func crc(_ bytes: some Sequence<UInt8>, _ polynomial: UInt32) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? polynomial : 0) }
    }
    return ~crc
}

extension Array where Element == Float {
    package var bitPatterns: [UInt32] { map(\.bitPattern) }
}
