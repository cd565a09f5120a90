import TestSupport
import Testing

@testable import Lacuna

/// Queries from which the rows lie so equally far that codes exclude nothing. Answers are the same, and the search soon
/// reads the rows themselves.
@Suite struct HardQueryTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("codes that exclude nothing are given up, with a second level and without", arguments: [false, true])
    func codesThatExcludeNothing(hasBasis: Bool) throws {
        var random = SplitMix64(seed: 71)
        let dimension = 64
        // The first component of the rows differs by far less than the codes' error.
        let rows =
            (hasBasis
            ? CodesTests.rows(40_000, dimension, &random) : (0..<40_000).map { _ in random.floats(dimension) })
            .map { [$0[0] * 2e-3] + $0.dropFirst() }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot)
        )
        try store.write { batch in for (id, row) in rows.enumerated() { try batch.put(row, for: Int64(id)) } }
        let query = [1] + [Float](repeating: 0, count: dimension - 1)
        let easy = rows[7]
        let right = try store.search(forEach: [query, easy], limit: 10)
        #expect((try store.accelerate().components < dimension) == hasBasis)
        let (matches, report) = try store.explainedSearch(forEach: [query], limit: 10, options: .init(threads: 1))
        #expect(matches[0] == right[0])
        #expect(report.scannedRows == 40_000)
        // Of each row that was coded in vain, its code was read too.
        #expect(report.codedRows < 40_000)
        #expect(report.computedDistances < 1_000)
        #expect(try store.search(for: query, limit: 10, options: .init(threads: .max)) == right[0])
        // Codes still serve seven other queries of the same call.
        let mixed = try store.explainedSearch(forEach: [query] + rows[..<7], limit: 10, options: .init(threads: 1))
        #expect(mixed.matches[0] == right[0] && mixed.report.codedRows == 40_000 / 256 * 256)
        // Beside it, a query that codes help keeps its own answer, and no row is found twice.
        #expect(try store.search(forEach: [query, easy], limit: 10) == right)
        #expect(
            try store.search(forEach: [[Float]](repeating: query, count: 20), limit: 10).allSatisfy { $0 == right[0] }
        )
    }
}
