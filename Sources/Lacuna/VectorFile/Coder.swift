import CLacunaVectorKernels

/// Makes codes of rows and of queries: see `lacuna_codes.h`.
///
/// `@unchecked Sendable`: nothing changes after `init`, and only `deinit` releases the memory that `inC` points to.
@safe
final class Coder: @unchecked Sendable {
    let metric: DistanceMetric
    let dimension: Int
    /// The number of components of the first level.
    let components: Int
    /// The number of rows of the basis; 0 if rows are coded by their own components.
    let basisRows: Int
    let deviation: Double
    /// The mean of the rows, then the rows of the basis, if there is one.
    let floats: UnsafeBufferPointer<Float>
    /// The coder in C's form.
    let inC: UnsafePointer<lacuna_coder>
    /// The bytes of 16 rows in the first level, and of a row in the second level, 0 if there is none.
    let blockBytes: Int
    let secondLevelBytes: Int

    static let blockRows = Int(LACUNA_BLOCK_ROWS)
    static let mostBasisRows = Int(LACUNA_MOST_BASIS_COMPONENTS)
    /// Longer rows have no basis, since finding one would take too long.
    static let mostBasisDimension = 4_096

    /// - Parameters:
    ///   - floats: The mean, then the rows of the basis; without a basis, rows are coded by their own components.
    ///   - deviation: How far the basis is from being orthonormal; computed unless given.
    init(_ metric: DistanceMetric, dimension: Int, _ floats: some Collection<Float>, deviation: Double? = nil) {
        self.metric = metric
        self.dimension = dimension
        let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: floats.count)
        _ = unsafe copy.initialize(from: floats)
        unsafe self.floats = UnsafeBufferPointer(copy)
        basisRows = floats.count / dimension - 1
        components = basisRows == 0 ? dimension : basisRows
        let basis = unsafe UnsafeBufferPointer(rebasing: copy[dimension...]).baseAddress
        self.deviation =
            basisRows == 0 ? 0 : unsafe deviation ?? lacuna_basis_deviation(basis, components, dimension)
        let coder = UnsafeMutablePointer<lacuna_coder>.allocate(capacity: 1)
        unsafe coder.initialize(
            to: lacuna_coder(
                metric: metric.kernel,
                dimension: dimension,
                components: components,
                mean: copy.baseAddress,
                basis: basisRows == 0 ? nil : basis,
                deviation: self.deviation
            )
        )
        unsafe inC = UnsafePointer(coder)
        blockBytes = unsafe lacuna_block_bytes(inC)
        secondLevelBytes = unsafe lacuna_second_level_bytes(inC)
    }

    deinit {
        unsafe inC.deallocate()
        unsafe floats.deallocate()
    }

    /// Codes rows that lie one after the other, 16 in a block; the last block may have fewer.
    ///
    /// - Parameters:
    ///   - rows: The rows, without padding.
    ///   - blocks: Gets the first level.
    ///   - second: Gets the second level; empty if it isn't wanted.
    @unsafe
    func encode(
        _ rows: UnsafeBufferPointer<Float>,
        _ blocks: UnsafeMutableRawBufferPointer,
        _ second: UnsafeMutableRawBufferPointer
    ) {
        let count = rows.count / dimension
        var work = [Float](repeating: 0, count: Self.blockRows * (dimension + components))
        for first in Swift.stride(from: 0, to: count, by: Self.blockRows) {
            let block = unsafe blocks[(first / Self.blockRows * blockBytes)...]
            let rest = unsafe second.isEmpty ? second[...] : second[(first * secondLevelBytes)...]
            unsafe lacuna_encode(
                inC,
                UnsafeBufferPointer(rebasing: rows[(first * dimension)...]).baseAddress,
                dimension * MemoryLayout<Float>.stride,
                min(Self.blockRows, count - first),
                UnsafeMutableRawBufferPointer(rebasing: block).baseAddress,
                second.isEmpty ? nil : UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress,
                &work
            )
        }
    }
}
