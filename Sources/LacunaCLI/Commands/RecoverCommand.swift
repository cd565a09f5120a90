import ArgumentParser
import Lacuna
import LacunaFormats

struct RecoverCommand: StoreNaming {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Put everything in order that a crash has left; safe to repeat.",
        discussion: .help(
            """
            With --salvage nothing is put in order: everything that is still sound in a damaged store is written to a file, \
            as `import` reads it, and everything doubtful to a second file (rows.set-aside.jsonl beside rows.jsonl). Create a \
            new store, and import the file into that.
            """,
            examples: [
                "lacuna recover my.lacuna --dry-run",
                "lacuna recover my.lacuna",
                "lacuna recover damaged.lacuna --salvage rows.jsonl",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Flag(help: "Change nothing; print what would be done.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("Write all sound rows to this .jsonl file; touch nothing in the store.", valueName: "file"),
        completion: .file()
    )
    var salvage: String?

    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    func run() throws {
        try waiting.check()
        if let salvage, RowFormat(path: salvage)?.name != "jsonl" {
            throw CommandError.usage("'\(salvage)' is not the name of a .jsonl file", remedy: "name a .jsonl file")
        }
        if let salvage {
            let salvaging = Salvaging(store: store, dryRun: dryRun, json: format.json)
            return try waiting.retry { try salvaging.run(to: salvage) }
        }
        let report = try waiting.retry {
            try VectorStoreRecovery.recover(at: store, dryRun: dryRun, isCancelled: Activity.isCancelled)
        }
        let output = StandardOutput()
        if format.json {
            try output.line(
                JSONText.object(["state": JSONText(report.state.rawValue), "actions": Self.json(report.actions)])
            )
        } else {
            try printText(report, output)
        }
        try output.flush()
        if report.state == .damaged {
            let remedy = "run \(VectorStoreError.Remedy.Call.verify.command)"
            throw report.damage ?? CommandError(.damaged, "the store is damaged", remedy: remedy)
        }
    }

    static func json(_ actions: [RecoveryReport.Action]) -> JSONText {
        JSONText(
            actions.map { action in
                JSONText.raw(
                    JSONText.object([
                        "action": JSONText(action.kind.rawValue), "file": JSONText(action.file),
                        "bytes": JSONText(action.bytes), "detail": JSONText(action.detail),
                    ])
                )
            }
        )
    }

    private func printText(_ report: RecoveryReport, _ output: StandardOutput) throws {
        switch report.state {
        case .clean:
            try output.line(
                Terminal.styled("clean", .green) + ": nothing to do; rows were not checked: `verify` reads them"
            )
        case .recovered:
            try output.line(
                dryRun
                    ? "to be recovered, unless a writer has it under way; nothing was changed"
                    : Terminal.styled("recovered", .green)
            )
        case .damaged: try output.line(Terminal.styled("damaged", .red) + ": nothing was touched")
        }
        try Self.printActions(report.actions, output)
    }

    static func printActions(_ actions: [RecoveryReport.Action], _ output: StandardOutput) throws {
        for action in actions {
            let bytes = action.bytes > 0 ? ", \(byteText(action.bytes))" : ""
            let file = action.file.isEmpty ? "" : "\(singleLine(action.file))\(bytes): "
            try output.line("  \(action.kind.rawValue.padded(12))  \(file)\(singleLine(action.detail))")
        }
    }
}
