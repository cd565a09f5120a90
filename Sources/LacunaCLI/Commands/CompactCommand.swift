import ArgumentParser
import Lacuna

/// The strategies as the command line names them; one is still to come.
enum StrategyOption: String, ExpressibleByArgument, CaseIterable {
    case auto, rewrite
    case inPlace = "in-place"
    case punch

    /// Nil for one that isn't there yet.
    var strategy: CompactionStrategy? { CompactionStrategy(rawValue: rawValue) }
}

struct CompactCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Give the space of dead rows back to the disk."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Option(help: "How; `in-place` is not available yet.")
    var strategy: StrategyOption = .auto

    @Flag(help: "Change nothing; tell what would be done, and why.")
    var dryRun = false

    @Option(help: ArgumentHelp("Bytes a second, at most; not available yet.", valueName: "bytes"))
    var maxRate: String?

    @Option(help: ArgumentHelp("Seconds after which to stop; not available yet.", valueName: "seconds"))
    var deadline: String?

    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { dryRun ? .readOnly : .readWrite }

    func check() throws {
        if strategy.strategy == nil {
            throw CommandError.usage(
                "--strategy \(strategy.rawValue) is not available yet; choose auto, rewrite or punch"
            )
        }
        if maxRate != nil { throw CommandError.usage("--max-rate is not available yet; leave it out") }
        if deadline != nil { throw CommandError.usage("--deadline is not available yet; leave it out") }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let strategy = strategy.strategy ?? .auto
        if dryRun { return try printPlan(store.compactionPlan(strategy), output) }
        let bar = ProgressBar("compacting")
        let report = try store.compact(strategy) { progress in
            bar.update(progress.done, of: progress.total)
            try Interrupts.check()
        }
        bar.clear()
        try printReport(report, output)
    }

    private func printPlan(_ plan: CompactionPlan, _ output: StandardOutput) throws {
        let name = plan.strategy?.rawValue ?? "none"
        if format.json {
            return try output.line(
                JSONText.object([
                    "strategy": JSONText(name), "reason": JSONText(plan.reason),
                    "rows_moved": JSONText(plan.movedRows), "bytes_written": JSONText(plan.writtenBytes),
                    "bytes_reclaimed": JSONText(plan.reclaimedBytes), "disk_needed": JSONText(plan.neededBytes),
                ])
            )
        }
        try output.lines([
            "strategy": "\(name): \(plan.reason)",
            "would move": counted(plan.movedRows, "row"),
            "would write": byteText(plan.writtenBytes),
            "would give back": byteText(plan.reclaimedBytes),
            "needs on top": byteText(plan.neededBytes),
        ])
    }

    private func printReport(_ report: CompactionReport, _ output: StandardOutput) throws {
        let name = report.strategy?.rawValue ?? "none"
        if format.json {
            return try output.line(
                JSONText.object([
                    "strategy": JSONText(name), "rows_live": JSONText(report.liveRows),
                    "rows_moved": JSONText(report.movedRows), "bytes_written": JSONText(report.writtenBytes),
                    "logical_before": JSONText(report.logicalBefore), "logical_after": JSONText(report.logicalAfter),
                    "allocated_before": JSONText(report.allocatedBefore),
                    "allocated_after": JSONText(report.allocatedAfter), "seconds": JSONText(report.duration),
                    "longest_writer_pause_seconds": JSONText(report.longestWriterPause),
                    "generation": JSONText(report.generation),
                ])
            )
        }
        guard report.strategy != nil else { return try output.line("nothing to do: no space to be given back") }
        let freed = report.allocatedBefore - report.allocatedAfter
        try output.lines([
            "strategy": name,
            "live": counted(report.liveRows, "row"),
            "moved": "\(counted(report.movedRows, "row")), \(byteText(report.writtenBytes)) written",
            "on disk": "\(byteText(report.allocatedBefore)) before, \(byteText(report.allocatedAfter)) after"
                + (freed > 0 ? ": \(Terminal.styled("\(byteText(freed)) given back", .green))" : ""),
            "took": "\(secondsText(report.duration)); writers waited \(secondsText(report.longestWriterPause)) at most",
            "generation": String(report.generation),
        ])
    }
}
