import TestSupport
import Testing

@testable import Lacuna

/// A search by examples: the query that they stand for, and the rows that the answer leaves out.
@Suite struct ExampleTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func make(_ metric: DistanceMetric, _ rows: [Int64: [Float]]) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2, metric: metric))
        try store.write { batch in for (id, row) in rows { try batch.put(row, for: id) } }
        return store
    }

    private static let rows: [Int64: [Float]] = [
        1: [4, 0], 2: [0, 2], 3: [3, 3], 4: [-1, -1], 5: [2, 1], 6: [1, 2], 7: [4, 0], 8: [1, -3],
    ]

    @Test("rows given by ids are left out, vectors are not, and a single example is the query")
    func oneExample() throws {
        let store = try make(.cosine, Self.rows)
        let model = RankedRows(metric: .cosine, rows: Self.rows)
        let all = model.ranked([4, 0]) { _ in true }
        #expect(try store.search(like: [.id(1)], limit: 10) == all.filter { $0.id != 1 })
        #expect(try store.search(like: [.vector([4, 0])], limit: 10) == all)
        #expect(try store.search(like: [.id(1)], limit: 1) == [Match(id: 7, distance: 0)])
    }

    @Test("several examples: the mean, of directions under the cosine metric, and away from the negative mean")
    func severalExamples() throws {
        let store = try make(.euclidean, Self.rows)
        let model = RankedRows(metric: .euclidean, rows: Self.rows)
        func answer(_ query: [Float], _ out: Set<Int64>) -> [Match<Int64>] {
            model.ranked(query) { !out.contains($0.id) }
        }
        // The means are (2, 1) and (0, -2).
        #expect(try store.search(like: [.id(1), .id(2)], limit: 9) == answer([2, 1], [1, 2]))
        #expect(
            try store.search(like: [.id(1), .id(2)], unlike: [.id(4), .vector([1, -3])], limit: 9)
                == answer([4, 4], [1, 2, 4])
        )
        // An example that is there twice counts twice.
        #expect(try store.search(like: [.id(1), .id(1), .vector([1, 3])], limit: 9) == answer([3, 1], [1]))
        #expect(ExampleQuery.query([[4, 0], [0, 2]], [], .cosine) == [0.5, 0.5])
        #expect(ExampleQuery.query([[4, 0], [0, 0]], [[0, -3]], .cosine) == [1, 1])
        #expect(ExampleQuery.query([[4, 0], [0, 2]], [[0, -3]], .dot) == [4, 5])
    }

    @Test("with the other options, and with codes")
    func withOptions() throws {
        var random = SplitMix64(seed: 81)
        var rows: [Int64: [Float]] = [:]
        for id in Int64(0)..<1_000 { rows[id] = random.floats(2).map { ($0 * 4).rounded() } }
        let store = try make(.euclidean, rows)
        let model = RankedRows(metric: .euclidean, rows: rows)
        let query = (0..<2).map { index in
            Float(2 * Double(index + 1) - (0..<Int64(10)).reduce(0.0) { $0 + Double(rows[$1]![index]) } / 10)
        }
        for _ in 0..<2 {
            for filter: Filter? in [nil, "id % 3 = 0"] {
                let right = model.ranked(query) { $0.id > 9 && (filter == nil || $0.id % 3 == 0) }
                var paged: [Match<Int64>] = []
                var size = 13
                while size == 13, paged.count <= rows.count {
                    let after = try paged.last.map { try store.cursor(after: $0) }
                    let page = try store.search(
                        like: [.vector([1, 2])],
                        unlike: (0..<10).map { .id($0) },
                        limit: 13,
                        where: filter,
                        options: .init(radius: 3, after: after)
                    )
                    paged += page
                    size = page.count
                }
                #expect(paged == right.filter { $0.distance <= 3 })
            }
            try store.accelerate()
        }
    }

    @Test func refused() throws {
        let store = try make(.dot, Self.rows)
        expectError(.invalidArgument) { try store.search(like: [], limit: 1) }
        expectError(.invalidArgument) { try store.search(like: [], unlike: [.id(1)], limit: 1) }
        expectError(.invalidArgument) { try store.search(like: [.id(1)], limit: 0) }
        let error = expectError(.unknownID) { try store.search(like: [.id(1)], unlike: [.id(99)], limit: 1) }
        #expect(error?.ids == ["99"])
        expectError(.invalidVector) { try store.search(like: [.vector([1])], limit: 1) }
        expectError(.invalidVector) { try store.search(like: [.id(1)], unlike: [.vector([1, .nan])], limit: 1) }
        expectError(.invalidVector) {
            try store.search(like: [.vector([3e38, 0])], unlike: [.vector([-3e38, 0])], limit: 1)
        }
    }
}
