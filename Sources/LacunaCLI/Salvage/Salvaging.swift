import Lacuna
import LacunaFormats

/// The work of `recover --salvage`.
struct Salvaging {
    let store: String
    let dryRun: Bool
    let json: Bool

    func run(to path: String) throws {
        try checkIsOutside(path, ofStore: store)
        let writer = try SalvageWriter(path, dryRun: dryRun)
        let bar = ProgressBar("salvaging")
        let report = try VectorStoreRecovery.salvage(at: store) { progress in
            bar.update(progress.done, of: progress.total)
            try Interrupts.check(remedy: "no file was written; run the command again")
        } _: { row in
            try writer.append(row)
        }
        bar.clear()
        let files = try writer.finish()
        // The writer also sets aside rows that `import` would refuse.
        let state = writer.setAside.isEmpty ? report.state : .damaged
        let output = StandardOutput()
        if json {
            try output.line(text(state, report, writer, files))
        } else {
            try printText(state, report, writer, output)
        }
        try output.flush()
        if state == .damaged { throw damage(report, writer) }
    }

    private func text(
        _ state: RecoveryReport.State,
        _ report: SalvageReport,
        _ writer: SalvageWriter,
        _ files: [String]
    ) -> String {
        JSONText.object([
            "state": JSONText(state.rawValue), "actions": RecoverCommand.json(report.actions),
            "salvaged": JSONText(writer.salvaged), "unverified": JSONText(writer.unverified),
            "set_aside": JSONText(writer.setAsideCount), "files": JSONText(files.map { JSONText($0) }),
            "problems": JSONText(report.problems.map { JSONText($0) }),
        ])
    }

    private func printText(
        _ state: RecoveryReport.State,
        _ report: SalvageReport,
        _ writer: SalvageWriter,
        _ output: StandardOutput
    ) throws {
        switch state {
        case .clean: try output.line(Terminal.styled("clean", .green) + ": nothing is wrong")
        case .recovered: try output.line("to be recovered; nothing was changed")
        case .damaged: try output.line(Terminal.styled("damaged", .red) + ": nothing was touched")
        }
        for problem in report.problems { try output.line("  \("problem".padded(12))  \(singleLine(problem))") }
        try RecoverCommand.printActions(report.actions, output)
        let counts = [
            ("salvaged", writer.salvaged, counted(writer.salvaged, "row"), writer.path),
            ("unverified", writer.unverified, counted(writer.unverified, "row"), writer.path),
            ("set aside", writer.setAsideCount, entries(writer), writer.setAsidePath),
        ]
        for (name, count, what, file) in counts where count > 0 || name == "salvaged" {
            let place = dryRun || count == 0 ? "" : ", to \(singleLine(file))"
            try output.line("  \(name.padded(12))  \(what)\(place)")
        }
        let reasons = writer.setAside.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        let width = reasons.map { grouped($0.value).count }.max() ?? 0
        for (reason, count) in reasons {
            try output.line("  \("".padded(12))  \(grouped(count).leftPadded(width))  \(reason.rawValue)")
        }
    }

    /// The count is of entries, not of rows: a row's metadata may be set aside alone.
    private func entries(_ writer: SalvageWriter) -> String {
        counted(writer.setAsideCount, "entry", plural: "entries")
    }

    /// The error line that says what was salvaged, and what to do next.
    private func damage(_ report: SalvageReport, _ writer: SalvageWriter) -> CommandError {
        let isUnverified = writer.unverified > 0
        let rows = counted(writer.salvaged + writer.unverified, isUnverified ? "unverified row" : "row")
        let kind = isUnverified ? " (by slot, without their ids, with deleted ones perhaps among them)" : ""
        let setAside = entries(writer)
        if dryRun {
            return CommandError(
                .damaged,
                "the store is damaged: \(rows) can be written\(kind), \(setAside) would be set aside",
                remedy: "run this without --dry-run"
            )
        }
        let beside = writer.setAside.isEmpty ? "" : ", and \(setAside) set aside in \(writer.setAsidePath)"
        guard writer.salvaged + writer.unverified > 0 else {
            return CommandError(
                .damaged,
                "the store is damaged: no row could be salvaged\(beside)",
                remedy: "restore a backup with \(VectorStoreError.Remedy.Call.restore.command) if you have one"
            )
        }
        return CommandError(
            .damaged,
            "the store is damaged: \(rows) \(isUnverified ? "written" : "salvaged") to \(writer.path)\(kind)\(beside)",
            remedy: "make a new store with \(Self.create(report)), and import \(writer.path) into it"
        )
    }

    /// The option for an element that isn't the default.
    private static func element(_ element: ElementType) -> String? {
        element == .float32 ? nil : "--element \(element.rawValue)"
    }

    /// The command that makes a store for the rows. The user must fill in options that are lost: a default would be a
    /// guess.
    private static func create(_ report: SalvageReport) -> String {
        let options =
            [
                report.dimension.map { "--dimension \($0)" }, report.element.flatMap(element),
                "--metric \(report.metric?.rawValue ?? "METRIC")",
                "--ids \(report.idKind?.rawValue ?? "KIND")",
            ] + (report.model.map(ModelOptions.words) ?? [])
        let lost = [report.metric == nil ? "METRIC" : nil, report.idKind == nil ? "KIND" : nil].compactMap(\.self)
        let note = lost.isEmpty ? "" : " (\(lost.joined(separator: " and ")) lost: name what it had)"
        return "`\((["lacuna create NEW"] + options.compactMap(\.self)).joined(separator: " "))`\(note)"
    }
}
