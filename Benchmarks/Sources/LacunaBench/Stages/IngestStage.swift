import Measuring

/// Puts all rows in durable batches; and writes a plain file that is synced as often.
struct IngestStage {
    let bench: Bench
    let results: Results

    static func subject(_ kind: IDKind, _ who: String) -> Subject {
        Subject(stage: .ingest, work: "batches of 1,000", ids: kind, who: who)
    }

    func run() throws {
        for kind in bench.kinds {
            try bench.eachRun(besides: { try writePlainly(kind) }) { contender in
                try Ingest(bench: bench, results: results, kind: kind).run(on: contender, kind)
            }
        }
    }

    private func writePlainly(_ kind: IDKind) throws {
        try bench.scratch.withPath("plain") { path in
            let sample = try Meter().measure(bench.rows) {
                let file = try PlainFile(creating: path)
                return try Bench.batches(of: bench.rows).reduce(.zero) { spent, batch in
                    let rows = Array(bench.vectors(batch).joined())
                    return try spent
                        + timed {
                            try rows.withUnsafeBytes { try file.write($0) }
                            try file.sync()
                        }
                }
            }
            results.add(Self.subject(kind, Subject.machine), sample)
        }
    }
}

private struct Ingest: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind

    func run<S: BenchmarkStore>(on: S.Type) throws {
        try bench.scratch.withPath("ingest") { path in
            let ids: [S.ID] = kind.ids(bench.rows)
            let meter = Meter()
            let store = try S(creating: path, dimension: bench.dimension)
            let sample = try meter.measure(bench.rows) { try bench.put(ids, in: store) }
            results.add(IngestStage.subject(kind, S.contender.rawValue), sample)
            try store.close()
        }
    }
}
