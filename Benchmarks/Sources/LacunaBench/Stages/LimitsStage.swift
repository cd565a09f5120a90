import Measuring

/// The speed of the machine with as many bytes as the rows have.
struct LimitsStage {
    let bench: Bench
    let results: Results

    private static let overwrites = 200
    private static let page = 4_096

    func run() throws {
        let bytes = bench.rows * bench.rowBytes
        for _ in 0..<bench.runs {
            try bench.scratch.withPath("plain") { path in
                let file = try PlainFile(creating: path)
                try add("write and sync", bench.rows) {
                    try timed {
                        try file.fill(bytes)
                        try file.sync()
                    }
                }
                try add("scan of the map", bench.rows) { try scan(file) }
                try add("one page and sync", 1) { try overwrite(file, pages: bytes / Self.page) }
                try bench.scratch.withPath("copy") { path in
                    let copy = try PlainFile(creating: path)
                    try add("copy and sync", bench.rows) {
                        try timed {
                            try copy.copy(file)
                            try copy.sync()
                        }
                    }
                }
            }
        }
    }

    private func add(_ work: String, _ count: Int, _ body: () throws -> Duration) throws {
        let subject = Subject(stage: .limits, work: work, who: Subject.machine)
        results.add(subject, try Meter().measure(count, body))
    }

    /// Reads the file row by row, as the stores' rows are read.
    private func scan(_ file: borrowing PlainFile) throws -> Duration {
        try file.withMap { map in
            // The first pass only makes the map's pages known to the process.
            var durations: [Duration] = []
            var sums: [Double] = []
            for _ in 0..<2 {
                var total = 0.0
                durations.append(
                    timed {
                        for start in stride(from: 0, to: map.count, by: bench.rowBytes) {
                            total += Double(sum(UnsafeRawBufferPointer(rebasing: map[start..<start + bench.rowBytes])))
                        }
                    }
                )
                sums.append(total)
            }
            guard sums[0] == sums[1] else { throw WrongSum() }
            return durations[1]
        }
    }

    /// The median time of overwriting one random page.
    private func overwrite(_ file: borrowing PlainFile, pages: Int) throws -> Duration {
        var random = SplitMix(seed: 1)
        let page = [UInt8](repeating: 8, count: Self.page)
        var seconds: [Double] = []
        for _ in 0..<Self.overwrites {
            let offset = Int.random(in: 0..<max(1, pages), using: &random) * Self.page
            let duration = try timed {
                try page.withUnsafeBytes { try file.write($0, at: offset) }
                try file.sync()
            }
            seconds.append(duration.seconds)
        }
        return .seconds(seconds.median)
    }
}

/// The rows that were read are not those that were put, so the measured times mean nothing.
struct WrongSum: Error, CustomStringConvertible {
    let description = "the rows that were read are not those that were written"
}
