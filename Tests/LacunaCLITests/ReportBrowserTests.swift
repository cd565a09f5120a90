import Foundation
import TestSupport
import Testing

/// Opens the page of `report` in a browser, and reads what is there.
@Suite(.timeLimit(.minutes(40)), .enabled(if: Program.chromium.isInstalled, "there is no chromium"))
struct ReportBrowserTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The document as the browser has it after it has run everything that it would run.
    private func open(_ page: String) throws -> ReportedPage {
        let run = try Program.chromium.run([
            "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + directory / "profile", "--dump-dom",
            URL(fileURLWithPath: directory / page).absoluteString,
        ])
        #expect(run.status == 0, "\(run.error)")
        return ReportedPage(run.text)
    }

    @Test func aBrowserShowsTheFigures() throws {
        let store = try Fixture.sampleStore(directory)
        try succeed("delete", store, "--where", "id % 5 < 2")
        try succeed("compact", store, "--strategy", "in-place")
        try succeed("report", store, "--html", directory / "report.html", "--verify")
        let page = try open("report.html")
        #expect(page.title == "packages – a report of Lacuna")
        #expect(page.row("Live rows")?[1] == "921.6 kB", "\(page.markup)")
        #expect(page.rows.contains { $0.count == 10 && $0[1] == "in-place" && $0[9] == "finished" })
        #expect(page.text.contains("Sound: 600 rows and all metadata were read."))
        // Each picture has a title, each table a caption, and each section a heading, for those who can't see them.
        let pictures = page.markup.components(separatedBy: "<svg").dropFirst()
        #expect(pictures.count == 3 && pictures.allSatisfy { $0.contains("role=\"img\"") && $0.contains("<title") })
        let tables = page.markup.components(separatedBy: "<table").dropFirst()
        #expect(!tables.isEmpty && tables.allSatisfy { $0.hasPrefix(">\n<caption>") })
        #expect(page.markup.components(separatedBy: "<section").dropFirst().allSatisfy { $0.contains("<h2") })
    }

    /// Markup in a store's texts would become elements here, and scripts would change the title.
    @Test func aBrowserRunsNoTextOfAStore() throws {
        let store = try HostileTexts.store(directory)
        try fail(1, "report", store, "--html", directory / "report.html", "--verify")
        let page = try open("report.html")
        #expect(page.strayTags.filter { !$0.hasPrefix("<rect") && !$0.hasPrefix("</") } == [], "\(page.strayTags)")
        for text in HostileTexts.shown { #expect(page.text.contains(text), "\(text)") }
    }
}

extension Program {
    fileprivate static let chromium = Program("chromium")
}
