import Foundation
import Lacuna
import TestSupport
import Testing

/// A page of `report`, read as simply as its markup allows.
struct ReportedPage {
    let markup: String

    init(_ data: Data) { markup = String(decoding: data, as: UTF8.self) }

    init(_ markup: String) { self.markup = markup }

    /// The text without tags, with one space in place of each white space.
    var text: String { Self.text(markup) }

    var title: String { markup.firstMatch(of: /<title>(.*?)<\/title>/).map { Self.text(String($0.1)) } ?? "" }

    /// The texts of the cells of all tables, row by row. The first cell of a row is its title without what is below it.
    var rows: [[String]] {
        markup.matches(of: /<tr>(.*?)<\/tr>/).map { row in
            String(row.1).matches(of: /<t[hd][^>]*>(.*?)<\/t[hd]>/).map { cell in
                Self.text(String(cell.1).replacing(/<small>.*?<\/small>/, with: ""))
            }
        }
    }

    func row(_ title: String) -> [String]? { rows.first { $0.first == title } }

    /// The number of cells of the map that have rows of a kind.
    func cells(_ kind: String) -> Int {
        markup.matches(of: /<path class="(\w+)" d="([^"]*)"\/>/).filter { $0.1 == kind }
            .reduce(0) { $0 + $1.2.count { $0 == "M" } }
    }

    /// The items of the list after a heading.
    func items(after heading: String) -> [String] {
        guard let start = markup.range(of: "<h3>\(heading)</h3>"),
            let end = markup[start.upperBound...].range(of: "</ul>")
        else { return [] }
        return markup[start.upperBound..<end.lowerBound].matches(of: /<li>(.*?)<\/li>/).map { Self.text(String($0.1)) }
    }

    /// The tags that the command doesn't write, and those that don't close each other.
    var strayTags: [String] {
        var open: [String] = []
        var stray: [String] = []
        for tag in markup.matches(of: /<(\/?)([A-Za-z!][A-Za-z0-9]*)([^<>]*)>/) {
            let name = String(tag.2)
            if !Self.known.contains(name) { stray.append(String(tag.0)) }
            if ["meta", "!DOCTYPE"].contains(name) || tag.3.hasSuffix("/") { continue }
            if tag.1.isEmpty {
                open.append(name)
            } else if open.popLast() != name {
                stray.append(String(tag.0))
            }
        }
        // Each `<` and `>` belongs to a tag.
        let rest = markup.replacing(/<style>[\s\S]*?<\/style>/, with: "").replacing(/<[^<>]*>/, with: "")
        return stray + open + (rest.contains { $0 == "<" || $0 == ">" } ? ["a stray angle bracket"] : [])
    }

    private static let known: Set<String> = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2",
        "h3", "p", "bdi", "code", "pre", "time", "small", "span", "strong", "dl", "div", "dt", "dd", "ul", "li",
        "figure", "figcaption", "svg", "desc", "rect", "path", "table", "caption", "thead", "tbody", "tr", "th", "td",
        "details", "summary",
    ]

    private static func text(_ markup: String) -> String {
        let text = markup.replacing(/<style>[\s\S]*?<\/style>/, with: "").replacing(/<[^<>]*>/, with: " ")
            .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ").replacing(" :", with: ":")
    }
}

/// A store whose names and texts look like markup, wherever the page shows one.
enum HostileTexts {
    private static let name = #"<b>&"'; <img src=x onerror=alert(1)>"#
    private static let model = "</title><script>alert(2)</script>"
    private static let id = "</bdi></li><script>alert(3)</script>"
    private static let table = "<script>alert(4)</script>"
    private static let error = "</div></td><script>alert(5)</script>"
    private static let state = "<u onclick=alert(6)>"
    private static let strategy = "</table><style>*{display:none}</style>"

    /// The texts that the page must show as they are.
    static let shown = [name, model, id, table, error, state, strategy]

    static func store(_ directory: TemporaryDirectory) throws -> String {
        let store = directory / name
        try succeed("create", store, "--dimension", "3", "--ids", "text", "--model", model)
        for id in [id, "turned \u{202E}txt.exe", "\u{1B}[31mred"] {
            try succeed("put", store, "--metadata", #"{"a": 1}"#, "--", id, input: "[1, 2, 3]")
        }
        try succeed("index", store, "add", "a")
        let connection = try Connection(store + "/index.sqlite", .readWrite)
        connection.checkpointsOnClose(true)
        try connection.run("CREATE TABLE \"\(table)\" (\"</pre></details>\")")
        // The numbers can't be added, subtracted or negated.
        for numbers in ["9223372036854775807, 0", "-9223372036854775807 - 1, 9223372036854775807"] {
            try connection.run(
                """
                INSERT INTO compaction_journal (strategy, state, source_generation, source_file, rows_live,
                allocated_before, allocated_after, ended_at, error)
                VALUES (?, ?, 1, 'f', 9223372036854775807, \(numbers), '9999-12-31T23:59:59.999Z', ?)
                """,
                [.text(strategy), .text(state), .text(error)]
            )
        }
        for row in 0..<3 { try directory.flip("\(name)/vectors-1.f32", at: UInt64(4_096 + 12 * row)) }
        return store
    }
}
