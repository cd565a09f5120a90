import ArgumentParser
import Lacuna

struct IndexCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Make, drop and list indexes on metadata, by which filters find rows and searches find words.",
        discussion: .help(
            """
            `add` makes an index on one field for filters or, with --text, the index of the words in the texts of some \
            fields, of which a store has one. It reads all metadata; writers wait meanwhile, readers go on. If the same \
            index is there already, nothing changes. Answers of filters are the same with and without indexes.
            """,
            examples: [
                "lacuna index my.lacuna add section",
                "lacuna index my.lacuna add --text name summary --tokenizer porter",
                "lacuna index my.lacuna list",
            ]
        )
    )

    enum Action: String, ExpressibleByArgument, CaseIterable {
        case add, drop, list
    }

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: ArgumentHelp("add, drop or list.", valueName: "action"))
    var action: Action

    @Argument(
        help: ArgumentHelp(
            "The field of the metadata (with --text, the fields); a dot leads into an object, as in author.name.",
            valueName: "field"
        )
    )
    var fields: [String] = []

    @Flag(help: "Make or drop the text index.")
    var text = false

    @Option(
        help: ArgumentHelp(
            "How the text index cuts texts into words: unicode, porter (endings of English words don't count) or trigram "
                + "(parts of words, and scripts without spaces).",
            valueName: "t"
        )
    )
    var tokenizer: TextTokenizer?

    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { action == .list ? .readOnly : .readWrite }

    func check() throws {
        if tokenizer != nil && !(text && action == .add) {
            throw CommandError.usage("--tokenizer is given without `add --text`", remedy: "leave it out")
        }
        switch (action, text) {
        case (.list, _) where text || !fields.isEmpty:
            throw CommandError.usage("`list` takes no field and no --text", remedy: "leave them out")
        case (.add, _) where fields.isEmpty, (.drop, false) where fields.isEmpty:
            throw CommandError.usage(
                "no field is given",
                remedy: "name one, as in `lacuna index \(Shell.store) add section`"
            )
        case (.drop, true) where !fields.isEmpty:
            throw CommandError.usage("`drop --text` takes no field", remedy: "leave it out: a store has one text index")
        case (.add, false) where fields.count > 1, (.drop, false) where fields.count > 1:
            throw CommandError.usage(
                "\(fields.count) fields are given, and an index for filters is on one",
                remedy: "make one index for each field, or a text index with --text"
            )
        default: break
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        switch action {
        case .add: try add(store, output)
        case .drop: try drop(store, output)
        case .list: try list(store, output)
        }
    }

    private func add<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let bar = ProgressBar("making the index")
        let index = try waiting.retry {
            try make(store) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check()
            }
        }
        bar.clear()
        guard let index else { return }
        if format.json { return try output.line(JSONText.object(["name": JSONText(index.name)])) }
        let none = text ? "no row has a text in these fields yet" : "no row has the field `\(fields[0])` yet"
        try output.line("\(index.name): \(index.rows == 0 ? none : counted(index.rows, "row"))")
    }

    private func make<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ progress: @escaping ProgressHandler
    ) throws -> IndexInfo? {
        if !text { return try store.createMetadataIndex(field: fields[0], progress: progress) }
        try store.createTextIndex(on: fields, tokenizer: tokenizer ?? .unicode, progress: progress)
        return try store.indexes().first { $0.kind == .text }
    }

    private func drop<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let name = try waiting.retry {
            if !text { return try store.dropMetadataIndex(field: fields[0]) }
            return try store.indexes().first { $0.kind == .text }.flatMap { try store.dropTextIndex() ? $0.name : nil }
        }
        guard let name else {
            throw CommandError(
                .no,
                text ? "the store has no text index" : "the field `\(fields[0])` has no index",
                remedy: "`lacuna index \(Shell.store) list` shows those there are"
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
                "\(index.name.padded(width))  \(index.kind.rawValue.padded(8))  "
                    + "\(index.fields.joined(separator: ", "))  \(counted(index.rows, "row"))"
            )
        }
    }
}
