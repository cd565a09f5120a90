import Foundation
import Lacuna

/// Imports a million rows of 384 components, searches, deletes every other one, and compacts, in a temporary directory.
///
/// Prints seconds, the rate as a share of what a plain sequential write of the same bytes does in the same run, and the
/// most anonymous memory (RssAnon) seen in each phase.
///
///     swift run --configuration release --package-path Benchmarks Million [ROWS] [DIMENSION]
@main
struct Million {
    let rows: Int
    let dimension: Int
    let directory: String

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let directory = NSTemporaryDirectory() + "lacuna-million-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Million(
            rows: arguments.first ?? 1_000_000,
            dimension: arguments.dropFirst().first ?? 384,
            directory: directory
        ).run()
    }

    func run() throws {
        var memory = PeakMemory()
        let bytes = Double(rows * dimension * 4)
        let plain = try secondsToWritePlainly()
        report("plain write and sync", plain, bytes, plain: plain, memory: nil)

        let store = try VectorStore<Int64>.create(
            at: directory + "/million.lacuna",
            .init(dimension: dimension, metric: .euclidean)
        )
        var seconds = try timed {
            var random = SplitMix(state: 1)
            for first in stride(from: 0, to: rows, by: 1_000) {
                try store.write { batch in
                    for row in first..<min(first + 1_000, rows) {
                        let vector = (0..<dimension).map { _ in random.nextFloat() }
                        try batch.put(vector, for: Int64(row), metadataJSON: "{\"row\":\(row)}")
                    }
                }
                memory.sample()
            }
        }
        report("import, 1,000 rows a batch", seconds, bytes, plain: plain, memory: memory.take())

        seconds = try timed {
            for first in stride(from: 0, to: rows, by: 2_000) {
                try store.delete(stride(from: first, to: min(first + 2_000, rows), by: 2).map { Int64($0) })
                memory.sample()
            }
        }
        report("delete every other row", seconds, bytes / 2, plain: nil, memory: memory.take())

        seconds = try timed {
            let sampler = MemorySampler()
            let result = try store.compact(.rewrite) { _ in sampler.sample() }
            sampler.sample()
            memory = sampler.peak
            precondition(result.liveRows == rows / 2)
        }
        report("compact by rewriting", seconds, bytes / 2, plain: plain / 2, memory: memory.take())

        let sound = try store.verify().isSound
        print("verify: \(sound ? "sound" : "DAMAGED")")
        try store.close()
    }

    /// The limit: the same bytes written by 4 MiB and synced.
    private func secondsToWritePlainly() throws -> Double {
        let path = directory + "/plain"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        let block = Data(repeating: 7, count: 4 << 20)
        let seconds = try timed {
            for _ in 0..<max(1, rows * dimension * 4 / block.count) { try file.write(contentsOf: block) }
            try file.synchronize()
        }
        try FileManager.default.removeItem(atPath: path)
        return seconds
    }

    private func report(_ phase: String, _ seconds: Double, _ bytes: Double, plain: Double?, memory: Int?) {
        let share = plain.map { String(format: "%3.0f %% of plain", $0 / seconds * 100) } ?? ""
        let anonymous = memory.map { "RssAnon \($0) MiB" } ?? ""
        let name = phase.padding(toLength: 28, withPad: " ", startingAt: 0)
        print(name, String(format: "%8.2f s %8.0f MB/s", seconds, bytes / seconds / 1e6), share, anonymous)
    }

    private func timed(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let duration = try clock.measure(body)
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}

/// The most anonymous memory seen, from /proc.
struct PeakMemory {
    private var kibibytes = 0

    mutating func sample() {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
            let value = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        else { return }
        kibibytes = max(kibibytes, Int(value) ?? 0)
    }

    /// MiB since the last call.
    mutating func take() -> Int {
        defer { kibibytes = 0 }
        return kibibytes / 1_024
    }
}

/// A sampler that a progress closure can hold.
final class MemorySampler {
    private(set) var peak = PeakMemory()
    func sample() { peak.sample() }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct SplitMix {
    var state: UInt64

    mutating func nextFloat() -> Float {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Float(Int64(bitPattern: z ^ (z >> 31)) >> 40) * 0x1p-23
    }
}
