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

    /// The distance to the row that begins at `start` in `floats`.
    func distance(_ metric: Metric, _ query: [Float], in floats: [Float], at start: Int) -> Double {
        let square = unsafe lacuna_square_with(index, query, query.count)
        return unsafe floats[start..<start + query.count].withUnsafeBufferPointer { row in
            unsafe lacuna_distance_with(index, metric.inC, query, square, row.baseAddress, row.count)
        }
    }

    /// The rows that may be within a query's limit. The rows begin in `floats` at `start`, and are `stride` floats
    /// apart.
    func candidates(
        _ metric: Metric,
        _ queries: [[Float]],
        in floats: [Float],
        from start: Int = 0,
        stride: Int,
        count: Int,
        limits: [Double],
        sumError: Double = LACUNA_SUM_ERROR
    ) -> [lacuna_candidate] {
        let dimension = queries[0].count
        precondition(start + (count - 1) * stride + dimension <= floats.count && limits.count == queries.count)
        let values = Array(queries.joined())
        let squares = queries.map { unsafe lacuna_square_with(index, $0, dimension) }
        var found = [lacuna_candidate](repeating: lacuna_candidate(), count: count * queries.count)
        let foundCount = unsafe values.withUnsafeBufferPointer { values in
            unsafe squares.withUnsafeBufferPointer { squares in
                unsafe floats.withUnsafeBytes { floats in
                    var queries = unsafe lacuna_queries(
                        metric: metric.inC,
                        dimension: dimension,
                        count: queries.count,
                        values: values.baseAddress,
                        squares: squares.baseAddress,
                        sum_error: sumError
                    )
                    return unsafe lacuna_candidates_with(
                        index,
                        &queries,
                        UnsafeRawBufferPointer(rebasing: floats[(start * MemoryLayout<Float>.stride)...]).baseAddress,
                        stride * MemoryLayout<Float>.stride,
                        count,
                        limits,
                        &found
                    )
                }
            }
        }
        return Array(found.prefix(foundCount))
    }

    /// Whether a row is a candidate if only rows as near as it are wanted: alone, and for each of nine queries alike,
    /// which go through tiles.
    func keeps(_ metric: Metric, _ query: [Float], _ row: [Float], sumError: Double = LACUNA_SUM_ERROR) -> Bool {
        let limit = distance(metric, query, row)
        return [1, 9].allSatisfy { count in
            candidates(
                metric,
                [[Float]](repeating: query, count: count),
                in: row,
                stride: row.count,
                count: 1,
                limits: [Double](repeating: limit, count: count),
                sumError: sumError
            ).count == count
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
