import ArgumentParser
import Lacuna

struct ListCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print ids and metadata, in id order."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @OptionGroup var conditions: FilterOptions

    @Option(help: ArgumentHelp("Stop after this many rows.", valueName: "n"))
    var limit: Int?

    @OptionGroup var format: JSONOption

    func check() throws {
        guard let limit, limit < 1 else { return }
        throw CommandError.usage("--limit \(limit) is out of range", remedy: "ask for at least one row")
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        var rows = 0
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
                // A column wide enough for every id would need all ids before the first line.
                let id = ID.idKind == .integer ? row.id.text.leftPadded(8) : row.id.text.padded(8)
                try output.line("\(Terminal.styled(id, .bold))  \(metadataText(row.metadataJSON))")
            }
        }
        if rows == 0 && conditions.areGiven {
            throw format.json ? .silent(.no) : CommandError(.no, "nothing matched", remedy: "try a wider filter")
        }
    }
}
