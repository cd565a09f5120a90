import CLacunaVectorKernels
import TestSupport
import Testing

/// A kernel this CPU can run, by its index.
struct Kernel: Sendable, CustomTestStringConvertible {
    let index: Int

    static let available = (0..<lacuna_kernel_count()).map(Kernel.init)

    var name: String { unsafe String(cString: lacuna_kernel_name_at(index)) }
    var testDescription: String { name }

    /// The distances from `query` to the rows that begin at `starts`, counted in floats, in `floats`.
    func distances(_ metric: Metric, from query: [Float], in floats: [Float], at starts: [Int]) -> [Double] {
        precondition(starts.allSatisfy { $0 >= 0 && $0 + query.count <= floats.count })
        let offsets = starts.map { Int64($0 * MemoryLayout<Float>.stride) }
        var distances = [Double](repeating: .nan, count: starts.count)
        unsafe lacuna_distances_with(
            index,
            metric.inC,
            query,
            query.count,
            floats,
            offsets,
            offsets.count,
            &distances
        )
        return distances
    }

    func distance(_ metric: Metric, _ query: [Float], _ row: [Float]) -> Double {
        distances(metric, from: query, in: row, at: [0])[0]
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

    /// The distance by the definition, and how far float32 sums in some other order may be from it.
    func reference(_ query: [Float], _ row: [Float]) -> (distance: Double, tolerance: Double) {
        let sums = DistanceSums(query, row)
        return switch self {
        case .cosine: (sums.cosineDistance, sums.squareA == 0 || sums.squareB == 0 ? 0 : 1e-6)
        case .dot: (-sums.dot, 1e-6 * sums.magnitude)
        case .euclidean: (sums.euclideanDistance, 1e-6 * sums.euclideanDistance)
        }
    }
}
