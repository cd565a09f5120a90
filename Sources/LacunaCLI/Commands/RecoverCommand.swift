import ArgumentParser
import Lacuna
import LacunaFormats

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Put in order what a crash left, all of it; safe to repeat."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Flag(help: "Change nothing; tell what would be done.")
    var dryRun = false

    @Option(help: ArgumentHelp("The file for rows that are given up; not available yet.", valueName: "file"))
    var salvage: String?

    @OptionGroup var format: JSONOption

    func run() throws {
        if salvage != nil { throw CommandError.usage("--salvage is not available yet; leave it out") }
        let report = try VectorStoreRecovery.run(at: store, dryRun: dryRun)
        let output = StandardOutput()
        if format.json { try output.line(json(report)) } else { try printText(report, output) }
        try output.flush()
        if report.state == .damaged {
            throw report.damage ?? CommandError(.damaged, "the store is damaged; run `lacuna verify`")
        }
    }

    private func json(_ report: RecoveryReport) -> String {
        let actions = report.actions.map { action in
            JSONText.raw(
                JSONText.object([
                    "action": JSONText(action.action), "file": JSONText(action.file), "bytes": JSONText(action.bytes),
                    "detail": JSONText(action.detail),
                ])
            )
        }
        return JSONText.object(["state": JSONText(report.state.rawValue), "actions": JSONText(actions)])
    }

    private func printText(_ report: RecoveryReport, _ output: StandardOutput) throws {
        switch report.state {
        case .clean: try output.line(Terminal.styled("clean", .green) + ": nothing to do")
        case .recovered:
            try output.line(
                dryRun ? "to be recovered; nothing was changed" : Terminal.styled("recovered", .green)
            )
        case .damaged: try output.line(Terminal.styled("damaged", .red) + ": nothing was touched")
        }
        for action in report.actions {
            let bytes = action.bytes > 0 ? ", \(byteText(action.bytes))" : ""
            let file = action.file.isEmpty ? "" : "\(singleLine(action.file))\(bytes): "
            try output.line("  \(action.action.padded(12))  \(file)\(singleLine(action.detail))")
        }
    }
}
