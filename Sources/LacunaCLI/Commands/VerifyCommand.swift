import ArgumentParser
import Lacuna
import LacunaFormats

struct VerifyCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read and check everything; exit 1 on damage.",
        discussion: .help(
            examples: [
                "lacuna verify my.lacuna",
                "lacuna verify my.lacuna --json",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @OptionGroup var format: JSONOption

    func run() throws {
        do { try runOnStore() } catch let error as VectorStoreError where error.code == .damaged {
            // A store that is too damaged to be opened is reported like other damage.
            let output = StandardOutput()
            var report = VerificationSummary()
            report.index = [error.detail]
            try printSummary(report, output)
            try output.flush()
            throw CommandError(.no, "the store is damaged", remedy: remedy())
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let bar = ProgressBar("verifying")
        let report = try store.verify { progress in
            bar.update(progress.done, of: progress.total)
            try Interrupts.check()
        }
        bar.clear()
        let summary = VerificationSummary(report)
        try printSummary(summary, output)
        if !summary.isSound {
            throw CommandError(.no, "the store is damaged", remedy: remedy(summary))
        }
    }

    private typealias Call = VectorStoreError.Remedy.Call

    /// If only rows are damaged, they can be replaced.
    private func remedy(_ summary: VerificationSummary? = nil) -> String {
        let others = summary?.index.isEmpty == true ? "replace or delete the rows named, " : ""
        return "restore a backup with \(Call.restore.command) if you have one, \(others)"
            + "or save the rows that are sound with \(Call.salvage.command)"
    }

    private static let meanings = [
        "bad_checksums": "rows with a bad checksum", "out_of_bounds": "rows outside of the file",
        "shared_offsets": "rows in the same place", "bad_metadata": "metadata with a bad checksum",
    ]

    private func printSummary(_ summary: VerificationSummary, _ output: StandardOutput) throws {
        if format.json { return try output.line(summary.json) }
        let verdict = summary.isSound ? Terminal.styled("sound", .green) : Terminal.styled("damaged", .red)
        try output.line("\(verdict): \(counted(summary.rows, "row")) read")
        for (name, ids) in summary.lists where !ids.isEmpty {
            let shown = ids.prefix(10).joined(separator: ", ")
            let more = ids.count > 10 ? " and \(grouped(ids.count - 10)) more" : ""
            try output.line("  \(Self.meanings[name] ?? name): \(ids.count == 1 ? "id" : "ids") \(shown)\(more)")
        }
        for message in summary.index { try output.line("  index: \(singleLine(message))") }
        for name in summary.unknownFiles {
            try output.line("  a file that belongs to nothing: \(singleLine(name)) (left alone; no damage)")
        }
    }
}

/// The result of a verification, without the type of the ids.
struct VerificationSummary {
    var rows = 0
    var isSound = false
    /// The names of the lists, and their ids as JSON.
    var lists: [(name: String, ids: [String])] = ["bad_checksums", "out_of_bounds", "shared_offsets", "bad_metadata"]
        .map { ($0, []) }
    var unknownFiles: [String] = []
    var index: [String] = []

    init() {}

    init<ID: CommandID>(_ report: VerificationReport<ID>) {
        rows = report.rows
        isSound = report.isSound
        let ids = [report.badChecksums, report.outOfBounds, report.sharedOffsets, report.badMetadata]
        lists = zip(lists, ids).map { ($0.name, $1.map(\.jsonText)) }
        unknownFiles = report.unknownFiles
        index = report.indexMessages
    }

    var json: String {
        let named = lists.map { "\"\($0.name)\":[\($0.ids.joined(separator: ","))]" }.joined(separator: ",")
        let rest = JSONText.object([
            "unknown_files": JSONText(unknownFiles.map { JSONText($0) }),
            "index": JSONText(index.map { JSONText($0) }),
        ])
        return "{\"ok\":\(isSound),\"rows\":\(rows),\(named),\(rest.dropFirst())"
    }
}
