import ArgumentParser
import Measuring

/// Measures Lacuna alone at several numbers of rows: the cost of a row must not depend on their number.
struct GrowthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "growth",
        abstract: "Measures Lacuna at several numbers of rows; prints JSON lines, which plot draws."
    )

    @Option(parsing: .upToNextOption, help: "Numbers of rows, ascending.")
    var rows = [10_000, 100_000, 1_000_000]

    @Option(help: "Components of a row; 32 unless given, so that the index is most of the work, for searches 128.")
    var dimension: Int?

    @OptionGroup var options: BenchOptions

    private static let stages: [StageName] = [.ingest, .puts, .gets, .deletes, .compact, .open]
    private static let dimension = 32

    func validate() throws {
        for rows in rows { try BenchOptions.check(rows: rows, dimension: dimension ?? Self.dimension) }
    }

    func run() throws {
        let output = Output(json: true)
        let opening = OpenStage.subject(.warm, kinds[0], Contender.lacuna.rawValue)
        var openings: [Double] = []
        try Scratch.with(in: options.directory) { scratch in
            for rows in rows {
                let bench = bench(rows, dimension ?? Self.dimension, scratch)
                let results = Results(bench, output)
                for stage in Self.stages { try stage.run(bench, results) }
                let searches = self.bench(rows, dimension ?? StageName.search.dimension, scratch)
                try SearchStage(bench: searches, output: output).run()
                if let seconds = results.median(\.seconds, opening) { openings.append(seconds) }
            }
        }
        for (larger, (rows, smaller)) in zip(openings.dropFirst(), zip(rows, openings)) {
            output.limit(
                "open and first get, warm: the time at the next number of rows ÷ that at \(rows)",
                atMost: .ratio(2),
                measured: .ratio(larger / smaller)
            )
        }
        output.summary()
    }

    private var kinds: [IDKind] { options.ids.isEmpty ? [.sequential, .random] : options.ids }

    private func bench(_ rows: Int, _ dimension: Int, _ scratch: Scratch) -> Bench {
        Bench(
            rows: rows,
            dimension: dimension,
            kinds: kinds,
            runs: options.runs,
            contenders: [.lacuna],
            putThreads: [1],
            getThreads: [1],
            deaths: [Deaths(percent: 50)],
            scratch: scratch,
            pool: VectorPool(dimension: dimension)
        )
    }
}
