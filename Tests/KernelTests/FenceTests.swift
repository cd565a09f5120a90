import CLacunaPlatform
import CLacunaVectorKernels
import TestSupport
import Testing

/// Nothing outside the arrays is read: one byte too far would end the process.
@Suite("Fenced memory")
struct FenceTests {
    static let dimensions = Array(1...70) + [255, 384, 1023, 1024, 1025, 2049]

    @Test("rows and queries", arguments: Kernel.available, FencedMemory.Edge.allCases)
    func distances(kernel: Kernel, edge: FencedMemory.Edge) {
        var random = SplitMix64(seed: 7)
        let rowMemory = FencedMemory(minimumCount: 2 * 2049 * MemoryLayout<Float>.stride)
        let queryMemory = FencedMemory(minimumCount: 2049 * MemoryLayout<Float>.stride)
        for dimension in Self.dimensions {
            // The second scale is taken again in double.
            for scale: Float in [1, 3e38] {
                let query = random.floats(dimension)
                let rows = random.floats(2 * dimension, scale: scale)
                let offsets = [0, Int64(dimension * MemoryLayout<Float>.stride)]
                for metric in Metric.allCases {
                    let expected = kernel.distances(metric, from: query, in: rows, at: [0, dimension])
                    var distances = [Double](repeating: .nan, count: 2)
                    unsafe queryMemory.withCopy(of: query, at: edge) { query in
                        unsafe rowMemory.withCopy(of: rows, at: edge) { rows in
                            unsafe lacuna_distances_with(
                                kernel.index,
                                metric.inC,
                                query.baseAddress,
                                dimension,
                                rows.baseAddress,
                                offsets,
                                offsets.count,
                                &distances
                            )
                        }
                    }
                    #expect(distances == expected, "\(metric), dimension \(dimension)")
                }
            }
        }
    }

    @Test("values that are checked", arguments: FencedMemory.Edge.allCases)
    func finite(edge: FencedMemory.Edge) {
        let memory = FencedMemory(minimumCount: 300 * MemoryLayout<Float>.stride)
        for count in 0...300 {
            let finite = unsafe memory.withCopy(of: [Float](repeating: 1, count: count), at: edge) { values in
                var firstBad = 0
                return unsafe lacuna_all_finite(values.baseAddress, values.count, &firstBad)
            }
            #expect(finite)
        }
    }

    @Test("bytes that are summed", arguments: FencedMemory.Edge.allCases)
    func checksum(edge: FencedMemory.Edge) {
        var random = SplitMix64(seed: 8)
        let memory = FencedMemory(minimumCount: 4096)
        for count in Array(0...300) + [767, 768, 769, 775, 1536, 1537, 4095] {
            let bytes = random.bytes(count)
            let crc = unsafe memory.withCopy(of: bytes, at: edge) { bytes in
                unsafe lacuna_crc32c(0, bytes.baseAddress, bytes.count)
            }
            #expect(crc == crc32c(bytes), "\(count) bytes")
        }
    }
}
