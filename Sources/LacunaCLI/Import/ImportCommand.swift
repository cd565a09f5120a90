import ArgumentParser
import Lacuna
import LacunaFormats

struct ImportCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Add the rows of a file, in durable batches.",
        discussion: """
            Reads .npy (float32, float64, float16, int8), .fvecs and .jsonl ({"id": …, "vector": […], "metadata": {…}}). Ids \
            come from the metadata's `id`, or from --ids, or are counted from --first-id. The files are checked \
            against one another before the first row is written.
            """
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: "The vectors: NAME.npy, NAME.fvecs or NAME.jsonl.")
    var file: String

    @Option(help: ArgumentHelp("The metadata: a .jsonl file with one object for each row.", valueName: "file"))
    var metadata: String?

    @Option(help: ArgumentHelp("The ids: a text file with one id on each line.", valueName: "file"))
    var ids: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The first id, if ids are counted; 1 by default.", valueName: "n")
    )
    var firstID: Int64?

    @OptionGroup var replacing: ReplaceOptions
    @OptionGroup var batches: BatchOptions
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try batches.check()
        try replacing.check()
        guard let format = RowFileFormat(path: file) else {
            throw CommandError.usage("'\(file)' is of no known format", remedy: "give a .npy, .fvecs or .jsonl file")
        }
        if format == .jsonl && metadata != nil {
            throw CommandError.usage(
                "--metadata goes with .npy and .fvecs, and a .jsonl row holds its own metadata",
                remedy: "leave --metadata out"
            )
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let dimension = try store.info.dimension
        let files = ImportFiles(vectors: file, metadata: metadata, ids: ids, firstID: firstID, dimension: dimension)
        let check = try ImportCheck<ID>(files)
        for note in check.notes { StandardError.line("note: \(singleLine(note))") }
        var rows = 0
        var rowsWithoutMetadata = 0
        var batchCount = 0
        let bar = ProgressBar("importing")
        do {
            let source: any ImportSource<ID> = try files.open(check.idSource)
            while rows < check.rows {
                try Interrupts.check(remedy: "import again with --replace to go on")
                let count = min(batches.batch, check.rows - rows)
                try store.write { batch in
                    for _ in 0..<count {
                        let row = try source.next()
                        if row.metadata == nil { rowsWithoutMetadata += 1 }
                        try batch.put(
                            source.components.span.extracting(row.components),
                            for: row.id,
                            metadataJSON: row.metadata,
                            replacing: replacing.replace,
                            oldMetadata: replacing.oldMetadata
                        )
                    }
                }
                rows += count
                batchCount += 1
                try batches.acknowledge(rows, output)
                bar.update(rows, of: check.rows)
            }
        } catch {
            bar.clear()
            throw CommandError(error)?.after(rows, "were imported before this and are kept") ?? error
        }
        bar.clear()
        let fate = rowsWithoutMetadata > 0 ? replacing.fateOfOldMetadata : nil
        try report(rows, batchCount, ContinuousClock.now - start, Int64(rows) * Int64(dimension) * 4, fate, output)
    }

    private func report(
        _ rows: Int,
        _ batchCount: Int,
        _ duration: Duration,
        _ bytes: Int64,
        _ oldMetadata: String?,
        _ output: StandardOutput
    ) throws {
        let seconds = duration.inSeconds
        let rate = seconds > 0 ? Double(rows) / seconds : 0
        if format.json {
            return try output.line(
                JSONText.object([
                    "rows": JSONText(rows), "batches": JSONText(batchCount), "seconds": JSONText(seconds),
                    "rows_per_second": JSONText(rate), "bytes": JSONText(bytes),
                    "old_metadata": oldMetadata.map { JSONText($0) } ?? .null,
                ])
            )
        }
        try output.line(
            "imported \(counted(rows, "row")) (\(byteText(bytes))) in "
                + "\(counted(batchCount, "batch", plural: "batches")), \(secondsText(duration)): "
                + "\(grouped(Int(rate))) rows a second"
                + (oldMetadata.map { "; where there were no new metadata, old ones were \($0)" } ?? "")
        )
    }
}
