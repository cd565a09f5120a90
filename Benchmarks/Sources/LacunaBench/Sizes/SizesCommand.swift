import ArgumentParser
import Lacuna
import Measuring

/// Measures what a search takes in stores of several sizes, for those who choose a store.
struct SizesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sizes",
        abstract: "Measures searches by the number of rows and components.",
        discussion: """
            Each store is searched for the ten nearest rows without codes, with codes, and among the tenth of the rows \
            that pass a filter: the first time that the filter is used, and later. All cores work. Rows are mixtures of \
            three rows each, which vary in a quarter as many directions as they have components, as embeddings do.
            """
    )

    @Option(help: "Searches, of which the median counts.")
    var runs = 20

    @Option(help: "The numbers of rows.")
    var rows = [10_000, 100_000, 1_000_000]

    @Option(help: "The numbers of components.")
    var dimension = [384, 768]

    @Option(help: "Where the temporary stores are made.")
    var directory: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func run() throws {
        let output = Output(json: json)
        try Scratch.with(in: directory) { scratch in
            for dimension in dimension {
                for rows in rows {
                    try scratch.withPath("sizes") { path in
                        try SizeMeter(path: path, rows: rows, dimension: dimension, runs: runs).run(output)
                    }
                }
            }
        }
    }
}

/// Measures one store.
private struct SizeMeter {
    let path: String
    let rows: Int
    let dimension: Int
    let runs: Int

    private static let batch = 1_000

    func run(_ output: Output) throws {
        var random = SplitMix(seed: 5)
        let sources = Vectors(gaussian: dimension / 4, dimension)
        let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: dimension))
        for first in stride(from: 0, to: rows, by: Self.batch) {
            try store.write { batch in
                for id in first..<min(rows, first + Self.batch) {
                    let row = mixture(of: sources, &random)
                    try batch.put(row, for: Int64(id), metadataJSON: #"{"group":\#(id * 7_919 % 1_000)}"#)
                }
            }
        }
        let queries = (0..<runs).map { _ in mixture(of: sources, &random) }
        let plain = try median(store, queries) { _ in nil }
        let new = try median(store, queries) { run in .field("group").between(run, run + 99) }
        let again = try median(store, queries) { _ in .field("group") < 100 }
        try store.accelerate()
        let coded = try median(store, queries) { _ in nil }
        try store.close()
        output.measurement(
            "sizes",
            [
                "rows": .count(rows), "components": .count(dimension),
                "data_file": .bytes(Int64(rows) * Int64(dimension) * 4), "search": .seconds(plain),
                "with_codes": .seconds(coded), "new_filter,_10_%_pass": .seconds(new),
                "the_same_filter": .seconds(again),
            ]
        )
    }

    private func mixture(of sources: Vectors, _ random: inout SplitMix) -> [Float] {
        let parts = (0..<3).map { _ in (row: sources[Int(random.next() % UInt64(sources.count))], random.nextFloat()) }
        return (0..<dimension).map { column in parts.reduce(0) { $0 + $1.row[column] * $1.1 } }
    }

    /// The first searches fill the caches, and don't count.
    private func median(
        _ store: VectorStore<Int64>,
        _ queries: [[Float]],
        _ filter: (Int) -> Filter?
    ) throws -> Double {
        let times = try (-3..<runs).map { run in
            let query = queries[max(0, run)]
            let filter = filter(run + 3)
            return try timed { _ = try store.search(for: query, limit: 10, where: filter) }.seconds
        }
        return Array(times.dropFirst(3)).median
    }
}
