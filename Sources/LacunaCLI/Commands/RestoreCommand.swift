import ArgumentParser
import Lacuna

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a copy of a backup in the place of a store.",
        discussion: .help(
            """
            The copy is made beside the store and checked completely; then the two change places in one step. The old store \
            is moved aside and can be deleted by hand. Readers that have it open keep it open.
            """,
            examples: [
                "lacuna restore /backups/monday my.lacuna"
            ]
        )
    )

    @Argument(help: "The backup's directory; it isn't changed.", completion: .directory)
    var backup: String

    @Argument(help: "The directory of the store to replace or to make.", completion: .directory)
    var store: String

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    func run() throws {
        try limits.check()
        try waiting.check()
        let bar = ProgressBar("restoring")
        let report = try waiting.retry {
            try VectorStoreBackup.restore(backup, to: store, options: limits.options) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check(remedy: "the store is as it was")
            }
        }
        bar.clear()
        let output = StandardOutput()
        if format.json {
            try output.line(
                JSONText.object([
                    "rows": JSONText(report.rows), "bytes": JSONText(report.bytes),
                    "moved_aside": report.movedAside.map { JSONText($0) } ?? .null,
                ])
            )
        } else {
            let aside = report.movedAside.map { "; what was there is \($0) now" } ?? ""
            try output.line("restored \(counted(report.rows, "row")), \(byteText(report.bytes))\(aside)")
        }
        try output.flush()
    }
}
