import ArgumentParser
import Lacuna

struct EraseCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Delete rows and destroy their bytes, in every file of the store.",
        discussion: .help(
            """
            Rows that were deleted or replaced before are destroyed too. Ids may come from the command line and a file \
            together. The next command that writes goes on with an interrupted erasure.
            """,
            examples: [
                "lacuna erase my.lacuna 829 830",
                "lacuna erase my.lacuna --ids forgotten.txt --wait 60",
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

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try limits.check()
        if arguments.isEmpty && idFile == nil {
            throw CommandError.usage("nothing to erase was named", remedy: "give ids or --ids")
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        var list = IDList<ID>()
        try list.add(arguments, file: idFile)
        try Interrupts.check()
        let bar = ProgressBar("erasing")
        // The first try deletes the rows, so that another one finds none.
        let erased = try waiting.wait == nil ? nil : list.ids.count { try store.contains($0) }
        var report = try waiting.retry {
            try store.erase(list.ids, options: limits.options) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check(remedy: "the rows are deleted; run the command again to go on erasing them")
            }
        }
        report.erasedRows = erased ?? report.erasedRows
        bar.clear()
        let missing = list.ids.count - report.erasedRows
        if format.json {
            try output.line(
                JSONText.object([
                    "erased": JSONText(report.erasedRows), "missing": JSONText(missing),
                    "zeroed_bytes": JSONText(report.zeroedBytes), "seconds": JSONText(report.duration),
                ])
            )
        } else {
            let others = missing == 0 ? "" : "; \(counted(missing, "id")) had no row"
            try output.line(
                "erased \(counted(report.erasedRows, "row"))\(others); \(byteText(report.zeroedBytes)) overwritten, the "
                    + "index rebuilt, in \(secondsText(report.duration))"
            )
        }
        if report.erasedRows == 0 { throw CommandError.silent(.no) }
    }
}
