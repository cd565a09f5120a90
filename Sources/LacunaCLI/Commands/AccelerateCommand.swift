import ArgumentParser
import Lacuna

struct AccelerateCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "accelerate",
        abstract: "Make codes, by which searches leave out most rows unread, or add those of new rows.",
        discussion: .help(
            """
            Answers are the same with and without codes. From then on the store wants codes, until `--off`: \
            `compact` makes those that are missing at its end. It is safe to interrupt or kill it at any moment.
            """,
            examples: [
                "lacuna accelerate my.lacuna",
                "lacuna accelerate my.lacuna --off",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Flag(help: "Remove the codes; from then on the store wants none.")
    var off = false

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try limits.check()
        if off && (limits.maxRate != nil || limits.deadline != nil) {
            throw CommandError.usage(
                "--off takes neither --max-rate nor --deadline",
                remedy: "leave them out: removing codes reads no rows"
            )
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        if off { return try remove(store, output) }
        let bar = ProgressBar("making codes")
        let report = try waiting.retry {
            try store.accelerate(options: limits.options) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check()
            }
        }
        bar.clear()
        if format.json { return try output.line(json(report.components, report.bytes, report.rows, report.duration)) }
        if report.rows == 0 {
            return try output.line("too few rows for codes: searches compare the rows themselves")
        }
        let dimension = try store.info.dimension
        let all = "all \(grouped(dimension))"
        let principal = "\(grouped(report.components)) principal ones, then \(all)"
        try output.lines([
            "coded": counted(report.rows, "row"),
            "components": report.components == dimension ? all : principal,
            "file": byteText(report.bytes),
            "took": "\(secondsText(report.duration)); writers waited \(secondsText(report.longestWriterPause)) at most",
        ])
    }

    private func remove<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let had = try store.info.acceleration == .codes
        let start = ContinuousClock.now
        try waiting.retry { try store.stopAccelerating() }
        if format.json { return try output.line(json(0, 0, 0, .now - start)) }
        try output.line(had ? "removed the codes: searches compare the rows themselves" : "the store has no codes")
    }

    private func json(_ components: Int, _ bytes: Int64, _ rows: Int, _ duration: Duration) -> String {
        JSONText.object([
            "kind": JSONText("codes"), "components": JSONText(components), "bytes": JSONText(bytes),
            "rows": JSONText(rows), "seconds": JSONText(duration),
        ])
    }
}
