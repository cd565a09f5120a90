import Measuring

/// Puts rows one by one into a full store, each durable, by one thread and by several.
struct PutsStage {
    let bench: Bench
    let results: Results

    static func subject(threads: Int, _ kind: IDKind, _ who: String) -> Subject {
        Subject(stage: .puts, work: threads == 1 ? "1 thread" : "\(threads) threads", ids: kind, who: who)
    }

    func run() throws {
        let kind = bench.kinds[0]
        try bench.eachRun { contender in
            try Puts(bench: bench, results: results, kind: kind).run(on: contender, kind)
        }
    }
}

private struct Puts: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind

    private static func count(threads: Int) -> Int { threads == 1 ? 500 : 250 * threads }

    func run<S: BenchmarkStore>(on: S.Type) throws {
        try bench.scratch.withPath("puts") { path in
            let ids: [S.ID] = kind.ids(bench.rows + bench.putThreads.map(Self.count).reduce(0, +))
            let meter = Meter()
            let store = try S(creating: path, dimension: bench.dimension)
            _ = try bench.put(Array(ids[..<bench.rows]), in: store)
            var next = bench.rows
            for threads in bench.putThreads {
                let rows = next..<next + Self.count(threads: threads)
                next = rows.upperBound
                let vectors = bench.vectors(rows)
                let sample = try meter.measure(rows.count) {
                    try timedTogether(threads: threads) { thread in
                        for row in stride(from: thread, to: rows.count, by: threads) {
                            try store.put(vectors[row], for: ids[rows.lowerBound + row])
                        }
                    }
                    .0
                }
                results.add(PutsStage.subject(threads: threads, kind, S.contender.rawValue), sample)
            }
            try store.close()
        }
    }
}
