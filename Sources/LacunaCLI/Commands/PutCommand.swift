import ArgumentParser
import Lacuna
import LacunaFormats

struct PutCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Add one vector, read from standard input as a JSON array.",
        discussion: .help(
            examples: [
                "echo '[0.1, 0.2, 0.3]' | lacuna put my.lacuna 1",
                #"lacuna put my.lacuna 1 --replace --metadata '{"n": 1}' < vector.json"#,
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: "The row's id.")
    var id: String

    @Option(help: ArgumentHelp("The row's metadata: a JSON object without the key `id`.", valueName: "json"))
    var metadata: String?

    @OptionGroup var replacing: ReplaceOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try replacing.check()
        if metadata != nil && replacing.dropMetadata {
            throw CommandError.usage("--metadata and --drop-metadata exclude each other", remedy: "leave one out")
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let id = try ID(argument: id)
        let metadata = try metadata.map(Self.checked)
        let vector = try StandardInput.vector()
        try waiting.retry {
            try store.put(
                vector,
                for: id,
                metadataJSON: metadata,
                replacing: replacing.replace,
                oldMetadata: replacing.oldMetadata
            )
        }
        try output.line(format.json ? JSONText.object(["id": .raw(id.jsonText)]) : "put \(id.text)")
    }

    /// Puts the metadata on one line, because the files that `export` writes need that.
    private static func checked(_ metadata: String) throws(FormatError) -> String {
        do { return JSONObject.singleLine(try JSONObject(metadata).text) } catch { throw error.at("--metadata") }
    }
}

/// The options of a command that may replace rows.
struct ReplaceOptions: ParsableArguments {
    @Flag(help: "Replace the row of an id that exists; it keeps its metadata if there are no new ones.")
    var replace = false

    @Flag(help: "With --replace: if there are no new metadata, remove the old ones.")
    var dropMetadata = false

    var oldMetadata: OldMetadata { dropMetadata ? .drop : .keep }
    /// What became of the metadata of replaced rows, for an answer; nil if no row could be replaced.
    var fateOfOldMetadata: String? { replace ? dropMetadata ? "dropped" : "kept" : nil }

    func check() throws(CommandError) {
        if dropMetadata && !replace {
            throw .usage("--drop-metadata goes with --replace", remedy: "give both, or neither")
        }
    }
}
