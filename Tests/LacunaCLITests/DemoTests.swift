import Foundation
import TestSupport
import Testing

/// The tour, which is a script of the sample's.
@Suite(.timeLimit(.minutes(40))) struct DemoTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The tour makes its temporary directory in the test's.
    private func start() throws -> RunningProgram {
        try Program.lacuna.start(["demo"], environment: ["TMPDIR": directory.path])
    }

    private func expectNothingIsLeft() throws {
        #expect(try directory.names().isEmpty)
    }

    @Test func itGoesThroughACrash() throws {
        let run = try start().finish()
        #expect(run.status == 0 && run.error == "", "\(run.error)")
        let text = run.text
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
        #expect(run.lines.allSatisfy { $0.count <= 80 }, "\(run.lines.filter { $0.count > 80 })")
        #expect(!text.contains("\u{1B}"))
        try expectNothingIsLeft()
    }

    /// The pipe closes early, as in `lacuna demo | head -1`.
    @Test func itEndsSilentlyWhereNobodyReadsOn() throws {
        let tour = try start()
        try tour.read(1)
        try tour.closeOutput()
        let run = try tour.finish()
        #expect(run.error == "")
        #expect(run.wasKilled || run.status == 74)
        try expectNothingIsLeft()
    }
}
