import Foundation
import Lacuna
import Testing

/// Other processes open the store again and again, while this one commits and its log begins anew: each look at that log,
/// which is being written, must tell writing from rot.
@Suite(.timeLimit(.minutes(20))) struct ReopeningReadersTests {
    private static let opens = 150

    private func reader(_ path: String) throws -> (process: Process, output: Pipe) {
        let process = Process()
        let output = Pipe()
        process.executableURL = CommandLineRun.executable.deletingLastPathComponent()
            .appendingPathComponent("ReadingProcess")
        process.arguments = [path, "\(Self.opens)"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        return (process, output)
    }

    @Test func noFalseAlarm() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "s"
        let store = try VectorStore<Int64>.create(at: path, .init(dimension: 8, metric: .euclidean))
        try store.put([Float](repeating: 0, count: 8), for: 0, metadataJSON: "{\"stamp\":0}")
        let readers = try [reader(path), reader(path)]
        var commits = 0
        while readers.contains(where: \.process.isRunning) {
            commits += 1
            let vector = [Float](repeating: Float(commits), count: 8)
            try store.put(vector, for: 0, metadataJSON: "{\"stamp\":\(commits)}", replacing: true)
        }
        for reader in readers {
            let data = try reader.output.fileHandleForReading.readToEnd() ?? Data()
            let seen = try CommandLineRun.object(String(decoding: data, as: UTF8.self))
            #expect(seen["failure"] as? String == "")
            #expect(seen["opens"] as? Int ?? 0 >= Self.opens)
        }
    }
}
