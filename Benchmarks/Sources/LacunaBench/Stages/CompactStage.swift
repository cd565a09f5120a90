import Foundation
import Measuring

/// Each way to give the space of dead rows back, on a copy of the same store; and a plain copy of the live rows' bytes.
struct CompactStage {
    let bench: Bench
    let results: Results

    static func subject(_ deaths: Deaths, _ kind: IDKind, _ who: String) -> Subject {
        Subject(stage: .compact, work: deaths.description, ids: kind, who: who)
    }

    func run() throws {
        let kind = bench.kinds[0]
        for deaths in bench.deaths {
            try bench.withStores("filled", kind, dead: deaths.rows(of: bench.rows)) { path in
                try bench.eachRun(besides: { try copyPlainly(deaths, kind) }) { contender in
                    try Compaction(bench: bench, results: results, kind: kind, deaths: deaths, path: path(contender))
                        .run(on: contender, kind)
                }
            }
        }
    }

    private func copyPlainly(_ deaths: Deaths, _ kind: IDKind) throws {
        let live = bench.rows - deaths.count(of: bench.rows)
        try bench.scratch.withPath("plain") { path in
            let file = try PlainFile(creating: path)
            try file.fill(live * bench.rowBytes)
            try bench.scratch.withPath("copy") { path in
                let copy = try PlainFile(creating: path)
                let sample = try Meter().measure(live) {
                    try timed {
                        try copy.copy(file)
                        try copy.sync()
                    }
                }
                results.add(Self.subject(deaths, kind, Subject.machine), sample)
            }
        }
    }
}

private struct Compaction: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind
    let deaths: Deaths
    let path: String

    func run<S: BenchmarkStore>(on: S.Type) throws {
        for name in S.compactions {
            try bench.scratch.withPath("compact") { path in
                try FileManager.default.copyItem(atPath: self.path, toPath: path)
                let meter = Meter()
                let store = try S(opening: path)
                let sample = try meter.measure(bench.rows - deaths.count(of: bench.rows)) {
                    try timed { try store.compact(name) }
                }
                results.add(CompactStage.subject(deaths, kind, "\(S.contender.rawValue) \(name)"), sample)
                try store.close()
            }
        }
    }
}
