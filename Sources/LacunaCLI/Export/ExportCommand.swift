import ArgumentParser
import Lacuna
import LacunaFormats

struct ExportCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write rows to a file, in id order.",
        discussion: """
            NAME.npy gets NAME.jsonl beside it (ids and metadata, as `import --metadata` reads them); NAME.fvecs has \
            vectors only; NAME.jsonl has whole rows, as `import` reads them. Files appear when they are complete.
            """
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Argument(help: "The file to write: NAME.npy, NAME.fvecs or NAME.jsonl.")
    var file: String

    @OptionGroup var conditions: FilterOptions

    @OptionGroup var format: JSONOption

    func check() throws {
        if !["npy", "fvecs", "jsonl"].contains(RowFormat(path: file)?.name) {
            throw CommandError.usage("'\(file)' is of no known format", remedy: "name a .npy, .fvecs or .jsonl file")
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let writer: any RowFileWriter
        do { writer = try open(try store.info) } catch let error as FormatError {
            throw CommandError.creating(error)
        }
        let total = try store.count
        let bar = ProgressBar("exporting")
        var rows = 0
        try store.forEach(where: try conditions.filter()) { row in
            try Interrupts.check()
            try writer.append(row)
            rows += 1
            bar.update(rows, of: total)
        }
        bar.clear()
        if rows == 0 && conditions.areGiven {
            if format.json { try output.line(JSONText.object(["rows": JSONText(0), "bytes": JSONText(0)])) }
            throw format.json
                ? .silent(.no)
                : CommandError(.no, "nothing matched, and no file was written", remedy: "try a wider filter")
        }
        let bytes = try writer.finish()
        if format.json {
            try output.line(JSONText.object(["rows": JSONText(rows), "bytes": JSONText(bytes)]))
        } else {
            try output.line("exported \(counted(rows, "row")), \(byteText(Int64(bytes))), to \(singleLine(file))")
        }
    }

    private func open(_ info: VectorStoreInfo) throws -> any RowFileWriter {
        switch RowFormat(path: file)?.name {
        case "npy": try NPYRowWriter(file, info)
        case "fvecs": try FVECSRowWriter(file, info.dimension)
        default: try JSONRowWriter(file)
        }
    }
}
