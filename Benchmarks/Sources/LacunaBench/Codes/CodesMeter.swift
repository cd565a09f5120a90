import CMachine
import Foundation
import Lacuna
import Measuring

/// Measures one store, first without codes and then with them.
struct CodesMeter {
    let store: VectorStore<Int64>
    let queries: [[Float]]
    let runs: Int
    let output: Output

    /// A way to search.
    private struct Work: Hashable {
        var limit = 10
        var threads = 1
        var isCold = false
        var isBatch = false

        var name: String {
            let work = isBatch ? "100 queries in one call" : "one query"
            return "\(work), k = \(limit), \(threads == 1 ? "1 thread" : "\(threads) threads")\(isCold ? ", cold" : "")"
        }
    }

    private static let works = [
        Work(), Work(isCold: true), Work(limit: 100), Work(limit: 100, isCold: true), Work(threads: 2),
        Work(isBatch: true),
    ]

    func run(_ rows: Vectors) throws {
        var plain: [Work: Double] = [:]
        for work in Self.works { plain[work] = try seconds(work) }
        let right = try store.search(forEach: queries, limit: 100)
        let build = try build(rows)
        let report = try store.accelerate()
        guard try store.search(forEach: queries, limit: 100) == right else { throw WrongSum() }
        output.measurement(
            "codes",
            [
                "rows": .count(rows.count), "dimension": .count(rows.dimension),
                "components": .count(report.components),
                "bytes": .bytes(report.bytes), "build": .seconds(build.seconds),
                "copy_/_build": .ratio(build.copy / build.seconds),
                "multiply-adds_/_build": .ratio(build.multiplyAdds / build.seconds),
            ]
        )
        output.limit(
            "codes: the slower of a plain copy and a loop of multiply-adds ÷ the making of codes, time",
            atLeast: .ratio(0.5),
            measured: .ratio(max(build.copy, build.multiplyAdds) / build.seconds)
        )
        for work in Self.works {
            let coded = try seconds(work)
            output.measurement(
                "codes",
                [
                    "work": .text(work.name.padding(toLength: 44, withPad: " ", startingAt: 0)),
                    "plain": .seconds(plain[work] ?? .nan), "coded": .seconds(coded),
                    "plain_/_coded": .ratio((plain[work] ?? .nan) / coded),
                ]
            )
            if work.isBatch {
                let single = try seconds(Work()) * 100
                output.measurement("one call for 100", ["100_calls_/_one_call": .ratio(single / coded)])
            }
        }
    }

    /// The median time of a search, or of a batch.
    private func seconds(_ work: Work) throws -> Double {
        let batch = (0..<100).map { index in queries[index % queries.count].map { $0 + Float(index) * 1e-4 } }
        var memory = Evictor()
        return try (0..<runs).flatMap { _ in
            try (work.isBatch ? [batch] : queries.map { [$0] }).map { queries in
                if work.isCold { memory.evict() }
                return try timed {
                    _ = try store.search(forEach: queries, limit: work.limit, options: .init(threads: work.threads))
                }.seconds
            }
        }.median
    }

    /// A query whose distances to all rows differ by less than the codes' error, so that the codes exclude nothing.
    func runHardQuery() throws {
        let works = [Work(), Work(isCold: true)]
        let plain = try works.map(seconds)
        let right = try store.search(forEach: queries, limit: 10)
        _ = try store.accelerate()
        guard try store.search(forEach: queries, limit: 10) == right else { throw WrongSum() }
        for (work, plain) in zip(works, plain) {
            output.limit(
                "codes: a query that defeats them, with ÷ without codes, time: \(work.name)",
                atMost: .ratio(1.3),
                measured: .ratio(try seconds(work) / plain)
            )
        }
    }

    /// Seconds: medians of runs.
    private struct Build {
        var seconds = Double.nan
        /// A plain copy of the rows, and a sync.
        var copy = Double.nan
        /// As many multiply-adds as the products of all rows and the basis take.
        var multiplyAdds = Double.nan
    }

    private func build(_ rows: Vectors) throws -> Build {
        var builds: [Double] = []
        var copies: [Double] = []
        var loops: [Double] = []
        try Scratch.with(in: nil) { scratch in
            try scratch.withPath("plain") { path in
                let file = try PlainFile(creating: path)
                try file.fill(rows.count * rows.dimension * 4)
                for _ in 0..<runs {
                    try store.stopAccelerating()
                    let report = try store.accelerate()
                    builds.append(report.duration.seconds)
                    try scratch.withPath("copy") { path in
                        let copy = try PlainFile(creating: path)
                        copies.append(
                            try timed {
                                try copy.copy(file)
                                try copy.sync()
                            }.seconds
                        )
                    }
                    // Without a basis there is nothing to multiply with.
                    let basis = report.components == rows.dimension ? 0 : report.components
                    loops.append(timed { multiplyAndAdd(rows.count * rows.dimension * basis) }.seconds)
                }
            }
        }
        return Build(seconds: builds.median, copy: copies.median, multiplyAdds: loops.median)
    }

    private func multiplyAndAdd(_ count: Int) {
        precondition(machine_multiply_and_add(count, machine_has_avx512()).isFinite)
    }
}

/// Reads and writes memory, so that the CPU's caches hold nothing else.
private struct Evictor {
    private var memory = [UInt64](repeating: 1, count: 16 << 20)

    mutating func evict() {
        memory.withUnsafeMutableBufferPointer { memory in
            for index in stride(from: 0, to: memory.count, by: 8) { memory[index] &+= 1 }
        }
    }
}
