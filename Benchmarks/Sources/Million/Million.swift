import Foundation
import Lacuna
import Measuring

/// Imports a million rows of 384 components, deletes every other one, and compacts, in a temporary directory.
///
/// Prints for each phase the seconds, the rate as a share of that of a plain sequential write of the same bytes in the
/// same run, and the largest amount of anonymous memory (RssAnon).
///
///     swift run --configuration release --package-path Benchmarks Million [ROWS] [DIMENSION]
@main
struct Million {
    let rows: Int
    let dimension: Int
    let scratch: Scratch

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        try Scratch.with(in: nil) { scratch in
            try Million(
                rows: arguments.first ?? 1_000_000,
                dimension: arguments.dropFirst().first ?? 384,
                scratch: scratch
            ).run()
        }
    }

    func run() throws {
        let bytes = Double(rows * dimension * 4)
        let plain = try timed { try writePlainly() }.seconds
        report("plain write and sync", plain, bytes, plain: plain, memory: nil)

        let store = try VectorStore<Int64>.create(
            at: scratch.path + "/million.lacuna",
            configuration: .init(dimension: dimension, metric: .euclidean)
        )
        try phase("import, 1,000 rows a batch", bytes, plain: plain) { try fill(store) }
        try phase("delete every other row", bytes / 2, plain: nil) {
            for first in stride(from: 0, to: rows, by: 2_000) {
                try store.delete(stride(from: first, to: min(first + 2_000, rows), by: 2).map { Int64($0) })
            }
        }
        try phase("compact by rewriting", bytes / 2, plain: plain / 2) {
            let result = try store.compact(.rewrite)
            precondition(result.liveRows == rows / 2)
        }

        let sound = try store.verify().isSound
        print("verify: \(sound ? "sound" : "DAMAGED")")
        try store.close()
    }

    private func fill(_ store: VectorStore<Int64>) throws {
        var random = SplitMix(seed: 1)
        for first in stride(from: 0, to: rows, by: 1_000) {
            try store.write { batch in
                for row in first..<min(first + 1_000, rows) {
                    let vector = (0..<dimension).map { _ in random.nextFloat() }
                    try batch.put(vector, for: Int64(row), metadataJSON: "{\"row\":\(row)}")
                }
            }
        }
    }

    /// The base of comparison: writes the same bytes in blocks of 4 MiB, and syncs them.
    private func writePlainly() throws {
        try scratch.withPath("plain") { path in
            _ = FileManager.default.createFile(atPath: path, contents: nil)
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            let block = Data(repeating: 7, count: 4 << 20)
            for _ in 0..<max(1, rows * dimension * 4 / block.count) { try file.write(contentsOf: block) }
            try file.synchronize()
        }
    }

    private func phase(_ name: String, _ bytes: Double, plain: Double?, _ body: () throws -> Void) throws {
        let (duration, memory) = try MemoryUse.during { try timed(body) }
        report(name, duration.seconds, bytes, plain: plain, memory: memory?.peak)
    }

    private func report(_ phase: String, _ seconds: Double, _ bytes: Double, plain: Double?, memory: Int64?) {
        let share = plain.map { String(format: "%3.0f %% of plain", $0 / seconds * 100) } ?? ""
        let anonymous = memory.map { "RssAnon \($0 >> 20) MiB" } ?? ""
        let name = phase.padding(toLength: 28, withPad: " ", startingAt: 0)
        print(name, String(format: "%8.2f s %8.0f MB/s", seconds, bytes / seconds / 1e6), share, anonymous)
    }
}
