import ArgumentParser
import Lacuna

/// Arguments that say which rows a search finds, beside the query, the number and the filter.
struct SearchArguments: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Find only rows within this distance.", valueName: "distance")
    )
    var radius: Double?

    @Option(
        help: ArgumentHelp("Search among the rows of these ids, one on each line of the file.", valueName: "file"),
        completion: .file()
    )
    var among: String?

    @Option(help: ArgumentHelp("Go on after the match with this cursor (a key of --json).", valueName: "cursor"))
    var after: String?

    @Option(
        help: ArgumentHelp(
            "Find only the nearest row of each value of this metadata field; a dot leads into an object.",
            valueName: "field"
        )
    )
    var distinct: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of threads; all cores by default.", valueName: "n"))
    var threads: Int?

    /// Whether the arguments may leave rows out.
    var areRestricting: Bool { !words.isEmpty }

    /// What to do if they leave out every row.
    var words: [String] {
        [
            radius.map { _ in "a larger --radius" }, among.map { _ in "more ids in the file of --among" },
            after.map { _ in "no --after: the cursor may be the last one" },
        ].compactMap(\.self)
    }

    func check() throws {
        if let radius, !radius.isFinite {
            throw CommandError.usage(
                "--radius \(radius) is not a finite number",
                remedy: "leave it out for any distance"
            )
        }
        if let after { _ = try SearchCursor(after) }
        if let threads, threads < 1 {
            throw CommandError.usage("--threads \(threads) is out of range", remedy: "use at least one")
        }
    }

    func options<ID: CommandID>() throws -> SearchOptions<ID> {
        var ids: IDList<ID>?
        if let among {
            var list = IDList<ID>()
            try list.add([], file: among)
            ids = list
        }
        return SearchOptions(
            radius: radius,
            among: ids?.ids,
            after: try after.map(SearchCursor.init),
            distinct: distinct.map { name in
                DistinctField(keys: name.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
            },
            threads: threads
        )
    }
}
