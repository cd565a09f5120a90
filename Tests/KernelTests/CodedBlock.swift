import CLacunaVectorKernels
import TestSupport
import Testing

/// A kernel for codes that this CPU can run, by its index.
struct CodeKernel: Sendable, CustomTestStringConvertible {
    let index: Int

    static let available = (0..<lacuna_code_kernel_count()).map(CodeKernel.init)

    var testDescription: String { unsafe String(cString: lacuna_code_kernel_name_at(index)) }
}

/// A coder and the codes of up to 16 rows.
@safe
final class CodedBlock {
    let metric: Metric
    let rows: [[Float]]
    private let kernel: Int
    private let mean: [Float]
    private let basis: [Float]
    private var block: [UInt64] = []
    private var second: [UInt64] = []

    /// - Parameter basis: The number of components of a basis that is made from the rows; 0: the rows are coded by
    ///   their own components.
    init(_ kernel: CodeKernel, _ metric: Metric, _ rows: [[Float]], mean: [Float], basis count: Int) {
        self.kernel = kernel.index
        self.metric = metric
        self.rows = rows
        self.mean = mean
        let dimension = mean.count
        let flat = Array(rows.joined())
        var basis = Array(rows.flatMap { $0 }.prefix(count * dimension))
        if count > 0 {
            var work = [Float](repeating: 0, count: count * dimension + 16 * (dimension + count))
            unsafe mean.withUnsafeBufferPointer { mean in
                var coder = unsafe lacuna_coder(
                    metric: metric.inC,
                    dimension: dimension,
                    components: count,
                    mean: mean.baseAddress,
                    basis: nil,
                    deviation: 0
                )
                for _ in 0..<3 { unsafe lacuna_improve_basis(&coder, flat, rows.count, &basis, &work) }
            }
        }
        self.basis = basis
        unsafe withCoder { coder in
            block = [UInt64](repeating: .max, count: unsafe lacuna_block_bytes(coder) / 8)
            second = [UInt64](repeating: .max, count: unsafe 2 * lacuna_second_level_bytes(coder))
            let components = unsafe coder.pointee.components
            var work = [Float](repeating: 0, count: 16 * (dimension + components))
            unsafe lacuna_encode_with(
                self.kernel,
                coder,
                flat,
                dimension * 4,
                rows.count,
                &block,
                &second,
                &work
            )
        }
    }

    @unsafe
    private func withCoder<R>(_ body: (UnsafePointer<lacuna_coder>) -> R) -> R {
        let components = basis.isEmpty ? mean.count : basis.count / mean.count
        return unsafe mean.withUnsafeBufferPointer { mean in
            unsafe basis.withUnsafeBufferPointer { basis in
                var coder = unsafe lacuna_coder(
                    metric: metric.inC,
                    dimension: mean.count,
                    components: components,
                    mean: mean.baseAddress,
                    basis: basis.isEmpty ? nil : basis.baseAddress,
                    deviation: basis.isEmpty
                        ? 0 : lacuna_basis_deviation(basis.baseAddress, components, mean.count)
                )
                return unsafe body(&coder)
            }
        }
    }

    /// A part of the bound on the error of codes.
    enum Bound { case error, rest, secondError }

    /// The rows that may be within a distance of a query, by the first level and by both levels: alone, and beside
    /// another query. `missing` is taken for zero.
    func kept(
        _ query: [Float],
        within distance: Double,
        without missing: Bound? = nil
    ) -> (first: Set<Int>, both: Set<Int>) {
        unsafe withCoder { coder in
            var codes = [Int8](repeating: 0, count: unsafe lacuna_query_code_bytes(coder))
            var work = [Double](repeating: 0, count: 2 * mean.count)
            return unsafe codes.withUnsafeMutableBufferPointer { codes in
                var coded = unsafe lacuna_encode_query_with(kernel, coder, query, codes.baseAddress, &work)
                switch missing {
                case .error: unsafe coded.first.error_factor = 0
                case .rest: unsafe coded.first.rest_factor = 0
                case .secondError: unsafe coded.second.error_factor = 0
                case nil: break
                }
                let limit = unsafe lacuna_score_limit(coder, &coded, distance)
                var candidates = [lacuna_coded_candidate](
                    repeating: lacuna_coded_candidate(),
                    count: 3 * LACUNA_MOST_CODED_CANDIDATES
                )
                var counts = [0, 0, 0]
                unsafe lacuna_coded_candidates_with(
                    kernel,
                    coder,
                    [coded, coded, coded],
                    3,
                    [limit, limit, limit],
                    block,
                    1,
                    &candidates,
                    &counts
                )
                let found = counts.indices.map { query in
                    let first = query * LACUNA_MOST_CODED_CANDIDATES
                    return Array(candidates[first..<first + counts[query]])
                }
                // The first two queries share a tile, and the third is alone.
                var shared = Set(found[0].map { Int($0.row) })
                for other in found { shared.formIntersection(other.map { Int($0.row) }) }
                if basis.isEmpty { return (shared, shared) }
                var refined = found[2]
                let count = unsafe lacuna_refine_candidates_with(
                    kernel,
                    coder,
                    &coded,
                    limit,
                    block,
                    second,
                    0,
                    &refined,
                    refined.count
                )
                return (shared, Set(refined[..<count].map { Int($0.row) }))
            }
        }
    }
}
