import ArgumentParser
import Measuring

/// Measures Lacuna, LMDB, a plain SQLite table and the machine, and prints how they compare.
struct StagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages",
        abstract: "Measures Lacuna, LMDB, a plain SQLite table of blobs, and the machine itself.",
        discussion: """
            Each stage makes temporary stores of its own:
              limits    what the machine can do with the same bytes
              ingest    all rows in durable batches of 1,000, beside a plain file that is synced as often
              puts      single durable puts into a full store, by one thread and by eight
              gets      all rows by id, in random order, copied and in place, by one thread and by two
              deletes   half of the rows in durable batches of 1,000
              compact   each way to give space back, of 10, 50 and 90 % dead rows, beside a plain copy
              open      opening and the first get, with and without the page cache
              search    the ten nearest rows, by Lacuna alone: first searches, in other processes too, after changes, \
            among dead rows and beside compactions, each as a share of a warm search's time
              questions the same with filters, with and without an index, and of different documents; and puts beside \
            indexes
            """
    )

    @Argument(help: "The stages to run. All of them unless given.")
    var stages: [StageName] = []

    @Option(
        parsing: .upToNextOption,
        help: "Rows of a store, one number or several; 100,000 unless given, for search and questions 1,000,000."
    )
    var rows: [Int] = []

    @Option(help: "Components of a row; 768 unless given, for search and questions 128.")
    var dimension: Int?

    @OptionGroup var options: BenchOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        for stage in StageName.allCases {
            for rows in rows(of: stage) {
                try BenchOptions.check(rows: rows, dimension: dimension ?? stage.dimension)
            }
        }
    }

    private func rows(of stage: StageName) -> [Int] { rows.isEmpty ? [stage.rows] : rows }

    func run() throws {
        let output = Output(json: json)
        let stages = stages.isEmpty ? StageName.allCases : stages
        try Scratch.with(in: options.directory) { scratch in
            // Stages of one size have one summary.
            for stages in [stages.filter { !$0.isOfSearches }, stages.filter { $0.isOfSearches }] {
                guard let first = stages.first else { continue }
                for rows in rows(of: first) {
                    try run(stages, bench(rows, dimension ?? first.dimension, scratch), output)
                }
            }
        }
        output.summary()
    }

    private func bench(_ rows: Int, _ dimension: Int, _ scratch: Scratch) -> Bench {
        Bench(
            rows: rows,
            dimension: dimension,
            kinds: options.ids.isEmpty ? IDKind.allCases : options.ids,
            runs: options.runs,
            contenders: Contender.allCases,
            putThreads: [1, 8],
            getThreads: [1, 2],
            deaths: Deaths.all,
            scratch: scratch,
            pool: VectorPool(dimension: dimension)
        )
    }

    private func run(_ stages: [StageName], _ bench: Bench, _ output: Output) throws {
        let results = Results(bench, output)
        for stage in stages { try stage.run(bench, results) }
        results.summary()
        Verdicts(bench: bench, results: results, output: output).judge()
    }
}

struct BenchOptions: ParsableArguments {
    @Option(help: "Runs, of which the medians count.")
    var runs = 5

    @Option(
        help: """
            The ids, sequential, random or uuid; repeat for more. All of them unless given, for growth the integers. \
            Ingest and gets take each, search always integers, texts and UUIDs, what else there is the first.
            """
    )
    var ids: [IDKind] = []

    @Option(help: "Where the temporary stores are made.")
    var directory: String?

    func validate() throws {
        guard runs >= 1 else { throw ValidationError("--runs must be 1 at least") }
    }

    static func check(rows: Int, dimension: Int) throws {
        guard rows >= 1_000 else { throw ValidationError("--rows must be 1,000 at least") }
        guard (2...65_536).contains(dimension) else { throw ValidationError("--dimension must be 2 to 65,536") }
    }
}
