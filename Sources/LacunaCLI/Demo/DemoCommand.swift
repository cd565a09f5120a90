import ArgumentParser
import Foundation
import Lacuna
import LacunaFormats

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "A tour on the sample: fill, search, delete, crash, recover, compact.",
        discussion: "Works in a temporary directory, which it removes. Every step is a command you could type."
    )

    @Option(help: ArgumentHelp("The directory of the sample.", valueName: "dir"))
    var sample = "Examples/packages"

    /// The queries that the tour asks, by their words in queries.jsonl.
    private static let query = "monitor cpu and memory usage"
    private static let filteredQuery = "image viewer for photos"

    func run() throws {
        let queries = try readQueries()
        let tour = try Tour(sample: sample)
        defer { tour.leave() }
        try fill(tour)
        try search(tour, queries)
        try delete(tour)
        try crash(tour)
        try finish(tour)
    }

    private func fill(_ tour: Tour) throws {
        try tour.heading("A store, and 1,000 Debian packages with the embeddings of their descriptions")
        try tour.lacuna("create", "packages.lacuna", "--dimension", "384")
        try tour.lacuna(
            "import",
            "packages.lacuna",
            "Examples/packages/sample.npy",
            "--metadata",
            "Examples/packages/sample.jsonl"
        )
    }

    private func search(_ tour: Tour, _ queries: [String]) throws {
        try tour.heading("What is nearest in meaning to “\(Self.query)”?")
        try tour.lacuna(
            "search",
            "packages.lacuna",
            "--vector",
            "Examples/packages/queries.npy",
            "--row",
            String(queries.firstIndex(of: Self.query) ?? 0),
            "-k",
            "5"
        )
        try tour.heading("“\(Self.filteredQuery)”, but small: the filter comes before the nearest are chosen")
        try tour.lacuna(
            "search",
            "packages.lacuna",
            "--vector",
            "Examples/packages/queries.npy",
            "--row",
            String(queries.firstIndex(of: Self.filteredQuery) ?? 0),
            "-k",
            "3",
            "--where",
            "metadata ->> 'installed_kib' < 500"
        )
    }

    private func delete(_ tour: Tour) throws {
        try tour.heading("Deleting 40 % leaves gaps")
        try tour.lacuna("delete", "packages.lacuna", "--where", "id % 5 < 2")
        try tour.lacuna("stats", "packages.lacuna")
        try tour.lacuna("map", "packages.lacuna")
        try query(tour, "SELECT * FROM dead_ranges LIMIT 5")
    }

    private func crash(_ tour: Tour) throws {
        try tour.heading("A compaction that is killed half way, by a real SIGKILL")
        try tour.note("the copy's file system kills the process after half of the new file's bytes")
        try tour.lacuna("demo-crash", "packages.lacuna", expecting: .killed)
        try tour.command(["ls", "-l", "packages.lacuna"])
        try tour.heading("The old file is whole, the journal knows: recovery drops the half copy")
        try tour.lacuna("recover", "packages.lacuna")
    }

    private func finish(_ tour: Tour) throws {
        try tour.heading("Compacting again, to the end")
        try tour.lacuna("compact", "packages.lacuna", "--strategy", "rewrite")
        try tour.lacuna("map", "packages.lacuna")
        try tour.lacuna("verify", "packages.lacuna")
        try tour.heading("It is all there for the stock sqlite3 shell")
        try query(tour, "SELECT * FROM space")
        try query(tour, "SELECT id, strategy, state, rows_moved, bytes_freed, error FROM compaction_history")
        try query(tour, "SELECT * FROM vector_index LIMIT 3")
    }

    private func query(_ tour: Tour, _ sql: String) throws {
        guard tour.hasProgram("sqlite3") else { return try tour.note("sqlite3 is not installed: \(sql) is left out") }
        try tour.command(["sqlite3", "-readonly", "-header", "-column", "packages.lacuna/index.sqlite", sql])
    }

    private func readQueries() throws -> [String] {
        let path = sample + "/queries.jsonl"
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandError(
                .noInput,
                "there is no \(path); run this in a clone of Lacuna, or name the sample with --sample"
            )
        }
        let lines = try JSONLinesReader(path: path)
        var texts: [String] = []
        while let object = try lines.next() {
            guard let value = try object.member(named: "text")?.rawValue,
                case .string(let text) = try JSONScalar(parsing: value)
            else { throw CommandError.badData("\(lines.location): no text; use the sample that ships with Lacuna") }
            texts.append(text)
        }
        return texts
    }
}
