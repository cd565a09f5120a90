import ArgumentParser

enum StageName: String, CaseIterable, ExpressibleByArgument {
    case limits, ingest, puts, gets, deletes, compact, open

    func run(_ bench: Bench, _ results: Results) throws {
        switch self {
        case .limits: try LimitsStage(bench: bench, results: results).run()
        case .ingest: try IngestStage(bench: bench, results: results).run()
        case .puts: try PutsStage(bench: bench, results: results).run()
        case .gets: try GetsStage(bench: bench, results: results).run()
        case .deletes: try DeletesStage(bench: bench, results: results).run()
        case .compact: try CompactStage(bench: bench, results: results).run()
        case .open: try OpenStage(bench: bench, results: results).run()
        }
    }
}
