import ArgumentParser
import Lacuna
import LacunaFormats

struct SearchCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the nearest rows.",
        discussion: .help(
            "The query is a row of the store, the rows of a .npy file, or by default a JSON array on standard input.",
            examples: [
                "lacuna search my.lacuna --like 829 -k 5 --columns name,summary",
                #"lacuna search my.lacuna --like 829 --where "metadata ->> 'kib' < 500""#,
                "lacuna search my.lacuna --vector queries.npy --row 8 --radius 0.5",
                #"lacuna search my.lacuna --match "board games" < vector.json"#,
                "lacuna search my.lacuna --vector queries.npy --json > matches.jsonl",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Find rows like this row, without the row itself; may be given repeatedly.", valueName: "id")
    )
    var like: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("With --like, find rows unlike this row; may be given repeatedly.", valueName: "id")
    )
    var unlike: [String] = []

    @Option(
        help: ArgumentHelp("Find rows near each row of this .npy file.", valueName: "file"),
        completion: .file()
    )
    var vector: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Use only this row of the file, counted from 0.", valueName: "n")
    )
    var row: Int?

    @Option(
        name: .customShort("k"),
        parsing: .unconditional,
        help: ArgumentHelp("The number of rows to find for each query.", valueName: "n")
    )
    var limit = 10

    @OptionGroup var conditions: FilterOptions

    @OptionGroup var words: WordsArguments

    @OptionGroup var arguments: SearchArguments

    @Flag(help: "Say how the rows were found: by which plan, and how many rows were read in which form.")
    var explain = false

    @OptionGroup var columns: ColumnOptions
    @OptionGroup var format: JSONOption

    /// The number of queries that share one pass over the file.
    private static let queriesPerPass = 64

    func check() throws {
        if !like.isEmpty && vector != nil {
            throw CommandError.usage("--like and --vector exclude each other", remedy: "give one of them")
        }
        if like.isEmpty && !unlike.isEmpty {
            throw CommandError.usage("--unlike is given without --like", remedy: "name a row to search for with --like")
        }
        if row != nil && vector == nil {
            throw CommandError.usage("--row is given without --vector", remedy: "name the .npy file with --vector")
        }
        if let row, row < 0 {
            throw CommandError.usage("--row \(row) is out of range", remedy: "count the rows from 0")
        }
        if limit < 1 { throw CommandError.usage("-k \(limit) is out of range", remedy: "ask for at least one row") }
        try columns.check(format)
        try arguments.check()
        try words.check(arguments, like: like.count, unlike: unlike.count, explain: explain)
        if arguments.after != nil && vector != nil && row == nil {
            throw CommandError.usage("--after is given for all rows of a file", remedy: "choose one with --row")
        }
    }

    private var nothingFound: CommandError {
        if format.json { return .silent(.no) }
        let limits = conditions.words + arguments.words
        return limits.isEmpty
            ? CommandError(.no, "the store has no row to find", remedy: "import some")
            : .nothingMatched(limits)
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let printer = SearchPrinter(
            isJSON: format.json,
            namesQueries: vector != nil && row == nil,
            metadata: try MetadataColumns(columns),
            output: output
        )
        let found = try search(store, printer)
        if found == 0 { throw nothingFound }
        printer.metadata.noteMissing()
    }

    /// Returns the number of matches.
    private func search<ID: CommandID>(_ store: VectorStore<ID>, _ printer: SearchPrinter) throws -> Int {
        if let match = words.match {
            return try FusedSearchCommand(command: self, words: .words(match), fusion: try words.fusion())
                .run(on: store, printer)
        }
        let options: SearchOptions<ID> = try arguments.options()
        let (found, explanation) =
            if !like.isEmpty {
                try searchExamples(store, options, printer)
            } else if let vector {
                try search(store, file: vector, options, printer)
            } else {
                try search(store, [try StandardInput.vector()], from: 0, options, printer)
            }
        if explain { try explanation?.print(format, printer.output) }
        return found
    }

    private func searchExamples<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ options: SearchOptions<ID>,
        _ printer: SearchPrinter
    ) throws -> (found: Int, SearchReport?) {
        func examples(_ ids: [String]) throws -> [SearchExample<ID>] { try ids.map { .id(try ID(argument: $0)) } }
        let (positives, negatives) = (try examples(like), try examples(unlike))
        do {
            let (found, explanation) = try store.read { snapshot in
                let (matches, report) = try snapshot.explainedSearch(
                    like: positives,
                    unlike: negatives,
                    limit: limit,
                    where: try conditions.filter(),
                    options: options
                )
                return (try snapshot.found(matches), report)
            }
            return (try printer.print(found, 0), explanation)
        } catch let error as VectorStoreError where error.code == .unknownID {
            throw CommandError.noSuchRow(error.problem)
        }
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        file: String,
        _ options: SearchOptions<ID>,
        _ printer: SearchPrinter
    ) throws -> (found: Int, SearchReport?) {
        let reader = try reader(of: file, for: store)
        let dimension = reader.dimension
        if let row { return try search(store, [try reader.row(row)], from: 0, options, printer) }
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
            let (more, report) = try search(store, queries, from: first, options, printer)
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
        _ options: SearchOptions<ID>,
        _ printer: SearchPrinter
    ) throws -> (found: Int, SearchReport?) {
        let (results, explanation) = try store.read { snapshot in
            let (matches, report) = try snapshot.explainedSearch(
                forEach: queries,
                limit: limit,
                where: try conditions.filter(),
                options: options
            )
            return (try matches.map { try snapshot.found($0) }, report)
        }
        var found = 0
        for (index, matches) in results.enumerated() { found += try printer.print(matches, first + index) }
        return (found, explanation)
    }

    /// Opens a file of queries.
    func reader<ID: CommandID>(of file: String, for store: VectorStore<ID>) throws -> NPYReader {
        let reader = try NPYReader(path: file)
        let dimension = try store.info.dimension
        guard reader.dimension == dimension else {
            throw CommandError.badData(
                "\(file): its vectors have \(reader.dimension) components, and the store's have \(dimension)",
                remedy: "search with vectors of the model that made the store's"
            )
        }
        return reader
    }
}

extension VectorStoreSnapshot where ID: CommandID {
    fileprivate func found(_ matches: [Match<ID>]) throws -> [FoundRow<ID>] {
        try matches.map {
            FoundRow(match: $0, metadata: try metadataJSON(for: $0.id), cursor: cursor(after: $0))
        }
    }
}
