import ArgumentParser
import Lacuna
import LacunaFormats

struct GetCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print rows by id; exit 1 if any is missing.",
        discussion: .help(
            examples: [
                "lacuna get my.lacuna 829",
                "lacuna get my.lacuna 829 830 --columns name,summary",
                "lacuna get my.lacuna --json -- -5",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: "The ids of the rows; put ids that begin with a minus after `--`.")
    var ids: [String]

    @OptionGroup var columns: ColumnOptions
    @OptionGroup var format: JSONOption

    func check() throws { try columns.check(format) }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let ids = try ids.map { argument in try ID(argument: argument) }
        var missing: [ID] = []
        let metadata = try MetadataColumns(columns)
        let table = Table([Table.Column(id: ID.self)] + metadata.columns, output)
        for id in ids {
            try Interrupts.check()
            guard let row = try store.row(id) else {
                missing.append(id)
                continue
            }
            if format.json {
                try printJSON(row, output)
            } else if metadata.areChosen {
                try table.append([id.text] + metadata.cells(row.metadataJSON))
            } else {
                try printText(row, output)
            }
        }
        try table.finish()
        metadata.noteMissing()
        if let first = missing.first {
            let others = missing.count == 1 ? "" : " (nor \(counted(missing.count - 1, "other id")))"
            throw CommandError.noSuchRow("no row has the id \(first.text)\(others)")
        }
    }

    private func printJSON<ID: CommandID>(_ row: StoredRow<ID>, _ output: StandardOutput) throws {
        try output.line(
            JSONText.object([
                "id": .raw(row.id.jsonText), "vector": .raw(try jsonArray(of: row.vector)),
                "metadata": row.metadataJSON.map(JSONText.raw) ?? .null,
            ])
        )
    }

    private static let shownComponents = 6

    private func printText<ID: CommandID>(_ row: StoredRow<ID>, _ output: StandardOutput) throws {
        try output.line(Terminal.styled(row.id.text, .bold))
        let first = row.vector.prefix(Self.shownComponents).map { decimal(Double($0), 5) }.joined(separator: ", ")
        let more = row.vector.count > Self.shownComponents ? ", …" : ""
        var lines = [("vector", "[\(first)\(more)] (\(counted(row.vector.count, "component")))")]
        if let json = row.metadataJSON, let object = try? JSONObject(json) {
            lines += object.members.map { (singleLine($0.key), memberText($0)) }
        } else {
            lines.append(("metadata", row.metadataJSON.map(singleLine) ?? "none"))
        }
        let width = lines.map(\.0.columns).max() ?? 0
        for (name, value) in lines {
            try output.line("  \(Terminal.styled(name.padded(width), .dim))  \(value)")
        }
    }
}

extension VectorStore where ID: CommandID {
    /// The vector and the metadata of one moment, checked against their checksums; nil if no row has this id.
    func row(_ id: ID) throws -> StoredRow<ID>? {
        var found: StoredRow<ID>?
        try forEach(where: "id = \(id)") { found = $0 }
        return found
    }
}
