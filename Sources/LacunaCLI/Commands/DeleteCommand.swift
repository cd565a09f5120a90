import ArgumentParser
import Lacuna

struct DeleteCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete rows and their metadata, in durable batches.",
        discussion: .help(
            "Ids may come from the command line, a file and a filter together.",
            examples: [
                "lacuna delete my.lacuna 829 830",
                #"lacuna delete my.lacuna --where "metadata ->> 'section' = 'games'""#,
                "lacuna delete my.lacuna --ids gone.txt --wait 30",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: ArgumentHelp("The ids of the rows; put ids that begin with a minus after `--`.", valueName: "ids"))
    var arguments: [String] = []

    @Option(
        name: .customLong("ids"),
        help: ArgumentHelp("A file of ids, one on each line.", valueName: "file"),
        completion: .file()
    )
    var idFile: String?

    @OptionGroup var conditions: FilterOptions
    @OptionGroup var batches: BatchOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try batches.check()
        if arguments.isEmpty && idFile == nil && !conditions.areGiven {
            throw CommandError.usage("nothing to delete was named", remedy: "give ids, --ids, --where or --filter")
        }
        if conditions.isEmpty {
            throw CommandError.usage(
                "the filter {} passes every row",
                remedy: "name a condition; to delete all rows, say --where true"
            )
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let ids = try collectIDs(store)
        var deleted = 0
        var done = 0
        let bar = ProgressBar("deleting")
        do {
            while done < ids.count {
                try Interrupts.check()
                let end = min(ids.count, done + batches.batch)
                deleted += try waiting.retry { try store.delete(Array(ids[done..<end])) }
                done = end
                try batches.acknowledge(done, output)
                bar.update(done, of: ids.count)
            }
        } catch {
            bar.clear()
            throw CommandError(error)?.after(deleted, "were deleted before this") ?? error
        }
        bar.clear()
        let missing = ids.count - deleted
        if format.json {
            try output.line(JSONText.object(["deleted": JSONText(deleted), "missing": JSONText(missing)]))
        } else {
            let others = missing == 0 ? "" : "; \(counted(missing, "id")) had no row"
            try output.line("deleted \(counted(deleted, "row"))\(others)")
        }
        if deleted == 0 { throw CommandError.silent(.no) }
    }

    /// Collects all ids before the first delete, each of them once, so that a mistake in the last one changes nothing.
    private func collectIDs<ID: CommandID>(_ store: VectorStore<ID>) throws -> [ID] {
        var list = IDList<ID>()
        try list.add(arguments, file: idFile)
        if let filter = try conditions.filter() {
            try store.forEach(where: filter, includingVectors: false) { row in
                try Interrupts.check()
                list.add(row.id)
            }
        }
        return list.ids
    }
}

/// The options of a command that writes in batches.
struct BatchOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The largest number of rows in a transaction.", valueName: "n")
    )
    var batch = 1_000

    @Flag(help: "Print `ACK <rows so far>` at once after each batch is durable.")
    var acks = false

    func check() throws(CommandError) {
        if batch < 1 { throw .usage("--batch \(batch) is out of range", remedy: "give at least 1 row") }
    }

    func acknowledge(_ rows: Int, _ output: StandardOutput) throws(CommandError) {
        if acks { try output.lineNow("ACK \(rows)") }
    }
}
