import Lacuna
import Measuring

/// Batches of 1,000 puts into a store without indexes, and into one with two indexes on metadata.
struct PutsBesideIndexes {
    let bench: Bench
    let output: Output

    private static let batches = 20
    private static let rowsPerBatch = 1_000

    func run() throws {
        var ratios: [Double] = []
        for run in 0..<bench.runs {
            // The order changes, so that neither is always the second.
            let withIndexes = [run % 2 == 0, run % 2 == 1]
            let times = try withIndexes.map { try seconds(indexed: $0) }
            ratios.append(withIndexes[0] ? times[1] / times[0] : times[0] / times[1])
        }
        output.limit("puts beside two indexes ÷ without", atLeast: .ratio(0.4), measured: .ratio(ratios.median))
    }

    private func seconds(indexed: Bool) throws -> Double {
        try bench.scratch.withPath("puts") { path in
            let store = try VectorStore<Int64>.create(at: path, .init(dimension: bench.dimension))
            if indexed {
                try store.createMetadataIndex(on: "section")
                try store.createMetadataIndex(on: "installed_kib")
            }
            var random = SplitMix(seed: 1)
            let vector = (0..<bench.dimension).map { _ in random.nextFloat() }
            let time = try timed {
                for batch in 0..<Self.batches {
                    try store.write {
                        for row in batch * Self.rowsPerBatch..<(batch + 1) * Self.rowsPerBatch {
                            try $0.put(vector, for: Int64(row), metadataJSON: metadata(row))
                        }
                    }
                }
            }
            try store.close()
            return time.seconds
        }
    }

    private func metadata(_ row: Int) -> String {
        #"{"name":"package-\#(row)","section":"section \#(row % 50)","installed_kib":\#(row * 7_919 % 100_000)}"#
    }
}
