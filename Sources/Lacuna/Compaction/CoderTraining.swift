import CLacunaVectorKernels

/// Finds the coder with which a search of a store reads least.
struct CoderTraining {
    private let metric: DistanceMetric
    private let dimension: Int
    /// Rows of the store, without padding.
    private let sample: [Float]
    /// The number of rows of the store.
    private let rows: Int
    private let check: () throws -> Void

    /// A sample has at most this many rows and bytes.
    static let sampleRows = 4_096
    static let sampleBytes = 32 << 20
    /// After some iterations, more of them leave out hardly any more rows.
    private static let iterations = 4
    private static let queries = 32
    /// The coder is chosen for this many nearest rows. People's queries are farther from the nearest rows than rows are,
    /// so with fewer rows the coder would leave out too few for them.
    private static let limit = 50
    /// Going to the second level of one row takes as long as reading this many neighbouring bytes.
    private static let scatteredBytes = 2_048.0
    /// A basis of as many components as these is tried.
    private static let triedComponents = [16, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 448, 512]

    init(_ metric: DistanceMetric, dimension: Int, sample: [Float], rows: Int, check: @escaping () throws -> Void) {
        self.metric = metric
        self.dimension = dimension
        self.sample = sample
        self.rows = rows
        self.check = check
    }

    private var count: Int { sample.count / dimension }

    func run() throws -> Coder {
        var mean = [Float](repeating: 0, count: dimension)
        unsafe lacuna_mean_of_rows(metric.kernel, sample, count, dimension, &mean)
        let plain = Coder(metric, dimension: dimension, mean)
        guard dimension <= Coder.mostBasisDimension, count >= Self.queries,
            let most = Self.triedComponents.last(where: { $0 <= dimension / 2 && $0 <= count / 2 })
        else { return plain }
        let basis = try basis(mean, most)
        var best = (coder: plain, bytes: Double(plain.blockBytes) / Double(Coder.blockRows))
        let limits = nearest()
        for components in Self.triedComponents where components <= most {
            try check()
            let coder = Coder(metric, dimension: dimension, mean + basis[..<(components * dimension)])
            let bytes =
                Double(coder.blockBytes) / Double(Coder.blockRows)
                + left(coder, limits) * (Double(coder.secondLevelBytes) + Self.scatteredBytes)
            if bytes < best.bytes { best = (coder, bytes) }
        }
        return best.coder
    }

    /// The principal components, of which the first come first.
    private func basis(_ mean: [Float], _ components: Int) throws -> [Float] {
        var basis: [Float] = []
        for component in 0..<components {
            let row = component * count / components
            basis += sample[row * dimension..<(row + 1) * dimension]
        }
        var work = [Float](repeating: 0, count: components * dimension + Coder.blockRows * (dimension + components))
        for _ in 0..<Self.iterations {
            try check()
            unsafe mean.withUnsafeBufferPointer { mean in
                var coder = unsafe lacuna_coder()
                unsafe coder.metric = metric.kernel
                unsafe coder.dimension = dimension
                unsafe coder.components = components
                unsafe coder.mean = mean.baseAddress
                unsafe lacuna_improve_basis(&coder, sample, count, &basis, &work)
            }
        }
        return basis
    }

    private func query(_ index: Int) -> ArraySlice<Float> {
        let row = index * count / Self.queries
        return sample[row * dimension..<(row + 1) * dimension]
    }

    /// For some rows of the sample, the distance within which a search would look. The nearest rows of a sample are
    /// farther away than those of the store, so codes leave at least as large a share of the sample as of the store.
    private func nearest() -> [Double] {
        let rank = min(count - 1, max(1, Self.limit * count / max(1, rows)))
        return (0..<Self.queries).map { index in
            unsafe query(index).withUnsafeBufferPointer { query in
                let square = unsafe lacuna_square(query.baseAddress, dimension)
                let distances = unsafe sample.withUnsafeBufferPointer { sample in
                    (0..<count).map { row in
                        let row = unsafe UnsafeBufferPointer(rebasing: sample[(row * dimension)...])
                        return unsafe lacuna_distance(
                            metric.kernel,
                            query.baseAddress,
                            square,
                            LACUNA_FLOAT32,
                            row.baseAddress,
                            dimension
                        )
                    }
                }
                // The nearest is the row itself.
                return distances.sorted()[rank]
            }
        }
    }

    /// The share of rows that the first level leaves.
    private func left(_ coder: Coder, _ limits: [Double]) -> Double {
        let blocks = (count + Coder.blockRows - 1) / Coder.blockRows
        var bytes = [UInt8](repeating: 0, count: blocks * coder.blockBytes)
        var found = 0
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe sample.withUnsafeBufferPointer { sample in
                unsafe coder.encode(sample, bytes, UnsafeMutableRawBufferPointer(start: nil, count: 0))
            }
            let coded = CodedQueries((0..<Self.queries).map { Array(query($0)) }, coder)
            // A query that can't be coded says nothing about the coder: with an infinite limit it finds nothing.
            let scoreLimits = limits.indices.map { index in
                let limit = coded.limit(index, limits[index])
                return limit == -.infinity ? .infinity : limit
            }
            let candidates = CodedCandidates(queries: Self.queries)
            for first in Swift.stride(from: 0, to: blocks, by: LACUNA_MOST_BLOCKS) {
                let some = min(LACUNA_MOST_BLOCKS, blocks - first)
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[(first * coder.blockBytes)...])
                unsafe coded.find(in: rest, some, 0..<Self.queries, scoreLimits, candidates)
                found += (0..<Self.queries).reduce(0) { $0 + candidates.count($1) }
            }
        }
        return Double(found) / Double(count * Self.queries)
    }
}
