import ArgumentParser
import Lacuna
import LacunaFormats

struct PutCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Add one vector, read from standard input as a JSON array."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: "The row's id.")
    var id: String

    @Option(help: ArgumentHelp("The row's metadata: a JSON object without the key `id`.", valueName: "json"))
    var metadata: String?

    @Flag(help: "Replace the row and its metadata if the id exists.")
    var replace = false

    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let id = try ID(argument: id)
        let metadata = try metadata.map(Self.checked)
        let vector = try StandardInput.vector()
        try store.put(vector, for: id, metadataJSON: metadata, replacing: replace)
        try output.line(format.json ? JSONText.object(["id": .raw(id.jsonText)]) : "put \(id.text)")
    }

    /// Puts the metadata on one line, because the files that `export` writes need that.
    private static func checked(_ metadata: String) throws(FormatError) -> String {
        do { return JSONObject.singleLine(try JSONObject(metadata).text) } catch { throw error.at("--metadata") }
    }
}
