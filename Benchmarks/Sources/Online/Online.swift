import ArgumentParser
import Lacuna
import Measuring

/// Measures how much a compaction, or the making of codes, costs other users of the store meanwhile, and compares this
/// with the limits.
@main
struct Online: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures compactions of a store in use, and the making of codes.",
        discussion: """
            Each stage fills a temporary store of its own:
              online    a rewrite while one thread reads and one writes, beside the same load alone (300,000 rows)
              codes     the making of codes beside the same load (300,000 rows)
              growth    the longest pause of a writer at a tenth of the rows and at all of them (1,000,000 rows)
              in-place  moving rows into gaps beside rewriting, a tenth of the rows dead (300,000 rows)
              memory    the anonymous memory that each strategy adds (1,000,000 rows)
            """
    )

    @Option(help: "A stage to run; repeat for more. All of them unless given.")
    var stage: [Stage] = []

    @Flag(help: "Print one JSON object a line.")
    var json = false

    @OptionGroup var options: RunOptions

    func validate() throws {
        guard options.rows ?? 1_000 >= 1_000 else { throw ValidationError("--rows must be 1,000 at least") }
        guard options.runs >= 1 else { throw ValidationError("--runs must be 1 at least") }
        guard (2...65_536).contains(options.dimension) else { throw ValidationError("--dimension must be 2 to 65,536") }
        guard options.idleSeconds > 0 else { throw ValidationError("--idle-seconds must be more than 0") }
    }

    func run() throws {
        let output = Output(json: json)
        try Scratch.with(in: options.directory) { scratch in
            for stage in stage.isEmpty ? Stage.allCases : stage {
                switch stage {
                case .online:
                    let rows = options.rows ?? 300_000
                    try OnlineStage(options: options, rows: rows, name: "online", output: output).run(in: scratch)
                case .codes:
                    let rows = options.rows ?? 300_000
                    try OnlineStage(options: options, rows: rows, name: "codes", work: .accelerate, output: output)
                        .run(in: scratch)
                case .growth: try GrowthStage(options: options, output: output).run(in: scratch)
                case .inPlace: try InPlaceStage(options: options, output: output).run(in: scratch)
                case .memory: try MemoryStage(options: options, output: output).run(in: scratch)
                }
            }
        }
        output.summary()
    }
}

enum Stage: String, CaseIterable, ExpressibleByArgument {
    case online, codes, growth
    case inPlace = "in-place"
    case memory
}

struct RunOptions: ParsableArguments {
    @Option(help: "Rows of the store; each stage has its own number unless given.")
    var rows: Int?

    @Option(help: "Components of a row.")
    var dimension = 384

    @Option(help: "Runs, of which the median counts.")
    var runs = 5

    @Option(help: "The shortest time that the load runs alone; it never is shorter than the longest compaction so far.")
    var idleSeconds = 3.0

    @Option(help: "Where the temporary stores are made.")
    var directory: String?

    @Option(help: "What the random choices start from.")
    var seed: UInt64 = 1
}
