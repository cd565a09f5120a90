import ArgumentParser

enum StageName: String, CaseIterable, ExpressibleByArgument {
    case limits, ingest, puts, gets, deletes, compact, open, search, questions

    var isOfSearches: Bool { self == .search || self == .questions }
    /// The default number of rows.
    var rows: Int { isOfSearches ? 1_000_000 : 100_000 }
    /// The default number of components.
    var dimension: Int { isOfSearches ? 128 : 768 }

    func run(_ bench: Bench, _ results: Results) throws {
        switch self {
        case .limits: try LimitsStage(bench: bench, results: results).run()
        case .ingest: try IngestStage(bench: bench, results: results).run()
        case .puts: try PutsStage(bench: bench, results: results).run()
        case .gets: try GetsStage(bench: bench, results: results).run()
        case .deletes: try DeletesStage(bench: bench, results: results).run()
        case .compact: try CompactStage(bench: bench, results: results).run()
        case .open: try OpenStage(bench: bench, results: results).run()
        case .search: try SearchStage(bench: bench, output: results.output).run()
        case .questions: try QuestionsStage(bench: bench, output: results.output).run()
        }
    }
}
