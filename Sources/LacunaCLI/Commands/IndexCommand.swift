import ArgumentParser
import Lacuna

struct IndexCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Make, drop and list indexes on metadata, by which filters find rows.",
        discussion: """
            `add` makes an index on one field, which reads all metadata; writers wait meanwhile, readers go on. If the \
            field has an index already, nothing changes. Answers are the same with and without indexes.
            """
    )

    enum Action: String, ExpressibleByArgument {
        case add, drop, list
    }

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: ArgumentHelp("add, drop or list.", valueName: "action"))
    var action: Action

    @Argument(
        help: ArgumentHelp(
            "The field of the metadata; a dot leads into an object, as in author.name.",
            valueName: "field"
        )
    )
    var field: String?

    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { action == .list ? .readOnly : .readWrite }

    func check() throws {
        switch (action, field) {
        case (.list, .some(let field)):
            throw CommandError.usage("`list` takes no field, and \(field) is given", remedy: "leave it out")
        case (.add, nil), (.drop, nil):
            throw CommandError.usage("no field is given", remedy: "name one, as in `lacuna index STORE add section`")
        default: break
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        switch action {
        case .add: try add(field ?? "", store, output)
        case .drop: try drop(field ?? "", store, output)
        case .list: try list(store, output)
        }
    }

    private func add<ID: CommandID>(_ field: String, _ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let bar = ProgressBar("making the index")
        let index = try store.createMetadataIndex(field: field) { progress in
            bar.update(progress.done, of: progress.total)
            try Interrupts.check()
        }
        bar.clear()
        if format.json { return try output.line(JSONText.object(["name": JSONText(index.name)])) }
        try output.line(
            "\(index.name): "
                + (index.rows == 0 ? "no row has the field `\(field)` yet" : counted(index.rows, "row"))
        )
    }

    private func drop<ID: CommandID>(_ field: String, _ store: VectorStore<ID>, _ output: StandardOutput) throws {
        guard let name = try store.dropMetadataIndex(field: field) else {
            throw CommandError(
                .no,
                "the field `\(field)` has no index",
                remedy: "`lacuna index STORE list` shows those there are"
            )
        }
        try output.line(format.json ? JSONText.object(["name": JSONText(name)]) : "dropped \(name)")
    }

    private func list<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let indexes = try store.indexes()
        if format.json {
            for index in indexes {
                try output.line(
                    JSONText.object([
                        "name": JSONText(index.name), "kind": JSONText(index.kind.rawValue),
                        "fields": JSONText(index.fields.map { JSONText($0) }), "rows": JSONText(index.rows),
                    ])
                )
            }
            return
        }
        if indexes.isEmpty { return try output.line("no indexes") }
        let width = indexes.map(\.name.count).max() ?? 0
        for index in indexes {
            try output.line(
                "\(index.name.padded(width))  \(index.kind.rawValue)  "
                    + "\(index.fields.joined(separator: ", "))  \(counted(index.rows, "row"))"
            )
        }
    }
}
