import Lacuna
import Measuring

/// Searches of a handle while another thread compacts the store with the same handle, compared with searches of the
/// same rows before. Each run has a copy of its own.
struct SearchesBesideCompaction {
    let meter: SearchMeter
    let store: SearchedStore<Int64>
    let deaths: Deaths
    let strategy: CompactionStrategy

    private struct Run {
        let searches: SearchRun
        let end: Result<CompactionReport, any Error>
    }

    func run() throws {
        let situation = SearchSituation(
            name: "beside \(strategy.rawValue), \(deaths.description)",
            rows: store.model.liveRows.count,
            limit: SearchLimit(ratio: 1.5)
        )
        let runs = try meter.runs { try once() }
        meter.add(situation, runs.map(\.searches))
        let ends = runs.map { Self.description($0.end) }
        meter.output.remark(meter.stage.rawValue, "\(strategy.rawValue): \(ends.joined(separator: "; "))")
        let haveEnded = runs.allSatisfy { (try? $0.end.get()) != nil }
        meter.output.limit("\(meter.name(situation)): the compaction ends without an error", holds: haveEnded)
    }

    private static func description(_ end: Result<CompactionReport, any Error>) -> String {
        switch end {
        case .success(let report):
            let bytes = Figure.bytes(report.allocatedBytesBefore - report.allocatedBytesAfter).description
            return "ended in \(Figure.seconds(report.duration.seconds).description), gave \(bytes) back"
        case .failure(let error): return "failed, \(error)"
        }
    }

    private func once() throws -> Run {
        try meter.bench.scratch.withPath("compacted") { path in
            let copy = try store.copy(to: path)
            ProcessStatus.syncDisks()
            let warm = try meter.warmSearches { try copy.search() }.median
            let (handle, strategy, end) = (copy.handle, strategy, StopSign())
            let compaction = Worker("compaction") {
                defer { end.raise() }
                return try handle.compact(strategy)
            }
            var searches: [Double] = []
            let searched = Result {
                repeat { searches.append(try copy.search()) } while !end.isRaised
            }
            let report = Result { try compaction.join() }
            try searched.get()
            try copy.close()
            return Run(searches: SearchRun(warm: warm, searches: searches), end: report)
        }
    }
}
