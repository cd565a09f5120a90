import ArgumentParser
import Lacuna
import Measuring

/// Measures searches with codes as shares of the same searches without, and the making of codes.
struct CodesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codes",
        abstract: "Measures searches with and without codes.",
        discussion: """
            Rows and queries come from .npy files of float32, or are gaussian. Before each cold search, other memory is \
            read until the CPU's caches hold nothing of the store. Answers are compared too.
            """
    )

    @Option(help: "A .npy file of rows; gaussian rows unless given.")
    var vectors: String?

    @Option(help: "A .npy file of queries; mixtures of two rows unless given.")
    var queries: String?

    @Option(help: "The number of rows: all of a file, or 100,000.")
    var rows: Int?

    @Option(help: "Components of a gaussian row.")
    var dimension = 768

    @Option(help: "Runs, of which the medians count.")
    var runs = 5

    @Option(help: "Where the temporary store is made.")
    var directory: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    private static let queryCount = 50

    func run() throws {
        let rows =
            try vectors.map { try Vectors(npy: $0, limit: self.rows) }
            ?? Vectors(gaussian: self.rows ?? 100_000, dimension)
        let queries =
            try self.queries.map { try Vectors(npy: $0, limit: Self.queryCount).all } ?? rows.mixtures(Self.queryCount)
        let output = Output(json: json)
        try Scratch.with(in: directory) { scratch in
            try scratch.withPath("codes") { path in
                let store = try VectorStore<Int64>.create(
                    at: path,
                    configuration: .init(dimension: rows.dimension, metric: .cosine)
                )
                try rows.put(in: store)
                try CodesMeter(store: store, queries: queries, runs: runs, output: output).run(rows)
                try store.close()
            }
            try scratch.withPath("hard") { path in
                let store = try VectorStore<Int64>.create(
                    at: path,
                    configuration: .init(dimension: rows.dimension, metric: .dot)
                )
                try rows.flattened().put(in: store)
                let query = [1] + [Float](repeating: 0, count: rows.dimension - 1)
                let queries = [[Float]](repeating: query, count: 20)
                try CodesMeter(store: store, queries: queries, runs: runs, output: output).runHardQuery()
                try store.close()
            }
        }
        output.summary()
    }
}
