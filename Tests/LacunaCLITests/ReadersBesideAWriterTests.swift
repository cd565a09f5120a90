import Dispatch
import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Other processes read while this one writes, rewrites and punches. Each of them sees one whole commit.
@Suite struct ReadersBesideAWriterTests {
    /// Rows of 4 KiB, so that punching a single one frees a block.
    private static let dimension = 1_024
    private static let rows = 24
    private static let rounds = 8

    /// Every row of a commit carries the commit's number, in the vector and in the metadata.
    private static func write(_ stamp: Int, _ store: VectorStore<Int64>) throws {
        try StampedRows.put(stamp, count: Int64(rows), dimension: dimension, store)
    }

    @Test func eachProcessSeesOneCommit() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "s"
        let store = try VectorStore<Int64>.create(
            at: path,
            configuration: .init(dimension: Self.dimension, metric: .euclidean)
        )
        try Self.write(1, store)
        let outcome = Guarded<Result<[ProgramRun], any Error>?>(nil)
        let reading = DispatchGroup()
        DispatchQueue.global().async(group: reading) {
            let runs = Result {
                try (0..<Self.rounds).flatMap { round in
                    [
                        try lacuna(["export", path, directory / "\(round).jsonl"]),
                        try lacuna(["verify", path, "--json"]),
                        try lacuna(["search", path, "--like", "3", "-k", "5", "--json"]),
                    ]
                }
            }
            outcome.withLock { $0 = runs }
        }
        var stamp = 1
        while reading.wait(timeout: .now()) == .timedOut {
            stamp += 1
            try Self.write(stamp, store)
            if stamp % 3 == 0 { try store.compact(.rewrite) } else { try store.compact(.punch) }
        }
        for run in try #require(outcome.withLock { $0 }).get() { #expect(run.status == 0, "\(run.error)") }
        for round in 0..<Self.rounds {
            let lines = String(decoding: try directory.read("\(round).jsonl"), as: UTF8.self).split(separator: "\n")
            #expect(lines.count == Self.rows)
            let seen = try lines.map { line -> Set<Double> in
                let row = try jsonObject(String(line))
                let vector = try #require(row["vector"] as? [Double])
                let metadata = try #require(row["metadata"] as? [String: Int])
                return Set(vector).union([Double(try #require(metadata["stamp"]))])
            }
            #expect(Set(seen).count == 1 && seen[0].count == 1, "more than one commit: \(Set(seen))")
        }
        #expect(try store.verify().isSound)
    }
}
