import Lacuna
import Measuring

/// A situation in which searches are measured, and the limit of their time.
struct SearchSituation {
    let name: String
    var ids = VectorIDKind.integer
    /// The number of rows that a search reads; nil if that depends on a filter.
    var rows: Int?
    var limit: SearchLimit?
    /// The time of which the limit is a multiple.
    var base = "warm"
}

/// The longest time that a search may take: a multiple of a warm search's time, plus a time.
struct SearchLimit {
    let ratio: Double
    var added = 0.0

    var description: String {
        Figure.ratio(ratio).description + (added > 0 ? " + \(Figure.seconds(added).description)" : "")
    }
}

/// The times of searches, in seconds, beside those of warm searches at the same time, which met the same noise.
struct SearchRun {
    let warm: Double
    let searches: [Double]

    var ratio: Double { searches.median / warm }
}

/// Measures situations, and prints each beside its limit.
struct SearchMeter {
    let bench: Bench
    let output: Output
    var stage = StageName.search

    private static let widths = ["situation": 38, "payload": 12, "limit": 17]
    /// The number of searches in a run: five runs make twenty for each situation.
    private static let searches = 4
    private static let warmSearches = 5
    /// Warm searches go on for at least this many seconds, so that the caches and the clock of the processor are warm
    /// too.
    private static let warmUp = 0.02
    /// After this many seconds, a situation makes no more searches.
    private static let budget = 4.0

    /// Measures searches, each of which meets the situation anew.
    ///
    /// - Parameters:
    ///   - warm: A search whose time is the base, before and after each run.
    ///   - search: A search of the situation.
    func measure(
        _ situation: SearchSituation,
        beside warm: () throws -> Double,
        _ search: () throws -> Double
    ) throws {
        try measureRuns(situation, beside: warm) { start in
            var searches: [Double] = []
            repeat {
                searches.append(try search())
            } while searches.count < Self.searches && hasTime(since: start)
            return searches
        }
    }

    /// Measures searches in a situation that lasts. The first one doesn't count; neither does the first of the warm
    /// ones.
    func measureLasting(
        _ situation: SearchSituation,
        beside warm: () throws -> Double,
        _ search: () throws -> Double
    ) throws {
        try measureRuns(situation, beside: warm) { _ in try warmSearches(search) }
    }

    private func measureRuns(
        _ situation: SearchSituation,
        beside warm: () throws -> Double,
        _ run: (_ start: ContinuousClock.Instant) throws -> [Double]
    ) throws {
        ProcessStatus.syncDisks()
        let start = ContinuousClock.now
        var before = try warmSearches(warm).median
        let runs = try runs(since: start) {
            let searches = try run(start)
            let after = try warmSearches(warm).median
            defer { before = after }
            return SearchRun(warm: (before + after) / 2, searches: searches)
        }
        add(situation, runs)
    }

    /// Makes as many runs as were asked for, if there is time for them.
    func runs<R>(since start: ContinuousClock.Instant = .now, _ body: () throws -> R) throws -> [R] {
        var runs: [R] = []
        repeat { runs.append(try body()) } while runs.count < bench.runs && hasTime(since: start)
        return runs
    }

    private func hasTime(since start: ContinuousClock.Instant) -> Bool {
        (ContinuousClock.now - start).seconds < Self.budget
    }

    /// The seconds of some searches. One more, the first, may have to catch up, and doesn't count.
    func warmSearches(_ search: () throws -> Double) throws -> [Double] {
        _ = try search()
        var seconds: [Double] = []
        repeat {
            seconds.append(try search())
        } while seconds.count < Self.warmSearches || seconds.reduce(0, +) < Self.warmUp
        return seconds
    }

    func add(_ situation: SearchSituation, _ runs: [SearchRun]) {
        let searches = runs.flatMap(\.searches)
        let ratio = runs.map(\.ratio).median
        show(
            situation,
            searches,
            runs: runs.count,
            warm: .seconds(runs.map(\.warm).median),
            ofWarm: .ratio(ratio),
            limit: situation.limit?.description
        )
        guard let limit = situation.limit else { return }
        if limit.added > 0 {
            output.limit(
                "\(name(situation)), \(situation.base) × \(limit.description)",
                atMost: .seconds(runs.map { limit.ratio * $0.warm + limit.added }.median),
                measured: .seconds(searches.median)
            )
        } else {
            output.limit("\(name(situation)) ÷ \(situation.base)", atMost: .ratio(limit.ratio), measured: .ratio(ratio))
        }
    }

    /// Adds calls that have a limit of their own and aren't compared with a warm search.
    func add(_ situation: SearchSituation, calls: [Double], runs: Int, atMost seconds: Double) {
        let limit = Figure.seconds(seconds)
        show(situation, calls, runs: runs, warm: .text("-"), ofWarm: .text("-"), limit: limit.description)
        output.limit(name(situation), atMost: limit, measured: .seconds(calls.median))
    }

    private func show(
        _ situation: SearchSituation,
        _ calls: [Double],
        runs: Int,
        warm: Figure,
        ofWarm: Figure,
        limit: String?
    ) {
        let rate = situation.rows.map { Double($0 * bench.rowBytes) / calls.median }
        output.measurement(
            stage.rawValue,
            [
                "rows": .count(bench.rows), "situation": .text(situation.name),
                "ids": .text(situation.ids.rawValue), "runs": .count(runs), "calls": .count(calls.count),
                "median": .seconds(calls.median), "longest": .seconds(calls.max() ?? .nan),
                "payload": rate.map { .bytesPerSecond($0) } ?? .text("-"), "warm": warm, "of_warm": ofWarm,
                "limit": .text(limit.map { "≤ \($0)" } ?? "-"),
            ],
            widths: Self.widths
        )
    }

    /// The name of a situation in the list of limits.
    func name(_ situation: SearchSituation) -> String {
        "\(stage.rawValue), \(bench.rows) rows, ids \(situation.ids.rawValue): \(situation.name)"
    }
}
