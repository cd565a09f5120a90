import CLacunaVectorKernels
import TestSupport
import Testing

/// A kernel this CPU can run, by its index.
struct Kernel: Sendable, CustomTestStringConvertible {
    let index: Int

    static let available = (0..<lacuna_kernel_count()).map(Kernel.init)

    var name: String { unsafe String(cString: lacuna_kernel_name_at(index)) }
    var testDescription: String { name }

    func distance(_ metric: Metric, _ query: [Float], _ row: [Float]) -> Double {
        distance(metric, query, in: row, at: 0)
    }

    /// The distance to the row that begins at `start` in `components`. These may be the bytes of another element.
    func distance<Component: BitwiseCopyable>(
        _ metric: Metric,
        _ query: [Float],
        in components: [Component],
        at start: Int,
        _ element: Element = .float32
    ) -> Double {
        let square = unsafe lacuna_square_with(index, query, query.count)
        let begin = start * MemoryLayout<Component>.stride
        precondition(begin + query.count * element.bytes <= components.count * MemoryLayout<Component>.stride)
        return unsafe components.withUnsafeBytes { bytes in
            let row = unsafe UnsafeRawBufferPointer(rebasing: bytes[begin...]).baseAddress
            return unsafe lacuna_distance_with(index, metric.inC, query, square, element.inC, row, query.count)
        }
    }

    /// The rows that may be within a query's limit. The rows begin in `components` at `start`, and are `stride`
    /// components apart.
    func candidates<Component: BitwiseCopyable>(
        _ metric: Metric,
        _ queries: [[Float]],
        in components: [Component],
        from start: Int = 0,
        stride: Int,
        count: Int,
        limits: [Double],
        sumError: Double = LACUNA_SUM_ERROR,
        _ element: Element = .float32
    ) -> [lacuna_candidate] {
        let dimension = queries[0].count
        let size = MemoryLayout<Component>.stride
        precondition((start + (count - 1) * stride) * size + dimension * element.bytes <= components.count * size)
        precondition(limits.count == queries.count)
        let values = Array(queries.joined())
        let squares = queries.map { unsafe lacuna_square_with(index, $0, dimension) }
        var found = [lacuna_candidate](repeating: lacuna_candidate(), count: count * queries.count)
        let foundCount = unsafe values.withUnsafeBufferPointer { values in
            unsafe squares.withUnsafeBufferPointer { squares in
                unsafe components.withUnsafeBytes { bytes in
                    var queries = unsafe lacuna_queries(
                        metric: metric.inC,
                        dimension: dimension,
                        count: queries.count,
                        values: values.baseAddress,
                        squares: squares.baseAddress,
                        sum_error: sumError,
                        element: element.inC
                    )
                    return unsafe lacuna_candidates_with(
                        index,
                        &queries,
                        UnsafeRawBufferPointer(rebasing: bytes[(start * size)...]).baseAddress,
                        stride * size,
                        count,
                        limits,
                        &found
                    )
                }
            }
        }
        return Array(found.prefix(foundCount))
    }

    /// Whether a row is a candidate if only rows as near as it are wanted: for a query alone, and for each of nine
    /// queries alike, which go through tiles. A short row is there five times, since a kernel takes several rows at a
    /// time.
    func keeps<Component: BitwiseCopyable>(
        _ metric: Metric,
        _ query: [Float],
        _ row: [Component],
        sumError: Double = LACUNA_SUM_ERROR,
        _ element: Element = .float32
    ) -> Bool {
        let limit = distance(metric, query, in: row, at: 0, element)
        let rowCount = query.count > 64 ? 1 : 5
        let rows = Array(repeatElement(row, count: rowCount).joined())
        return [1, 9].allSatisfy { count in
            candidates(
                metric,
                [[Float]](repeating: query, count: count),
                in: rows,
                stride: row.count,
                count: rowCount,
                limits: [Double](repeating: limit, count: count),
                sumError: sumError,
                element
            ).count == rowCount * count
        }
    }
}

/// A type of components.
enum Element: CaseIterable, Sendable {
    case float32, float16, int8

    var inC: lacuna_element {
        switch self {
        case .float32: LACUNA_FLOAT32
        case .float16: LACUNA_FLOAT16
        case .int8: LACUNA_INT8
        }
    }

    var bytes: Int {
        switch self {
        case .float32: 4
        case .float16: 2
        case .int8: 1
        }
    }

    /// `count` components from random bytes, and their values by definition. All are finite.
    func random(_ count: Int, _ random: inout SplitMix64) -> (bytes: [UInt8], values: [Float]) {
        switch self {
        case .float32:
            let values = random.floats(count)
            return (unsafe values.withUnsafeBytes { unsafe Array($0) }, values)
        case .float16:
            let halves = (0..<count).map { _ in UInt16(truncatingIfNeeded: random.next()) & 0xBFFF }
            return (halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }, halves.map(Float.init(half:)))
        case .int8:
            let bytes = random.bytes(count)
            return (bytes, bytes.map { Float(Int8(bitPattern: $0)) })
        }
    }
}

enum Metric: CaseIterable, Sendable {
    case cosine, dot, euclidean

    var inC: lacuna_metric {
        switch self {
        case .cosine: LACUNA_COSINE
        case .dot: LACUNA_DOT
        case .euclidean: LACUNA_EUCLIDEAN
        }
    }

    /// The distance by its definition.
    func distance(_ query: [Float], _ row: [Float]) -> Double {
        let sums = DistanceSums(query, row)
        return switch self {
        case .cosine: sums.cosineDistance
        case .dot: 0 - sums.dot
        case .euclidean: sums.euclideanDistance
        }
    }
}
