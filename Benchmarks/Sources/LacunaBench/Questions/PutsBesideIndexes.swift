import Lacuna
import Measuring

/// Batches of 1,000 puts into a store without indexes, into one with two indexes on metadata, and into one that also has
/// a text index of twelve words a row.
struct PutsBesideIndexes {
    let bench: Bench
    let output: Output

    private enum Indexes: Int, CaseIterable {
        case none, twoFields, twoFieldsAndText
    }

    private static let batches = 20
    private static let rowsPerBatch = 1_000
    private static let wordsPerRow = 12
    private static let vocabulary = 20_000

    func run() throws {
        var runs: [[Double]] = []
        for run in 0..<bench.runs {
            var times = [Double](repeating: 0, count: Indexes.allCases.count)
            // The order changes, so that none is always the last.
            for place in Indexes.allCases.indices {
                let indexes = Indexes.allCases[(run + place) % Indexes.allCases.count]
                times[indexes.rawValue] = try seconds(indexes)
            }
            runs.append(times)
        }
        func speed(_ indexes: Indexes) -> Figure { .ratio(runs.map { $0[0] / $0[indexes.rawValue] }.median) }
        output.limit("puts beside two indexes ÷ without", atLeast: .ratio(0.4), measured: speed(.twoFields))
        output.limit(
            "puts beside two indexes and a text index ÷ without",
            atLeast: .ratio(0.4),
            measured: speed(.twoFieldsAndText)
        )
        let words = Double(Self.batches * Self.rowsPerBatch * Self.wordsPerRow)
        let word = runs.map { ($0[2] - $0[1]) / words }.median
        output.remark(StageName.questions.rawValue, "a word in the text index: \(Figure.seconds(word).description)")
    }

    private func seconds(_ indexes: Indexes) throws -> Double {
        try bench.scratch.withPath("puts") { path in
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: bench.dimension))
            if indexes != .none {
                try store.createMetadataIndex(on: "section")
                try store.createMetadataIndex(on: "installed_kib")
            }
            if indexes == .twoFieldsAndText { try store.createTextIndex(on: ["summary"]) }
            var random = SplitMix(seed: 1)
            let vector = (0..<bench.dimension).map { _ in random.nextFloat() }
            let metadata = (0..<Self.batches * Self.rowsPerBatch).map { Self.metadata($0, &random) }
            let time = try timed {
                for batch in 0..<Self.batches {
                    try store.write {
                        for row in batch * Self.rowsPerBatch..<(batch + 1) * Self.rowsPerBatch {
                            try $0.put(vector, for: Int64(row), metadataJSON: metadata[row])
                        }
                    }
                }
            }
            try store.close()
            return time.seconds
        }
    }

    private static func metadata(_ row: Int, _ random: inout SplitMix) -> String {
        """
        {"name":"package-\(row)","section":"section \(row % 50)","installed_kib":\(row * 7_919 % 100_000),\
        "summary":"\(summary(&random))"}
        """
    }

    /// Twelve words, of which few are frequent and most are rare.
    static func summary(_ random: inout SplitMix) -> String {
        let words = (0..<wordsPerRow).map { _ -> String in
            let share = random.nextFloat()
            return "word\(Int(share * share * Float(vocabulary)))"
        }
        return words.joined(separator: " ")
    }
}
