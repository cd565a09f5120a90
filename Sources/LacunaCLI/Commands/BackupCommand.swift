import ArgumentParser
import Lacuna

struct BackupCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy one consistent state of a store, also while it is in use.",
        discussion: .help(
            """
            The backup is a store itself; every row that is copied is checked. It also contains the bytes of deleted rows \
            whose space was not given back yet. With --incremental, an earlier backup of the same store is brought up to \
            date: only rows that were appended since are copied, unless the store was compacted or erased from.
            """,
            examples: [
                "lacuna backup my.lacuna /backups/monday",
                "lacuna backup my.lacuna /backups/daily --incremental --wait 60",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(
        help: ArgumentHelp(
            "The directory to make, or, with --incremental, the backup to bring up to date.",
            valueName: "dest"
        )
    )
    var destination: String

    @Flag(help: "Bring an earlier backup up to date, if there is one.")
    var incremental = false

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    func check() throws { try limits.check() }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let bar = ProgressBar("backing up")
        let report = try waiting.retry {
            try store.backup(to: destination, incremental: incremental, options: limits.options) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check(remedy: "no backup was made or changed")
            }
        }
        bar.clear()
        if format.json {
            return try output.line(
                JSONText.object([
                    "rows": JSONText(report.rows), "bytes_copied": JSONText(report.copiedBytes),
                    "bytes_shared": JSONText(report.sharedBytes), "commit_sequence": JSONText(report.commitSequence),
                    "incremental": .raw(String(report.isIncremental)), "seconds": JSONText(report.duration),
                    "dead_bytes": JSONText(report.deadBytes),
                    "moved_aside": report.movedAside.map(JSONText.init(_:)) ?? .raw("null"),
                ])
            )
        }
        try output.line(
            "\(report.isIncremental ? "brought up to date" : "backed up"): \(counted(report.rows, "row")) of commit "
                + "\(report.commitSequence), \(byteText(report.copiedBytes)) written in \(secondsText(report.duration))"
        )
        if let aside = report.movedAside {
            StandardError.line("the earlier backup was written to, or holds other files, and was moved to \(aside)")
        }
        if report.deadBytes > 0 {
            StandardError.line(
                "the backup holds \(byteText(report.deadBytes)) of deleted rows too; compact or erase first if it must not"
            )
        }
    }
}
