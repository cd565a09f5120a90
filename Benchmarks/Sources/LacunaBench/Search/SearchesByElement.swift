import Lacuna
import Measuring

/// Warm searches, by one thread, of stores that hold the same rows in different elements. All components are whole
/// numbers, so the answers must be the same.
struct SearchesByElement {
    let meter: SearchMeter

    private struct Subject {
        let element: ElementType
        let store: VectorStore<Int64>
        var times: [Double] = []
    }

    /// The least speed, as a multiple of that of float32 in the same run.
    private static let least: [ElementType: Double] = [.float16: 1.7, .int8: 3]

    func run() throws { try add([], ElementType.allCases[...]) }

    /// Makes the stores, each in a path of its own, and measures them when all are there.
    private func add(_ made: [Subject], _ rest: ArraySlice<ElementType>) throws {
        guard let element = rest.first else { return try measure(made) }
        try meter.bench.scratch.withPath(element.rawValue) { path in
            let configuration = VectorStoreConfiguration(
                dimension: meter.bench.dimension,
                metric: .euclidean,
                element: element
            )
            let store = try VectorStore<Int64>.create(at: path, configuration: configuration)
            for batch in Bench.batches(of: meter.bench.rows) {
                try store.write { for row in batch { try $0.put(vector(row), for: Int64(row)) } }
            }
            try add(made + [Subject(element: element, store: store)], rest.dropFirst())
            try store.close()
        }
    }

    /// The components are drawn anew for each row, so that no row is found early by chance.
    private func vector(_ row: Int) -> [Float] {
        var random = SplitMix(seed: UInt64(row))
        var bits: UInt64 = 0
        return (0..<meter.bench.dimension).map { component in
            if component % 8 == 0 { bits = random.next() }
            defer { bits >>= 8 }
            return Float(Int8(truncatingIfNeeded: bits))
        }
    }

    private func measure(_ made: [Subject]) throws {
        var subjects = made
        let query = vector(meter.bench.rows)
        let expected = try made[0].store.search(for: query, limit: 10, options: .init(threads: 1))
        let runs = try meter.runs { () throws -> [Double] in
            var medians: [Double] = []
            for index in subjects.indices {
                let times = try meter.warmSearches {
                    var found: [Match<Int64>] = []
                    let time = try timed {
                        found = try subjects[index].store.search(for: query, limit: 10, options: .init(threads: 1))
                    }
                    guard found == expected else { throw WrongAnswer(element: subjects[index].element) }
                    return time.seconds
                }
                subjects[index].times += times
                medians.append(times.median)
            }
            return medians
        }
        for (index, subject) in subjects.enumerated() {
            report(subject, ofFloat32: runs.map { $0[0] / $0[index] }.median)
        }
    }

    private func report(_ subject: Subject, ofFloat32 ratio: Double) {
        let bytes = meter.bench.rows * meter.bench.dimension * (Self.bytes[subject.element] ?? 0)
        meter.output.measurement(
            meter.stage.rawValue,
            [
                "element": .text(subject.element.rawValue), "rows": .count(meter.bench.rows),
                "dimension": .count(meter.bench.dimension), "searches": .count(subject.times.count),
                "median": .seconds(subject.times.median),
                "payload": .bytesPerSecond(Double(bytes) / subject.times.median), "speed_of_float32": .ratio(ratio),
            ]
        )
        guard let least = Self.least[subject.element] else { return }
        meter.output.limit(
            "search, \(meter.bench.rows) rows, one thread: speed of \(subject.element.rawValue) ÷ float32",
            atLeast: .ratio(least),
            measured: .ratio(ratio)
        )
    }

    private static let bytes: [ElementType: Int] = [.float32: 4, .float16: 2, .int8: 1]

    private struct WrongAnswer: Error, CustomStringConvertible {
        let element: ElementType
        var description: String { "the store of \(element.rawValue) finds other rows than that of float32" }
    }
}
