import Measuring

/// Deletes half of the rows, at random, in durable batches.
struct DeletesStage {
    let bench: Bench
    let results: Results

    static func subject(_ kind: IDKind, _ who: String) -> Subject {
        Subject(stage: .deletes, work: "batches of 1,000", ids: kind, who: who)
    }

    func run() throws {
        let kind = bench.kinds[0]
        try bench.eachRun { contender in
            try Deletes(bench: bench, results: results, kind: kind).run(on: contender, kind)
        }
    }
}

private struct Deletes: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind

    func run<S: BenchmarkStore>(on: S.Type) throws {
        try bench.scratch.withPath("deletes") { path in
            let ids: [S.ID] = kind.ids(bench.rows)
            let dead = Deaths(percent: 50).rows(of: bench.rows).map { ids[$0] }
            let meter = Meter()
            let store = try S(creating: path, dimension: bench.dimension)
            _ = try bench.put(ids, in: store)
            let sample = try meter.measure(dead.count) { try bench.delete(dead, from: store) }
            results.add(DeletesStage.subject(kind, S.contender.rawValue), sample)
            try store.close()
        }
    }
}
