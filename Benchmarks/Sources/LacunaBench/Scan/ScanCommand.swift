import ArgumentParser
import Lacuna
import Measuring

/// Measures searches that read all rows, beside loops in C over the same map.
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Measures searches of all rows beside the machine's own loops over the same bytes.",
        discussion: """
            The loops only add up products or squared differences, and keep the largest result. There are two: one by the \
            instructions that every machine has, one by AVX-512. The faster one counts.
            """
    )

    @Option(help: "Rows of a store.")
    var rows = 100_000

    @Option(help: "Components of a row, a multiple of 64.")
    var dimension = 768

    @Option(help: "Runs, of which the medians count.")
    var runs = 5

    @Option(help: "Where the temporary stores are made.")
    var directory: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        guard dimension > 0, dimension.isMultiple(of: 64) else {
            throw ValidationError("--dimension must be a multiple of 64")
        }
    }

    func run() throws {
        let output = Output(json: json)
        let vectors = Vectors(gaussian: rows, dimension)
        try Scratch.with(in: directory) { scratch in
            for metric in DistanceMetric.allCases {
                try scratch.withPath("scan") { path in
                    let store = try VectorStore<Int64>.create(
                        at: path,
                        configuration: .init(dimension: dimension, metric: metric)
                    )
                    try vectors.put(in: store)
                    let meter = ScanMeter(store: store, queries: vectors.mixtures(100), runs: runs, output: output)
                    try meter.run(path, metric)
                    try store.close()
                }
            }
        }
        output.summary()
    }
}
