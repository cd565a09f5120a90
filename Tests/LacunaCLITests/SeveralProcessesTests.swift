import Foundation
import Lacuna
import Testing

/// Two processes that keep the store open read, while a third one, this, writes and compacts.
@Suite(.timeLimit(.minutes(20))) struct SeveralProcessesTests {
    private static let dimension = 1_024
    private static let rows: Int64 = 24

    private struct Reader {
        let process = Process()
        let input = Pipe()
        let output = Pipe()

        init(_ path: String) throws {
            process.executableURL = CommandLineRun.executable.deletingLastPathComponent()
                .appendingPathComponent("ReadingProcess")
            process.arguments = [path]
            process.standardInput = input
            process.standardOutput = output
            try process.run()
        }

        /// Waits for one read more than was waited for before.
        func awaitRead() {
            #expect(String(decoding: output.fileHandleForReading.readData(ofLength: 2), as: UTF8.self) == ".\n")
        }

        func finish() throws -> [String: Any] {
            try input.fileHandleForWriting.close()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
            return try CommandLineRun.object(String(try #require(lines.last)))
        }
    }

    private static func write(_ stamp: Int, _ store: VectorStore<Int64>) throws {
        let vector = [Float](repeating: Float(stamp), count: dimension)
        try store.write { batch in
            for id in 0..<rows {
                try batch.put(vector, for: id, metadataJSON: "{\"stamp\":\(stamp)}", replacing: true)
            }
        }
    }

    @Test func twoReadWhileAThirdWritesAndCompacts() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "s"
        let store = try VectorStore<Int64>.create(at: path, .init(dimension: Self.dimension, metric: .euclidean))
        try Self.write(1, store)
        let readers = try [Reader(path), Reader(path)]
        var strategies: [CompactionStrategy] = []
        for round in 0..<24 {
            for reader in readers { reader.awaitRead() }
            try Self.write(round + 2, store)
            // Scattered gaps, and runs of them.
            try store.delete((0..<Self.rows).filter { round % 2 == 0 ? $0 % 2 == 0 : $0 < 8 })
            let report = try store.compact([.rewrite, .inPlace, .punch, .auto][round % 4])
            if let strategy = report.strategy { strategies.append(strategy) }
        }
        #expect(Set(strategies).isSuperset(of: [.rewrite, .inPlace, .punch]), "\(strategies)")
        let generation = try store.info.generation
        for reader in readers {
            let seen = try reader.finish()
            #expect(seen["failure"] as? String == "")
            #expect(try #require(seen["reads"] as? Int) >= 24)
            #expect(try #require(seen["stamps"] as? Int) > 1)
            let generations = try #require(seen["generations"] as? Int)
            #expect(generations > 1 && generations <= Int(generation))
        }
        #expect(try store.verify().isSound)
    }
}
