import ArgumentParser
import Lacuna
import Measuring

/// Measures asynchronous calls beside blocking ones.
struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Measures calls that are awaited beside calls that block a thread.",
        discussion: """
            A task that ticks shows how late Swift's own threads are while 200 tasks search, one writes, and one compacts.
            """
    )

    @Option(help: "Runs, of which the medians count.")
    var runs = 5

    @Option(help: "Where the temporary stores are made.")
    var directory: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    private static let dimension = 128

    func run() async throws {
        let output = Output(json: json)
        try await Scratch.with(in: directory) { scratch in
            for rows in [10_000, 100_000] {
                let vectors = Vectors(gaussian: rows, Self.dimension)
                let store = try await VectorStore<Int64>.create(
                    at: scratch.path + "/tasks-\(rows)",
                    configuration: .init(dimension: Self.dimension)
                )
                try vectors.put(in: store)
                try await TasksMeter(store: store, queries: vectors.mixtures(64)).run(runs, output, rows: rows)
                try await store.close()
            }
        }
        output.summary()
    }
}
