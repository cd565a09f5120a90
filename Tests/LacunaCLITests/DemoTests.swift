import Foundation
import Testing

/// The tour, which is a script of the sample's.
@Suite(.timeLimit(.minutes(20))) struct DemoTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Its temporary directory is made in the test's.
    private func tour() -> Process {
        let process = CommandLineRun.process(["demo"])
        process.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": directory.path]) { $1 }
        return process
    }

    private func expectNothingIsLeft() throws {
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test func itGoesThroughACrash() throws {
        let process = tour()
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(message == "")
        let expected = [
            "$ lacuna create packages.lacuna", "imported 1,000 rows", "tuxpaint", "deleted 400 rows",
            "1,000 rows: 600 live, 400 dead", "Killed", "vectors-2.f32", "recovered", "the unfinished copy",
            "given back", "600 rows: 600 live, 0 dead", "sound: 600 rows read",
        ]
        var rest = text[...]
        for words in expected {
            guard let found = rest.range(of: words) else {
                Issue.record("not found in its place: \(words)\n\(text)")
                return
            }
            rest = rest[found.upperBound...]
        }
        // The width of a terminal, and no colour where there is none.
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.filter { $0.count > 80 })")
        #expect(!text.contains("\u{1B}"))
        try expectNothingIsLeft()
    }

    /// As by `lacuna demo | head -1`.
    @Test func itEndsSilentlyWhereNobodyReadsOn() throws {
        let process = tour()
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        _ = try #require(try output.fileHandleForReading.read(upToCount: 1))
        try output.fileHandleForReading.close()
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(message == "")
        #expect(process.terminationReason == .uncaughtSignal || process.terminationStatus == 74)
        try expectNothingIsLeft()
    }
}
