import ArgumentParser
import Lacuna
import LacunaFormats

struct ImportCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Add the rows of a file or of standard input, in durable batches.",
        discussion: .help(
            """
            \(RowFormat.all.map { "  .\($0.name): \($0.summary)" }.joined(separator: "\n"))

            Ids come from the rows or the metadata, or else from --ids, or are counted from --first-id. An import that \
            was stopped goes on if it is started again with --skip-existing.
            """,
            examples: [
                "lacuna import my.lacuna sample.npy --metadata sample.jsonl",
                "lacuna import my.lacuna rows.jsonl --skip-existing",
                "gunzip -c r.jsonl.gz | lacuna import my.lacuna - --format jsonl",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: "The file, or - for standard input.", completion: .file())
    var file: String

    @OptionGroup var rowFile: RowFileOptions

    @Option(
        help: ArgumentHelp("The ids: a text file with one id on each line.", valueName: "file"),
        completion: .file()
    )
    var ids: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The first id, if ids are counted; 1 by default.", valueName: "n")
    )
    var firstID: Int64?

    @Flag(help: "Leave out the rows whose id exists already.")
    var skipExisting = false

    @OptionGroup var replacing: ReplaceOptions
    @OptionGroup var batches: BatchOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try batches.check()
        try replacing.check()
        if skipExisting && replacing.replace {
            throw CommandError.usage("--replace and --skip-existing exclude each other", remedy: "leave one out")
        }
        let format = try rowFile.rowFormat(of: file)
        if rowFile.metadata != nil && !format.options.contains(.metadataFile) {
            throw CommandError.usage(
                "--metadata goes with files that have only vectors, and a .\(format.name) row holds its own metadata",
                remedy: "leave --metadata out"
            )
        }
    }

    func run() throws {
        try check()
        guard let made = try ExportedStore(beside: file)?.createIfMissing(store) else { return try runOnStore() }
        do { try runOnStore() } catch {
            guard var error = CommandError(error) else { throw error }
            error.acknowledged = [error.acknowledged, made].compactMap(\.self).joined(separator: "; ")
            throw error
        }
        StandardError.line("note: \(made)")
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let info = try store.info
        let dimension = info.dimension
        let exported = try ExportedStore(beside: file)
        let source = file == "-" ? RowSource.standardInput : .file(file)
        var options = rowFile.readerOptions(dimension: dimension)
        if options.metadataFile == nil && ids == nil { options.metadataFile = exported?.metadataFile }
        let reader = try rowFile.rowFormat(of: file).reader(of: source, options: options)
        let total = reader.rowCount
        try exported?.check(rows: total)
        let ids = try ImportedIDs<ID>(file: ids, first: firstID, rows: total, of: source.name)
        let ahead = RowsAhead(reader, rows: batches.batch, dimension: dimension)
        defer { ahead.stop() }
        var rows = ImportedRows(ahead, ids, of: source.name)
        var result = ImportResult()
        let bar = ProgressBar("importing")
        do {
            while try rows.hasNext() {
                try Interrupts.check(remedy: "import again with --skip-existing to go on")
                try write(&rows, to: store, &result)
                try batches.acknowledge(result.rows + result.skipped, output)
                if let total { bar.update(result.rows + result.skipped, of: total) }
            }
            try rows.checkEnd()
        } catch {
            bar.clear()
            throw CommandError(error)?.after(result.rows, "were imported before this and are kept") ?? error
        }
        bar.clear()
        let notes = rows.notes + (exported?.differences(from: info) ?? [])
        for note in notes { StandardError.line("note: \(singleLine(note))") }
        let oldMetadata = result.withoutMetadata > 0 ? replacing.fateOfOldMetadata : nil
        try report(result, ContinuousClock.now - start, Int64(result.rows) * Int64(dimension) * 4, oldMetadata, output)
    }

    /// Writes the rows of one transaction, of which there is at least one.
    private func write<ID: CommandID>(
        _ rows: inout ImportedRows<ID>,
        to store: VectorStore<ID>,
        _ result: inout ImportResult
    ) throws {
        var new = result
        try store.write { batch in
            var count = 0
            while try count < batches.batch && rows.hasNext() {
                count += 1
                let id = try rows.next()
                if try skipExisting && store.contains(id) {
                    new.skipped += 1
                    continue
                }
                let metadata = rows.metadata
                do throws(VectorStoreError) {
                    try batch.put(
                        rows.components.span.extracting(rows.componentRange),
                        for: id,
                        metadataJSON: metadata,
                        replacing: replacing.replace,
                        oldMetadata: replacing.oldMetadata
                    )
                } catch {
                    throw located(error, at: rows.location, isCounted: !rows.haveIDs && ids == nil)
                }
                new.rows += 1
                if metadata == nil { new.withoutMetadata += 1 }
            }
        }
        result = new
        result.batches += 1
    }

    /// If an error is in the data of a row, the same error with the row's place in the file.
    ///
    /// - Parameter isCounted: Whether the row's id is none that was given.
    private func located(_ error: VectorStoreError, at location: String, isCounted: Bool) -> any Error {
        switch error.code {
        case .duplicateID:
            let remedy =
                isCounted
                ? "the ids are counted: give them with --metadata or --ids, or count on with --first-id"
                : "replace it with --replace, or leave it out with --skip-existing"
            return CommandError.badData(error.problem, remedy: remedy).at(location)
        case .invalidVector, .invalidMetadata, .invalidID: return CommandError(.badData, error).at(location)
        default: return error
        }
    }

    private func report(
        _ result: ImportResult,
        _ duration: Duration,
        _ bytes: Int64,
        _ oldMetadata: String?,
        _ output: StandardOutput
    ) throws {
        let seconds = duration.inSeconds
        let rate = seconds > 0 ? Double(result.rows) / seconds : 0
        if format.json {
            return try output.line(
                JSONText.object([
                    "rows": JSONText(result.rows), "batches": JSONText(result.batches), "seconds": JSONText(seconds),
                    "rows_per_second": JSONText(rate), "bytes": JSONText(bytes), "skipped": JSONText(result.skipped),
                    "old_metadata": oldMetadata.map { JSONText($0) } ?? .null,
                ])
            )
        }
        try output.line(
            "imported \(counted(result.rows, "row")) (\(byteText(bytes))) in "
                + "\(counted(result.batches, "batch", plural: "batches")), \(secondsText(duration)): "
                + "\(grouped(Int(rate))) rows a second"
                + (skipExisting ? "; skipped \(counted(result.skipped, "row")) that existed" : "")
                + (oldMetadata.map { "; where there were no new metadata, old ones were \($0)" } ?? "")
        )
    }
}

/// The counts of an import.
struct ImportResult {
    var rows = 0
    var skipped = 0
    var withoutMetadata = 0
    var batches = 0
}
