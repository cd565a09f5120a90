import CLacunaPlatform
import CLacunaVectorKernels
import TestSupport
import Testing

/// The kernels read nothing outside the arrays: one byte too far would end the process.
@Suite("Fenced memory")
struct FenceTests {
    static let dimensions = Array(1...70) + [255, 384, 1023, 1024, 1025, 2049]

    @Test("rows and queries", arguments: Kernel.available, FencedMemory.Edge.allCases)
    func candidates(kernel: Kernel, edge: FencedMemory.Edge) {
        var random = SplitMix64(seed: 7)
        let rowMemory = FencedMemory(minimumCount: 6 * 2049 * MemoryLayout<Float>.stride)
        let queryMemory = FencedMemory(minimumCount: 6 * 2049 * MemoryLayout<Float>.stride)
        for dimension in Self.dimensions {
            let values = random.floats(6 * dimension)
            for metric in Metric.allCases {
                let queries = (0..<6).map { Array(values[$0 * dimension..<($0 + 1) * dimension]) }
                let distances = queries.map { kernel.distance(metric, $0, queries[5]) }
                unsafe queryMemory.withCopy(of: values, at: edge) { queries in
                    unsafe rowMemory.withCopy(of: values, at: edge) { rows in
                        for (query, distance) in distances.enumerated() {
                            let found = unsafe lacuna_distance_with(
                                kernel.index,
                                metric.inC,
                                UnsafeBufferPointer(rebasing: queries[(query * dimension)...]).baseAddress,
                                lacuna_square_with(
                                    kernel.index,
                                    UnsafeBufferPointer(rebasing: queries[(query * dimension)...]).baseAddress,
                                    dimension
                                ),
                                LACUNA_FLOAT32,
                                UnsafeBufferPointer(rebasing: rows[(5 * dimension)...]).baseAddress,
                                dimension
                            )
                            #expect(found == distance)
                        }
                        let squares = [Double](repeating: 1, count: 6)
                        let found = unsafe squares.withUnsafeBufferPointer { squares in
                            var queries = unsafe lacuna_queries(
                                metric: metric.inC,
                                dimension: dimension,
                                count: 6,
                                values: queries.baseAddress,
                                squares: squares.baseAddress,
                                sum_error: LACUNA_SUM_ERROR,
                                element: LACUNA_FLOAT32
                            )
                            var candidates = [lacuna_candidate](repeating: lacuna_candidate(), count: 36)
                            let limits = [Double](repeating: .infinity, count: 6)
                            let stride = dimension * MemoryLayout<Float>.stride
                            return unsafe lacuna_candidates_with(
                                kernel.index,
                                &queries,
                                rows.baseAddress,
                                stride,
                                6,
                                limits,
                                &candidates
                            )
                        }
                        #expect(found == 36, "\(metric), dimension \(dimension)")
                    }
                }
            }
        }
    }

    /// Six rows of every element, of which the last touches the fence.
    @Test("rows of every element", arguments: Kernel.available, FencedMemory.Edge.allCases)
    func elements(kernel: Kernel, edge: FencedMemory.Edge) {
        var random = SplitMix64(seed: 10)
        let memory = FencedMemory(minimumCount: 6 * 2049 * MemoryLayout<Float>.stride)
        for element in Element.allCases {
            for dimension in Self.dimensions {
                let rows = element.random(6 * dimension, &random)
                let query = random.floats(dimension)
                unsafe memory.withCopy(of: rows.bytes, at: edge) { bytes in
                    for metric in Metric.allCases {
                        var candidates = [lacuna_candidate](repeating: lacuna_candidate(), count: 6)
                        let count = unsafe query.withUnsafeBufferPointer { query in
                            var squares = unsafe lacuna_square_with(kernel.index, query.baseAddress, dimension)
                            var limits = Double.infinity
                            return unsafe withUnsafePointer(to: &squares) { squares in
                                var queries = unsafe lacuna_queries(
                                    metric: metric.inC,
                                    dimension: dimension,
                                    count: 1,
                                    values: query.baseAddress,
                                    squares: squares,
                                    sum_error: LACUNA_SUM_ERROR,
                                    element: element.inC
                                )
                                return unsafe lacuna_candidates_with(
                                    kernel.index,
                                    &queries,
                                    bytes.baseAddress,
                                    dimension * element.bytes,
                                    6,
                                    &limits,
                                    &candidates
                                )
                            }
                        }
                        #expect(count == 6)
                        let last = Array(rows.values[(5 * dimension)...])
                        let row = unsafe UnsafeBufferPointer(rebasing: bytes[(5 * dimension * element.bytes)...])
                        let distance = unsafe lacuna_distance_with(
                            kernel.index,
                            metric.inC,
                            query,
                            lacuna_square_with(kernel.index, query, dimension),
                            element.inC,
                            row.baseAddress,
                            dimension
                        )
                        #expect(distance == kernel.distance(metric, query, last), "\(element), \(dimension)")
                    }
                    var widened = [Float](repeating: 0, count: 6 * dimension)
                    unsafe lacuna_widen_with(
                        kernel.index,
                        element.inC,
                        bytes.baseAddress,
                        6 * dimension,
                        &widened
                    )
                    #expect(widened == rows.values)
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
