import ArgumentParser
import Lacuna
import LacunaFormats

struct SearchCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the nearest rows.",
        discussion:
            "The query is a row of the store, the rows of a .npy file, or by default a JSON array on standard input."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Option(help: ArgumentHelp("Find rows near this row; leave the row itself out.", valueName: "id"))
    var like: String?

    @Option(help: ArgumentHelp("Find rows near each row of this .npy file.", valueName: "file"))
    var vector: String?

    @Option(help: ArgumentHelp("Use only this row of the file, counted from 0.", valueName: "n"))
    var row: Int?

    @Option(name: .customShort("k"), help: ArgumentHelp("The number of rows to find for each query.", valueName: "n"))
    var limit = 10

    @OptionGroup var filter: FilterOption

    @Option(help: ArgumentHelp("The number of threads; all cores by default.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Say how the rows were found: by which plan, and how many rows were read in which form.")
    var explain = false

    @OptionGroup var format: JSONOption

    /// The number of queries that share one pass over the file.
    private static let queriesPerPass = 64

    func check() throws {
        if like != nil && vector != nil {
            throw CommandError.usage("--like and --vector exclude each other", remedy: "give one of them")
        }
        if row != nil && vector == nil {
            throw CommandError.usage("--row is given without --vector", remedy: "name the .npy file with --vector")
        }
        if let row, row < 0 {
            throw CommandError.usage("--row \(row) is out of range", remedy: "count the rows from 0")
        }
        if limit < 1 { throw CommandError.usage("-k \(limit) is out of range", remedy: "ask for at least one row") }
        if let threads, threads < 1 {
            throw CommandError.usage("--threads \(threads) is out of range", remedy: "use at least one")
        }
    }

    private var nothingFound: CommandError {
        if format.json { return .silent(.no) }
        return filter.sql == nil
            ? CommandError(.no, "the store has no row to find", remedy: "import some")
            : CommandError(.no, "nothing matched", remedy: "try a wider --where")
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let (found, explanation) =
            if let like {
                try search(store, like: try ID(argument: like), output)
            } else if let vector {
                try search(store, file: vector, output)
            } else {
                try search(store, [try StandardInput.vector()], from: 0, output)
            }
        if explain { try explanation?.print(format, output) }
        if found == 0 { throw nothingFound }
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        like id: ID,
        _ output: StandardOutput
    ) throws -> (found: Int, SearchReport?) {
        // `row` checks the row's checksum: a damaged row must not be a query.
        guard let query = try store.row(id)?.vector else {
            throw CommandError(.no, "no row has the id \(id.text)", remedy: "`lacuna list` shows the ids there are")
        }
        // Asks for one more match, since the row itself is the nearest, or tied with it.
        let (found, explanation) = try store.explainedSearch(
            forEach: [query],
            limit: limit(in: store) + 1,
            where: filter.filter,
            threads: threads
        )
        let matches = found[0].filter { $0.id.uniqueKey != id.uniqueKey }.prefix(limit)
        return (try report(store, Array(matches), 0, output), explanation)
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        file: String,
        _ output: StandardOutput
    ) throws -> (found: Int, SearchReport?) {
        let reader = try NPYReader(path: file)
        let dimension = try store.info.dimension
        guard reader.dimension == dimension else {
            throw CommandError.badData(
                "\(file): its vectors have \(reader.dimension) components, and the store's have \(dimension)",
                remedy: "search with vectors of the model that made the store's"
            )
        }
        if let row { return try search(store, [try reader.row(row)], from: 0, output) }
        var found = 0
        var explanation: SearchReport?
        var first = 0
        var components: [Float] = []
        let bar = ProgressBar("searching")
        while true {
            try Interrupts.check()
            let count = try reader.next(Self.queriesPerPass, into: &components)
            if count == 0 { break }
            let queries = (0..<count).map { Array(components[$0 * dimension..<($0 + 1) * dimension]) }
            let (more, report) = try search(store, queries, from: first, output)
            found += more
            if explanation != nil, let report { explanation?.add(report) } else { explanation = report }
            first += count
            bar.update(first, of: reader.rows)
        }
        return (found, explanation)
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ queries: [[Float]],
        from first: Int,
        _ output: StandardOutput
    ) throws -> (found: Int, SearchReport?) {
        let (results, explanation) = try store.explainedSearch(
            forEach: queries,
            limit: limit(in: store),
            where: filter.filter,
            threads: threads
        )
        var found = 0
        for (index, matches) in results.enumerated() {
            found += try report(store, matches, first + index, output)
        }
        return (found, explanation)
    }

    /// At most the number of rows, so that no number is too large for `-k`.
    private func limit<ID: CommandID>(in store: VectorStore<ID>) throws -> Int { max(1, min(limit, try store.count)) }

    private func report<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ matches: [Match<ID>],
        _ query: Int,
        _ output: StandardOutput
    ) throws -> Int {
        if !format.json && !matches.isEmpty { try printHeading(query, output) }
        let width = matches.map(\.id.text.count).max() ?? 0
        for (index, match) in matches.enumerated() {
            let metadata = try store.metadataJSON(for: match.id)
            if format.json {
                try output.line(
                    JSONText.object([
                        "query": JSONText(query), "rank": JSONText(index + 1), "id": .raw(match.id.jsonText),
                        "distance": JSONText(match.distance), "metadata": metadata.map(JSONText.raw) ?? .null,
                    ])
                )
            } else {
                let id = ID.idKind == .integer ? match.id.text.leftPadded(width) : match.id.text.padded(width)
                try output.line(
                    "\(String(index + 1).leftPadded(4))  \(decimal(match.distance, 5).leftPadded(9))  "
                        + "\(Terminal.styled(id, .bold))  \(metadataText(metadata))"
                )
            }
        }
        return matches.count
    }

    private func printHeading(_ query: Int, _ output: StandardOutput) throws {
        if vector != nil && row == nil { try output.line(Terminal.styled("query \(query)", .bold)) }
        try output.line(Terminal.styled("rank   distance  id, metadata", .dim))
    }
}
