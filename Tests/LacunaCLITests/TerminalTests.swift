import Foundation
import TestSupport
import Testing

@testable import LacunaCLI

/// What people see: aligned lines that fit their terminal, and whole ones in a pipe.
@Suite struct TerminalTests {
    private let directory: TemporaryDirectory
    private let store: String

    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        try succeed("create", store, "--dimension", "2")
        let long = String(repeating: "very long text, ", count: 300)
        let rows = [
            #"{"id":1,"vector":[1,0],"metadata":{"name":"日本語の名前","note":"\#(long)","size":{"kib":5}}}"#,
            #"{"id":2,"vector":[1,1],"metadata":{"name":"a\u001b[31m\u0007\n\u202eb","size":{"kib":12345}}}"#,
            #"{"id":300,"vector":[1,2],"metadata":{"name":"plain","size.kib":1}}"#, #"{"id":4,"vector":[1,3]}"#,
        ]
        let file = try directory.write("rows.jsonl", rows.joined(separator: "\n"))
        try succeed("import", store, file)
    }

    @Test(arguments: [20, 80, 200]) func aLineFitsTheTerminal(_ columns: Int) throws {
        for words in [
            ["search", store, "--like", "4"], ["search", store, "--like", "4", "--columns", "name,note,size.kib"],
            ["list", store], ["list", store, "--columns", "note,name"], ["get", store, "1", "2", "--columns", "note"],
        ] {
            let run = try Program.lacuna.runOnTerminal(words, columns: columns, environment: ["NO_COLOR": "1"])
            #expect(run.status == 0, "\(run.text)")
            #expect(!run.text.contains("\u{1B}") && !run.text.contains("\u{7}") && !run.text.contains("\u{202E}"))
            let lines = run.text.split(separator: "\n")
            #expect(lines.count >= 3 && lines.count <= 5, "\(run.text)")
            #expect(lines.allSatisfy { $0.columns <= columns }, "\(run.text)")
            #expect(run.text.contains("…"))
        }
    }

    @Test func aPipeGetsWholeRows() throws {
        let lines = try succeed("list", store, "--columns", "name,size.kib,note").lines
        let escaped = #"a\u{1b}[31m\u{7}\u{a}\u{202e}b"#
        #expect(lines[0] == " id  \("name".padded(escaped.count))  size.kib  note")
        #expect(lines[1].hasPrefix("  1  \("日本語の名前".padded(escaped.count))         5  very long text, very"))
        #expect(lines[1].columns > 4_000)
        #expect(lines[2] == "  2  \(escaped)     12345  ")
        #expect(try succeed("list", store).lines[3].hasSuffix("300  name: plain, size.kib: 1"))
    }

    @Test func aNameWithADotIsInQuotes() throws {
        #expect(try succeed("get", store, "300", "--columns", #""size.kib""#).lines[1] == "300           1")
    }

    @Test func aFieldThatNoRowHasIsNoted() throws {
        let run = try succeed("list", store, "--columns", "nmae,name")
        #expect(run.error == "note: none of these rows has the field `nmae`; did you mean `name`?\n")
    }

    @Test func coloursAreForTerminals() throws {
        let words = ["stats", store]
        #expect(
            try Program.lacuna.runOnTerminal(words, columns: 80, environment: ["NO_COLOR": ""]).text.contains("\u{1B}[")
        )
        let plain = try Program.lacuna.runOnTerminal(words, columns: 80, environment: ["NO_COLOR": "1"])
        #expect(!plain.text.contains("\u{1B}"))
        #expect(try !succeed(words).text.contains("\u{1B}"))
    }

    @Test(arguments: [40, 80, 200]) func theMapFitsTheTerminal(_ columns: Int) throws {
        let sample = try Fixture.sampleStore(directory)
        try succeed("delete", sample, "--where", "id % 3 = 0 OR id > 800")
        for words in [["map", sample], ["stats", sample], ["compact", sample, "--dry-run"]] {
            let run = try Program.lacuna.runOnTerminal(words, columns: columns, environment: ["NO_COLOR": "1"])
            let legend = columns < 80 ? 2 : 0
            let long = run.text.split(separator: "\n").filter { $0.columns > columns }
            #expect(words[0] == "map" ? long.count <= legend : columns < 80 || long.isEmpty, "\(long)")
        }
    }

    @Test func widthsAreShared() {
        #expect(Table.widths([4, 8, 3], in: 15) == [4, 8, 3])
        #expect(Table.widths([4, 100, 3], in: 20) == [4, 13, 3])
        #expect(Table.widths([4, 100, 90], in: 25) == [4, 11, 10])
        #expect(Table.widths([50, 50, 50], in: 2) == [1, 1, 0])
    }

    @Test(arguments: [
        ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤\u{FE0F}", 2), ("한", 2), ("ｱ", 1), ("Ａ", 2),
        ("…", 1),
    ])
    func columns(_ text: String, _ columns: Int) {
        #expect(text.columns == columns)
    }

    @Test func aCutTextFits() {
        #expect("abcdef".cut(6) == "abcdef")
        #expect("abcdefg".cut(6) == "abcde…")
        #expect("日本語".cut(4) == "日…")
        #expect("日本語".cut(5) == "日本…")
        #expect("abc".cut(0) == "")
    }

    @Test func theProgressBarFits() {
        let line = ProgressBar.line("importing", 42_000, of: 100_000, rate: 1_000, width: 80)
        #expect(line == "importing █████████░░░░░░░░░░░░░░   42 %  42,000 of 100,000  1,000/s  58 s left")
        for width in 10...200 {
            #expect(ProgressBar.line("compacting", 5_000_000, of: 9_000_000, rate: 12, width: width).columns < width)
        }
        #expect(ProgressBar.timeText(59.2) == "1:00 min")
        #expect(ProgressBar.timeText(3_725) == "1:02 h")
    }

    @Test func theOccupancyBarIsFull() {
        #expect(OccupancyBar.columns([50, 25, 25], in: 40) == [20, 10, 10])
        #expect(OccupancyBar.columns([1_000_000, 1, 0], in: 40) == [39, 1, 0])
        #expect(OccupancyBar.columns([0, 0, 0], in: 40) == [0, 0, 0])
        #expect(OccupancyBar.columns([7, 7, 7], in: 40).reduce(0, +) == 40)
    }
}
