import CMachine
import Foundation
import Lacuna
import Measuring

/// Measures one store beside the loops. Both take turns, so that noise hits both.
struct ScanMeter {
    let store: VectorStore<Int64>
    let queries: [[Float]]
    let runs: Int
    let output: Output

    private static let headerBytes = 4_096
    private static let least = 0.95
    private static let leastOfBatch = 4.0

    func run(_ path: String, _ metric: DistanceMetric) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        guard let name = names.first(where: { $0.hasSuffix(".f32") }) else { throw WrongSum() }
        try PlainFile(reading: path + "/" + name).withMap { map in
            for threads in [1, 2] { try compare(map, metric, threads) }
        }
        try compareBatch(metric)
    }

    private func compare(_ map: UnsafeRawBufferPointer, _ metric: DistanceMetric, _ threads: Int) throws {
        let rows = UnsafeRawBufferPointer(rebasing: map[Self.headerBytes...]).bindMemory(to: Float.self)
        let loop = MachineLoop(rows: rows, count: try store.count, query: queries[0], metric: metric)
        var searches: [Double] = []
        var loops: [Double] = []
        var ratios: [Double] = []
        for run in -1..<runs {
            let found = try queries.prefix(10).map { query in
                try timed { _ = try store.search(for: query, limit: 10, options: .init(threads: threads)) }.seconds
            }.median
            let scanned = try loop.seconds(threads)
            // The first run makes the map known to the process.
            if run < 0 { continue }
            searches.append(found)
            loops.append(scanned)
            ratios.append(scanned / found)
        }
        let bytes = Double(loop.count * queries[0].count * MemoryLayout<Float>.stride)
        output.measurement(
            "scan",
            [
                "metric": .text(metric.rawValue), "threads": .count(threads),
                "search": .bytesPerSecond(bytes / searches.median), "loop": .bytesPerSecond(bytes / loops.median),
                "search_/_loop": .ratio(ratios.median),
            ],
            widths: ["metric": 10]
        )
        output.limit(
            "scan, \(metric.rawValue), threads: \(threads): speed of a search ÷ the loop's",
            atLeast: .ratio(Self.least),
            measured: .ratio(ratios.median)
        )
    }

    private func compareBatch(_ metric: DistanceMetric) throws {
        var ratios: [Double] = []
        for _ in 0..<runs {
            let together = try timed { _ = try store.search(forEach: queries, limit: 10, options: .init(threads: 1)) }
                .seconds
            let single = try timed {
                for query in queries { _ = try store.search(for: query, limit: 10, options: .init(threads: 1)) }
            }.seconds
            ratios.append(single / together)
        }
        output.limit(
            "scan, \(metric.rawValue): \(queries.count) queries by as many calls ÷ by one, time",
            atLeast: .ratio(Self.leastOfBatch),
            measured: .ratio(ratios.median)
        )
    }
}

/// The machine's own loop over all rows.
private struct MachineLoop: @unchecked Sendable {
    // The map outlives the loop, and nobody writes to it meanwhile.
    let rows: UnsafeBufferPointer<Float>
    let count: Int
    let query: [Float]
    let metric: DistanceMetric

    private var sum: machine_sum {
        switch metric {
        case .cosine: machine_products_and_squares
        case .dot: machine_products
        case .euclidean: machine_squared_differences
        }
    }

    /// The time of the faster loop: the median of some.
    func seconds(_ threads: Int) throws -> Double {
        let kinds: [Int32] = machine_has_avx512() != 0 ? [0, 1] : [0]
        return try kinds.map { kind in
            try (0..<10).map { _ in
                try timedTogether(threads: threads) { thread in
                    let part = count * thread / threads..<count * (thread + 1) / threads
                    return machine_scan(
                        rows.baseAddress?.advanced(by: part.lowerBound * query.count),
                        part.count,
                        query.count,
                        query,
                        sum,
                        kind
                    )
                }.0.seconds
            }.median
        }.min() ?? .nan
    }
}
