import Measuring

/// Opening and the first get, with the store's files in the page cache, and without. A run has the median of several.
struct OpenStage {
    let bench: Bench
    let results: Results

    enum Cache: String, CaseIterable {
        case warm, cold

        var openings: Int { self == .warm ? 20 : 5 }
    }

    static func subject(_ cache: Cache, _ kind: IDKind, _ who: String) -> Subject {
        Subject(stage: .open, work: "and first get, \(cache.rawValue)", ids: kind, who: who)
    }

    func run() throws {
        let kind = bench.kinds[0]
        try bench.withStores("open", kind) { path in
            try bench.eachRun { contender in
                try Opening(bench: bench, results: results, kind: kind, path: path(contender)).run(on: contender, kind)
            }
        }
    }
}

private struct Opening: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind
    let path: String

    func run<S: BenchmarkStore>(on: S.Type) throws {
        let ids: [S.ID] = kind.ids(bench.rows)
        var random = SplitMix(seed: 4)
        for cache in OpenStage.Cache.allCases {
            if cache == .warm { try PlainFile.fillCache(with: path) }
            let sample = try Meter().measure(1) {
                let seconds = try (0..<cache.openings).map { _ in
                    if cache == .cold { try PlainFile.dropCached(in: path) }
                    return try open(S.self, ids[Int.random(in: 0..<ids.count, using: &random)]).seconds
                }
                return .seconds(seconds.median)
            }
            results.add(OpenStage.subject(cache, kind, S.contender.rawValue), sample)
        }
    }

    private func open<S: BenchmarkStore>(_: S.Type, _ id: S.ID) throws -> Duration {
        let start = ContinuousClock.now
        let store = try S(opening: path)
        let reader = try store.reader()
        let sum = try reader.withVector(for: id, sum)
        let duration = ContinuousClock.now - start
        guard sum != nil else { throw WrongSum() }
        reader.close()
        try store.close()
        return duration
    }
}
