import Foundation
import Lacuna
import TestSupport
import Testing

/// Other processes open the store again and again, while this one commits and its log begins anew. Each opening checks
/// a log that is being written, and must not take writing for damage.
@Suite(.timeLimit(.minutes(40))) struct ReopeningReadersTests {
    private static let opens = 150

    @Test func noFalseAlarm() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "s"
        let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 8, metric: .euclidean))
        func put(_ stamp: Int) throws { try StampedRows.put(stamp, count: 1, dimension: 8, store) }
        try put(0)
        let readers = try (0..<2).map { _ in try Program.readingProcess.start([path, "\(Self.opens)"]) }
        var commits = 0
        while readers.contains(where: \.isRunning) {
            commits += 1
            try put(commits)
        }
        for reader in readers {
            let seen = try reader.finish().json()
            #expect(seen["failure"] as? String == "")
            #expect(seen["opens"] as? Int ?? 0 >= Self.opens)
        }
    }
}
