import Lacuna
import Measuring

/// Searches for one row of each of ten documents, of which each has ten rows near one another: beside searches for the
/// ten nearest rows, without codes and with them.
struct SearchesOfDocuments {
    let meter: SearchMeter

    private static let rowsPerDocument = 10
    private static let limit = 10

    func run() throws {
        try meter.bench.scratch.withPath("documents") { path in
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: meter.bench.dimension, metric: .euclidean)
            )
            for batch in Bench.batches(of: meter.bench.rows) {
                try store.write {
                    for row in batch {
                        let metadata = "{\"document\":\"document \(row / Self.rowsPerDocument)\"}"
                        try $0.put(vector(row), for: Int64(row), metadataJSON: metadata)
                    }
                }
            }
            try measure(store, "ten documents of ten rows", limit: SearchLimit(ratio: 1.5))
            try store.accelerate()
            try measure(store, "the same, with codes", limit: nil)
            try store.close()
        }
    }

    private func measure(_ store: VectorStore<Int64>, _ name: String, limit: SearchLimit?) throws {
        var query = 0
        func search(_ options: SearchOptions<Int64>) throws -> Double {
            query += 1
            return try check(store, query, options)
        }
        try meter.measureLasting(SearchSituation(name: name, limit: limit), beside: { try search(.init()) }) {
            try search(.init(distinct: "document"))
        }
    }

    /// Searches near a document that is drawn anew for each query, and checks that the rows are of as many documents as
    /// were asked for.
    ///
    /// - Returns: The search's seconds.
    private func check(_ store: VectorStore<Int64>, _ query: Int, _ options: SearchOptions<Int64>) throws -> Double {
        var found: [Match<Int64>] = []
        let vector = vector(query * 7_919 % meter.bench.rows)
        let time = try timed { found = try store.search(for: vector, limit: Self.limit, options: options) }
        let documents = Set(found.map { $0.id / Int64(Self.rowsPerDocument) })
        guard found.count == Self.limit, options.distinct == nil || documents.count == Self.limit else {
            throw WrongAnswer(documents: documents.count)
        }
        return time.seconds
    }

    private func vector(_ row: Int) -> [Float] {
        var document = SplitMix(seed: UInt64(row / Self.rowsPerDocument))
        var own = SplitMix(seed: UInt64(row) << 32 | 1)
        return (0..<meter.bench.dimension).map { _ in document.nextFloat() + own.nextFloat() / 4 }
    }

    private struct WrongAnswer: Error, CustomStringConvertible {
        let documents: Int
        var description: String { "a search for rows of different documents found \(documents) documents" }
    }
}
