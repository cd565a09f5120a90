import CLacunaVectorKernels
import TestSupport
import Testing

/// No row that is near enough may be left out by its codes.
@Suite("Codes", .timeLimit(.minutes(40)))
struct CodeTests {
    private static let dimensions = Array(1...40) + [63, 64, 65, 100, 127, 128, 129, 255, 300, 1024, 1025]

    /// Each row is kept if only rows as near as it are wanted, by both levels.
    private static func expectKept(_ block: CodedBlock, _ queries: [[Float]], _ what: String) {
        for query in queries {
            for (index, row) in block.rows.enumerated() {
                let distance = block.metric.distance(query, row)
                let kept = block.kept(query, within: distance)
                #expect(kept.first.contains(index) && kept.both.contains(index), "row \(index): \(what)")
            }
        }
    }

    private static func mean(_ rows: [[Float]]) -> [Float] {
        rows[0].indices.map { component in rows.reduce(0) { $0 + $1[component] / Float(rows.count) } }
    }

    @Test("keep each row that is as near as the limit", arguments: CodeKernel.available, Metric.allCases)
    func everyDimension(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 61)
        for dimension in Self.dimensions {
            let far = random.floats(dimension, scale: 3)
            let rows = (0..<16).map { index in
                zip(random.floats(dimension), far).map { index < 8 ? $0 : $0 / 100 + $1 }
            }
            let queries = [random.floats(dimension), rows[3], rows[9].map { $0 * (1 + 0x1p-20) }]
            for basis in [0, 1, 5, 16] where basis < dimension {
                let block = CodedBlock(kernel, metric, rows, mean: Self.mean(rows), basis: basis)
                Self.expectKept(block, queries, "dimension \(dimension), basis \(basis)")
            }
        }
    }

    @Test("keep what is as near as the limit in any range of numbers", arguments: CodeKernel.available, Metric.allCases)
    func range(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 62)
        let scales: [Float] = [3e38, 1e25, 1e18, 1e15, 1, 1e-10, 1e-19, 1e-30, 1e-31, 0x1p-126, 0x1p-136, 0]
        let dimension = 40
        let unscaled = random.floats(dimension)
        for meanScale: Float in [0, 1e-30, 1, 1e17] {
            let mean = random.floats(dimension, scale: meanScale)
            let rows = scales.map { scale in zip(random.floats(dimension), mean).map { $0 * scale + $1 } }
            for basis in [0, 8] {
                let block = CodedBlock(kernel, metric, rows, mean: mean, basis: basis)
                Self.expectKept(
                    block,
                    scales.map { scale in unscaled.map { $0 * scale } } + rows,
                    "mean \(meanScale), basis \(basis)"
                )
            }
        }
    }

    @Test("keep rows that no code can tell apart", arguments: CodeKernel.available, Metric.allCases)
    func nearDuplicates(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 63)
        for dimension in [8, 200, 768] {
            let centre = random.floats(dimension)
            let rows = (0..<16).map { _ in
                zip(centre, random.floats(dimension, scale: 1e-6)).map { $0 + $1 }
            }
            var outlier = random.floats(dimension, scale: 0.001)
            outlier[dimension / 2] = 50
            for basis in [0, 4] {
                let block = CodedBlock(kernel, metric, rows, mean: Self.mean(rows), basis: basis)
                Self.expectKept(block, [centre, rows[0], outlier], "dimension \(dimension), basis \(basis)")
                let spiked = CodedBlock(kernel, metric, Array(rows[1...]) + [outlier], mean: centre, basis: basis)
                Self.expectKept(spiked, [centre, rows[0], outlier], "spiked, dimension \(dimension), basis \(basis)")
            }
        }
    }

    @Test("keep rows if the basis is far from orthonormal", arguments: CodeKernel.available, Metric.allCases)
    func wrongBasis(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 64)
        let rows = (0..<16).map { _ in random.floats(64) }
        // Fewer rows than the basis has make its last rows zero.
        let few = CodedBlock(kernel, metric, Array(rows[..<3]), mean: Self.mean(rows), basis: 3)
        Self.expectKept(few, [rows[0], rows[5]], "three rows")
        let same = CodedBlock(kernel, metric, [rows[0], rows[0], rows[0]], mean: rows[1], basis: 3)
        Self.expectKept(same, [rows[0], rows[5]], "three rows alike")
    }

    @Test("leave out nearly all rows that are far", arguments: CodeKernel.available, Metric.allCases)
    func usefulness(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 65)
        let rows = (0..<16).map { _ in random.floats(256) }
        let block = CodedBlock(kernel, metric, rows, mean: [Float](repeating: 0, count: 256), basis: 0)
        for index in rows.indices {
            let near = zip(rows[index], random.floats(256, scale: 0.1)).map { $0 + $1 }
            let distance = metric.distance(near, rows[index])
            #expect(block.kept(near, within: distance).first == [index])
        }
        // With a basis of as many components as the rows have, the first level leaves out as many.
        let low = (0..<16).map { _ in
            let factors = random.floats(4)
            return (0..<256).map { component in
                (0..<4).reduce(Float(0)) { $0 + factors[$1] * rows[$1][component] }
            }
        }
        let coded = CodedBlock(kernel, metric, low, mean: Self.mean(low), basis: 8)
        for index in low.indices {
            let distance = metric.distance(low[index], low[index])
            let near = low.filter { metric.distance(low[index], $0) <= distance }
            #expect(coded.kept(low[index], within: distance).first.count <= near.count + 2)
        }
    }

    @Test("would lack rows without the bounds", arguments: CodeKernel.available, Metric.allCases)
    func withoutBounds(kernel: CodeKernel, metric: Metric) {
        var random = SplitMix64(seed: 66)
        let rows = (0..<16).map { _ in random.floats(256) }
        let mean = Self.mean(rows)
        for (basis, bound) in [(0, CodedBlock.Bound.error), (8, .rest), (8, .secondError)] {
            let block = CodedBlock(kernel, metric, rows, mean: mean, basis: basis)
            let lost = rows.indices.filter { index in
                let query = zip(rows[index], random.floats(256)).map { $0 + $1 }
                let distance = metric.distance(query, rows[index])
                return !block.kept(query, within: distance, without: bound).both.contains(index)
            }
            #expect(!lost.isEmpty, "\(bound)")
        }
    }

    @Test("the best candidates come first, whatever their order, and no candidate is lost")
    func best() {
        var random = SplitMix64(seed: 67)
        for count in [1, 2, 30, 31, 32, 500, 4_000] {
            let scores: [[Float]] = [
                random.floats(count), (0..<count).map { Float($0) }, (0..<count).map { Float(-$0) },
                (0..<count).map { Float($0 % 3) }, [Float](repeating: .infinity, count: count),
                random.floats(count).enumerated().map { $0 % 2 == 0 ? -.infinity : $1 },
            ]
            for scores in scores {
                for best in Set([1, 2, count / 3, count - 1, count]) where (1...count).contains(best) {
                    var candidates = scores.enumerated().map { lacuna_coded_candidate(score: $1, row: UInt32($0)) }
                    unsafe lacuna_best_candidates(&candidates, count, best)
                    let found = candidates.map(\.score)
                    #expect(found[..<best].sorted(by: >) == Array(scores.sorted(by: >)[..<best]))
                    #expect(candidates.map(\.row).sorted() == (0..<UInt32(count)).map { $0 })
                    #expect(candidates.allSatisfy { scores[Int($0.row)] == $0.score })
                    let limit = found[best - 1]
                    let kept = unsafe lacuna_drop_candidates(limit, &candidates, count)
                    #expect(
                        kept == scores.count { $0 >= limit } && candidates[..<kept].allSatisfy { $0.score >= limit }
                    )
                }
            }
        }
    }
}
