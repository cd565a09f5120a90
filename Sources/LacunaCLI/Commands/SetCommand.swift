import ArgumentParser
import Lacuna
import LacunaFormats

struct SetCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change the metadata of rows by a JSON merge patch (RFC 7396).",
        usage:
            "lacuna set <store> [<ids> ...] [--where <sql>] [--filter <json>] <patch> [--wait <seconds>] [--json]",
        discussion: .help(
            """
            The last argument is the patch, a JSON object. Each of its members replaces that of the same key, or is \
            added; `null` removes one; objects are merged. The ids before it, --where and --filter name the rows. All \
            of them are changed, or none is.
            """,
            examples: [
                #"lacuna set my.lacuna 829 830 '{"seen": true}'"#,
                #"lacuna set my.lacuna --where "id > 900" '{"size": {"kib": null}}'"#,
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(
        help: ArgumentHelp(
            "The ids of the rows, and then the patch; put ids that begin with a minus after `--`.",
            valueName: "ids-and-patch"
        )
    )
    var arguments: [String]

    @OptionGroup var conditions: FilterOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        _ = try patch()
        if arguments.count == 1 && !conditions.areGiven {
            throw CommandError.usage("no row was named", remedy: "give ids before the patch, --where or --filter")
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        var list = IDList<ID>()
        try list.add(Array(arguments.dropLast()), file: nil)
        let changed = try waiting.retry { try change(list.ids, try patch(), store) }
        try output.line(
            format.json
                ? JSONText.object(["changed": JSONText(changed)]) : "changed the metadata of \(counted(changed, "row"))"
        )
        if changed == 0 { throw CommandError.silent(.no) }
    }

    /// Changes all rows in one transaction; returns their number. A row that has one of the ids and passes the filter
    /// counts once.
    private func change<ID: CommandID>(_ ids: [ID], _ patch: String, _ store: VectorStore<ID>) throws -> Int {
        let filter = try conditions.filter()
        do {
            return try store.write { batch in
                for id in ids { try batch.patchMetadataJSON(patch, for: id) }
                guard let filter else { return ids.count }
                return try ids.count + batch.patchMetadataJSON(patch, where: filter && "id NOT IN \(ids)")
            }
        } catch let error as VectorStoreError where error.code == .unknownID {
            throw CommandError.noSuchRow("\(error.problem); nothing has changed")
        }
    }

    /// The patch, on one line, because the files that `export` writes need that.
    private func patch() throws -> String {
        do { return JSONObject.singleLine(try JSONObject(arguments.last ?? "").text) } catch {
            throw error.at("the patch (the last argument)")
        }
    }
}
