import ArgumentParser
import Lacuna
import LacunaFormats

struct CompactCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Give the space of dead rows back to the disk.",
        discussion: .help(
            """
            It is safe to interrupt or kill it at any moment: then a rewrite leaves the store as it was, and the other \
            strategies keep what they have done so far. If the store wants codes, it makes those that are missing at \
            its end (`lacuna help accelerate`).
            """,
            examples: [
                "lacuna compact my.lacuna --dry-run",
                "lacuna compact my.lacuna",
                "lacuna compact my.lacuna --strategy in-place --max-rate 50000000",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Option(help: "The strategy; `auto` chooses by the gain, the cost and the free disk.")
    var strategy: CompactionStrategy = .auto

    @Flag(help: "Change nothing; print what would be done, and why.")
    var dryRun = false

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { dryRun ? .readOnly : .readWrite }

    func check() throws { try limits.check() }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        if dryRun { return try printPlan(of: store, output) }
        let bar = ProgressBar("compacting")
        let report = try waiting.retry {
            try store.compact(strategy, options: limits.options) { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check()
            }
        }
        bar.clear()
        if !report.isOwnerKept { StandardError.warnOfOwner() }
        if let error = report.accelerationError {
            StandardError.line(
                "warning: the codes were not made: \(singleLine(error.problem)); `lacuna accelerate \(Shell.store)` makes them"
            )
        }
        try printReport(report, output)
    }

    private func printPlan<ID: CommandID>(of store: VectorStore<ID>, _ output: StandardOutput) throws {
        let plan = try store.compactionPlan(strategy)
        if !format.json { return try PlanTable(plan, of: store, at: self.store).print(output) }
        try output.line(
            JSONText.object([
                "strategy": JSONText(plan.strategy?.rawValue ?? "none"), "reason": JSONText(plan.reason),
                "rows_moved": JSONText(plan.movedRows), "bytes_written": JSONText(plan.writtenBytes),
                "bytes_reclaimed": JSONText(plan.reclaimedBytes), "disk_needed": JSONText(plan.neededBytes),
            ])
        )
    }

    private func printReport(_ report: CompactionReport, _ output: StandardOutput) throws {
        let name = report.strategy?.rawValue ?? "none"
        if format.json {
            return try output.line(
                JSONText.object([
                    "strategy": JSONText(name), "rows_live": JSONText(report.liveRows),
                    "rows_moved": JSONText(report.movedRows), "bytes_written": JSONText(report.writtenBytes),
                    "logical_before": JSONText(report.logicalBytesBefore),
                    "logical_after": JSONText(report.logicalBytesAfter),
                    "allocated_before": JSONText(report.allocatedBytesBefore),
                    "allocated_after": JSONText(report.allocatedBytesAfter), "seconds": JSONText(report.duration),
                    "longest_writer_pause_seconds": JSONText(report.longestWriterPause),
                    "generation": JSONText(report.generation), "owner_kept": .raw(String(report.isOwnerKept)),
                    "codes_rows": JSONText(report.acceleration?.rows ?? 0),
                    "codes_bytes": JSONText(report.acceleration?.bytes ?? 0),
                ])
            )
        }
        if report.strategy == nil {
            try output.line("nothing to do: no space to be given back")
        } else {
            try printWork(report, name, output)
        }
        if let codes = report.acceleration {
            try output.line("made codes of \(counted(codes.rows, "row")), \(byteText(codes.bytes))")
        }
    }

    private func printWork(_ report: CompactionReport, _ name: String, _ output: StandardOutput) throws {
        let freed = report.allocatedBytesBefore - report.allocatedBytesAfter
        try output.lines([
            "strategy": name,
            "live": counted(report.liveRows, "row"),
            "moved": "\(counted(report.movedRows, "row")), \(byteText(report.writtenBytes)) written",
            "on disk": "\(byteText(report.allocatedBytesBefore)) before, \(byteText(report.allocatedBytesAfter)) after"
                + (freed > 0 ? ": \(Terminal.styled("\(byteText(freed)) given back", .green))" : ""),
            "took": "\(secondsText(report.duration)); writers waited \(secondsText(report.longestWriterPause)) at most",
            "generation": String(report.generation),
        ])
    }
}
