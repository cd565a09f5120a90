import Lacuna
import Measuring

/// Searches among many dead rows, and among a few dead ones that are very near to the query; and beside compactions of
/// such stores.
struct SearchesAmongDead {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    private static let versions = 100
    private static let half = Deaths(percent: 50)
    private static let stretches = Deaths(percent: 90, inRuns: true)

    private var bench: Bench { meter.bench }

    func run() throws {
        try withDead(Self.half) { half in
            try measure("half dead, at random", half, SearchLimit(ratio: 1.15), beside: store, "warm")
            for strategy in [CompactionStrategy.rewrite, .inPlace] {
                try SearchesBesideCompaction(meter: meter, store: half, deaths: Self.half, strategy: strategy).run()
            }
        }
        try withDead(Self.stretches) { stretches in
            try bench.scratch.withPath("live") { path in
                let live = try SearchedStore<Int64>(creating: path, stretches.model)
                let limit = SearchLimit(ratio: 1.3)
                try measure("90 % dead, in stretches", stretches, limit, beside: live, "the live rows alone")
                try live.close()
            }
            let deaths = Self.stretches
            try SearchesBesideCompaction(meter: meter, store: stretches, deaths: deaths, strategy: .punch).run()
        }
        try replaceNearest()
    }

    /// A copy of the store in which rows have died.
    private func withDead(_ deaths: Deaths, _ body: (SearchedStore<Int64>) throws -> Void) throws {
        try bench.scratch.withPath("dead") { path in
            let copy = try store.copy(to: path)
            try copy.delete(deaths.rows(of: bench.rows))
            try copy.reopen()
            try body(copy)
            try copy.close()
        }
    }

    private func measure(
        _ name: String,
        _ store: SearchedStore<Int64>,
        _ limit: SearchLimit,
        beside other: SearchedStore<Int64>,
        _ base: String
    ) throws {
        let rows = store.model.liveRows.count
        let situation = SearchSituation(name: name, rows: rows, limit: limit, base: base)
        try meter.measureLasting(situation, beside: { try other.search() }) { try store.search() }
    }

    /// Each version is nearer to the query than any other row, and farther than the version before, which is dead.
    private func replaceNearest() throws {
        let query = store.query
        for version in 0..<Self.versions { try store.replaceNearest(version == 0 ? 0.5 : 1.005) }
        let situation = SearchSituation(name: "\(Self.versions) dead versions of the nearest row", rows: bench.rows)
        let another = (query + 1) % store.model.queries.count
        try meter.measureLasting(situation, beside: { try store.search(another) }) { try store.search(query) }
    }
}
