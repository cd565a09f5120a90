import Foundation
import Measuring

/// Reads by id, in random order, of a store whose caches are warm; each float is touched.
struct GetsStage {
    let bench: Bench
    let results: Results

    enum Access: String, CaseIterable {
        case copied
        case inPlace = "in place"
    }

    static func subject(_ access: Access, threads: Int, _ kind: IDKind, _ who: String) -> Subject {
        let threads = threads == 1 ? "1 thread" : "\(threads) threads"
        return Subject(stage: .gets, work: "\(access.rawValue), \(threads)", ids: kind, who: who)
    }

    func run() throws {
        for kind in bench.kinds {
            try bench.withStores("gets", kind) { path in
                try bench.eachRun { contender in
                    try Gets(bench: bench, results: results, kind: kind, path: path(contender)).run(on: contender, kind)
                }
            }
        }
    }
}

private struct Gets: StoreWork {
    let bench: Bench
    let results: Results
    let kind: IDKind
    let path: String

    /// The largest number of rows in a pass.
    private static let most = 200_000

    /// The ids that one thread reads, and the sum that must result.
    private struct Pass<ID: BenchmarkID>: Sendable {
        let ids: [ID]
        let total: Double

        init(_ rows: [Int], _ ids: [ID], _ bench: Bench) {
            self.ids = rows.map { ids[$0] }
            total = rows.reduce(0) { $0 + Double(bench.pool.vector(for: Int64($1)).withUnsafeBytes(sum)) }
        }
    }

    func run<S: BenchmarkStore>(on: S.Type) throws {
        let ids: [S.ID] = kind.ids(bench.rows)
        var random = SplitMix(seed: 2)
        let rows = Array(0..<bench.rows)
        let all = Pass(rows, ids, bench)
        let passes = (0..<(bench.getThreads.max() ?? 1)).map { _ in
            Pass(Array(rows.shuffled(using: &random).prefix(Self.most)), ids, bench)
        }
        let meter = Meter()
        // If this memory were released earlier, it would be subtracted from the memory that the store adds.
        defer { withExtendedLifetime(all) {} }
        let store = try S(opening: path)
        _ = try read([all], .inPlace, store)
        for access in GetsStage.Access.allCases {
            for threads in bench.getThreads {
                let passes = Array(passes[..<threads])
                let sample = try meter.measure(threads * passes[0].ids.count) { try read(passes, access, store) }
                results.add(GetsStage.subject(access, threads: threads, kind, S.contender.rawValue), sample)
            }
        }
        try store.close()
    }

    private func read<S: BenchmarkStore>(
        _ passes: [Pass<S.ID>],
        _ access: GetsStage.Access,
        _ store: S
    ) throws -> Duration {
        let readers = try passes.map { _ in try store.reader() }
        defer { readers.forEach { $0.close() } }
        let dimension = bench.dimension
        let (duration, totals) = try timedTogether(threads: passes.count) { thread in
            switch access {
            case .copied: try Self.copy(passes[thread].ids, readers[thread], dimension)
            case .inPlace: try Self.touch(passes[thread].ids, readers[thread])
            }
        }
        guard totals == passes.map(\.total) else { throw WrongSum() }
        return duration
    }

    private static func copy<R: BenchmarkReader>(_ ids: [R.ID], _ reader: R, _ dimension: Int) throws -> Double {
        var total = 0.0
        var vector = [Float](repeating: 0, count: dimension)
        for id in ids {
            guard try reader.copyVector(for: id, into: &vector) else { throw WrongSum() }
            total += Double(vector.withUnsafeBytes(sum))
        }
        return total
    }

    private static func touch<R: BenchmarkReader>(_ ids: [R.ID], _ reader: R) throws -> Double {
        var total = 0.0
        for id in ids {
            guard let sum = try reader.withVector(for: id, sum) else { throw WrongSum() }
            total += Double(sum)
        }
        return total
    }
}
