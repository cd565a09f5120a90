import Lacuna
import Measuring

/// Reads by id, in random order, by a handle that only reads and has made as many reads before.
struct GetsByReader {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    private static let most = 100_000
    private static let limit = 2e-6

    func run() throws {
        let reader = try VectorStore<Int64>.open(at: store.path, access: .readOnly)
        var random = SplitMix(seed: 6)
        let rows = Array(store.model.liveRows.shuffled(using: &random).prefix(Self.most))
        _ = try read(rows, reader)
        let runs = try (0..<meter.bench.runs).map { _ in try read(rows, reader) }
        try reader.close()
        let situation = SearchSituation(name: "get by id, a handle that only reads")
        meter.add(situation, calls: runs.flatMap { $0 }, runs: runs.count, atMost: Self.limit)
    }

    /// - Returns: The seconds of each.
    private func read(_ rows: [Int], _ reader: VectorStore<Int64>) throws -> [Double] {
        try rows.map { row in
            var vector: [Float]?
            let duration = try timed { vector = try reader.vector(for: Int64(row)) }
            guard vector == store.model.vector(of: row) else { throw WrongSum() }
            return duration.seconds
        }
    }
}
