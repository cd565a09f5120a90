import ArgumentParser
import Lacuna

struct ListCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print ids and metadata, in id order.",
        discussion: .help(
            examples: [
                "lacuna list my.lacuna --limit 20 --columns name,section",
                #"lacuna list my.lacuna --where "metadata ->> 'section' = 'science'""#,
                #"lacuna list my.lacuna --filter '{"kib": {"$lt": 500}}' --json"#,
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @OptionGroup var conditions: FilterOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("Stop after this many rows.", valueName: "n"))
    var limit: Int?

    @OptionGroup var columns: ColumnOptions
    @OptionGroup var format: JSONOption

    func check() throws {
        try columns.check(format)
        guard let limit, limit < 1 else { return }
        throw CommandError.usage("--limit \(limit) is out of range", remedy: "ask for at least one row")
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        var rows = 0
        let metadata = try MetadataColumns(columns)
        let table = Table([Table.Column(id: ID.self)] + metadata.columns, output, hasHeading: metadata.areChosen)
        try store.forEach(where: try conditions.filter(), limit: limit, includingVectors: false) { row in
            try Interrupts.check()
            rows += 1
            if format.json {
                try output.line(
                    JSONText.object([
                        "id": .raw(row.id.jsonText), "metadata": row.metadataJSON.map(JSONText.raw) ?? .null,
                    ])
                )
            } else {
                try table.append([row.id.text] + metadata.cells(row.metadataJSON))
            }
        }
        try table.finish()
        metadata.noteMissing()
        if rows == 0 && conditions.areGiven {
            throw format.json ? .silent(.no) : CommandError.nothingMatched(conditions.words)
        }
    }
}
