import Foundation
import Lacuna
import TestSupport
import Testing

@testable import LacunaCLI

/// The page of `report`: its figures, the harmlessness of texts from a store, and the file that it may replace.
@Suite(.timeLimit(.minutes(40))) struct ReportTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func report(_ store: String, _ more: String...) throws -> ReportedPage {
        try succeed(["report", store, "--html", directory / "report.html"] + more)
        return try ReportedPage(directory.read("report.html"))
    }

    // MARK: Figures

    @Test func itHasTheFiguresOfTheStore() throws {
        let store = try Fixture.sampleStore(directory)
        try succeed("delete", store, "--where", "id % 5 < 2")
        let before = try report(store)
        // A row has 384 × 4 bytes, and each of the 1,000 slots has a cell of its own.
        #expect(before.title == "packages – a report of Lacuna")
        #expect(before.row("Live rows")?[1] == "921.6 kB", "\(before.markup)")
        #expect(before.row("Dead rows")?[1] == "614.4 kB")
        #expect(before.row("Dead rows, given back") == nil)
        #expect(before.text.contains("Dead rows 40.0 % of the rows in the file"))
        #expect(before.cells("live") == 600 && before.cells("dead") == 400 && before.cells("released") == 0)
        #expect(before.text.contains("The store was never compacted."))
        #expect(before.text.contains("not verified"))

        let compaction = try succeed("compact", store, "--strategy", "rewrite", "--json").json()
        try succeed("index", store, "add", "section")
        try succeed("index", store, "add", "--text", "summary")
        try succeed("accelerate", store)
        let json = try succeed("report", store, "--html", directory / "report.html", "--verify", "--json").json()
        let page = try directory.read("report.html")
        #expect(json["bytes"] as? Int == page.count)
        let after = ReportedPage(page)
        #expect(after.cells("live") == 600 && after.cells("dead") == 0)
        #expect(after.row("Dead rows") == nil)
        let written = try #require(compaction["bytes_written"] as? Double)
        let history = try #require(after.rows.first { $0.count == 10 && $0[1] == "rewrite" })
        #expect(history[2] == "600" && history[3] == "600" && history[9] == "finished")
        #expect(history[4] == byteText(Int64(written)))
        #expect(after.row("field_section")?[1...] == ["values", "section", "600"])
        #expect(after.row("metadata_words")?[1...] == ["words", "summary", "600"])
        // Codes are made for whole groups of 256 slots.
        #expect(after.rows.contains { $0.count == 5 && $0[1] == "codes" && $0[2] == "512" && $0[4] == "in use" })
        #expect(after.text.contains("Sound: 600 rows and all metadata were read."))
        #expect(after.text.contains("CREATE TABLE compaction_journal"))
    }

    @Test func anEmptyStore() throws {
        try succeed("create", directory / "empty", "--dimension", "3")
        let page = try report(directory / "empty", "--verify")
        #expect(page.text.contains("The data file has no rows yet."))
        #expect(page.text.contains("Sound: 0 rows"))
    }

    /// More compactions than the plot has bars.
    @Test func aLongHistory() throws {
        let store = try Fixture.store(directory, 3)
        for _ in 0..<45 {
            try succeed("put", store, "1", "--replace", input: "[1, 2, 3]")
            try succeed("compact", store, "--strategy", "rewrite")
        }
        let page = try report(store)
        #expect(page.rows.count { $0.count == 10 && $0[9] == "finished" } == 45)
        #expect(page.text.contains("before and after 40 compactions"))
    }

    // MARK: Damage

    @Test func itListsDamagedIDs() throws {
        let store = try Fixture.store(directory, 20)
        // A row has 12 bytes, after the header's 4,096.
        for id in [3, 17] { try directory.flip("s/vectors-1.f32", at: UInt64(4_096 + (id - 1) * 12)) }
        _ = try report(store)
        let run = try fail(1, "report", store, "--html", directory / "report.html", "--verify", "--json")
        let page = try ReportedPage(directory.read("report.html"))
        #expect(try run.json()["bytes"] as? Int == page.markup.utf8.count)
        #expect(page.items(after: "The row doesn’t match its checksum: 2 ids") == ["3", "17"], "\(page.markup)")
        #expect(page.text.contains("Condition damaged"))
    }

    /// The rows that the index names are outside of the file, so that the space can't be measured.
    @Test func aPartThatCannotBeRead() throws {
        let store = try Fixture.store(directory, 20)
        let connection = try Connection(store + "/index.sqlite", .readWrite)
        connection.checkpointsOnClose(true)
        try connection.run("UPDATE vectors SET slot = 1000000 WHERE id = 7")
        try fail(76, "report", store, "--html", directory / "report.html", saying: "report.html")
        let page = try ReportedPage(directory.read("report.html"))
        #expect(page.text.contains("This part can’t be read: "))
        #expect(page.text.contains("Indexes on metadata"))
        try fail(1, "report", store, "--html", directory / "report.html", "--verify")
        let verified = try ReportedPage(directory.read("report.html"))
        #expect(verified.items(after: "The row lies outside of the data file: 1 id") == ["7"])
    }

    // MARK: Texts from a store

    @Test func noTextOfAStoreBecomesMarkup() throws {
        let store = try HostileTexts.store(directory)
        try fail(1, "report", store, "--html", directory / "report.html", "--verify")
        let page = try ReportedPage(directory.read("report.html"))
        #expect(page.strayTags == [], "\(page.strayTags)")
        for text in HostileTexts.shown { #expect(page.text.contains(text), "\(text)") }
        // The characters that turn the direction, and those that HTML doesn't allow, are shown by their numbers.
        #expect(!page.markup.unicodeScalars.contains { "\u{202E}\u{0}\u{1B}\r".unicodeScalars.contains($0) })
        #expect(page.text.contains(#"\u{202e}"#) && page.text.contains(#"\u{1b}"#))
    }

    @Test func itNeedsNothingFromElsewhere() throws {
        let page = try report(try Fixture.store(directory, 3))
        for word in ["<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "//", "onload"] {
            #expect(!page.markup.contains(word), "\(word)")
        }
    }

    // MARK: The file

    @Test func itReplacesOnlyAReport() throws {
        let store = try Fixture.store(directory, 3)
        for text in ["notes", "<!DOCTYPE html>\n<html lang=\"en\">\n", "\u{FEFF}\u{FEFF}"] {
            let file = try directory.write("mine.html", text)
            try fail(73, "report", store, "--html", file, saying: "no `lacuna report` has written it")
            #expect(try directory.read("mine.html") == Data(text.utf8))
        }
        try fail(73, "report", store, "--html", directory.path)
        // `mktemp` makes an empty file.
        try succeed("report", store, "--html", try directory.write("report.html", ""))
        let first = try directory.read("report.html")
        try succeed("put", store, "100", input: "[1, 2, 3]")
        try succeed("report", store, "--html", directory / "report.html")
        #expect(try directory.read("report.html") != first)
        #expect(try directory.names().filter { $0.hasSuffix("-partial") }.isEmpty)
    }

    @Test func itTouchesNothingInTheStore() throws {
        let store = try Fixture.store(directory, 3)
        // Reading by SQLite makes the log and its shared memory.
        func names() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: store))
                .subtracting(["index.sqlite-wal", "index.sqlite-shm"])
        }
        let before = try names()
        try fail(64, "report", store, "--html", store + "/report.html", saying: "lies in the store's directory")
        try fail(64, "report", store)
        _ = try report(store)
        #expect(try names() == before)
        try fail(73, "report", store, "--html", directory / "nowhere/report.html")
    }
}
