import ArgumentParser
import Lacuna
import LacunaFormats

struct ExportCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write rows to a file or to standard output, in id order.",
        discussion: .help(
            """
            NAME.npy gets NAME.jsonl beside it, with ids and metadata; NAME.fvecs has vectors only; .jsonl, .csv and \
            .sqlite have whole rows; postgres is a script for psql, which makes a table of pgvector's. FILE.store.json \
            describes the store. Files get their names when all are complete, and replace only those of an earlier \
            export of the same store to the same name.
            """,
            examples: [
                "lacuna export my.lacuna all.npy",
                #"lacuna export my.lacuna --to csv --where "id < 500" | less"#,
                "lacuna export my.lacuna --to postgres --sync | psql mydatabase",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: "The file to write, or - for standard output.", completion: .file())
    var file = "-"

    @Option(
        name: .customLong("to"),
        help: ArgumentHelp(
            "The format: \(RowFormat.written.map(\.name).joined(separator: ", ")). By default, FILE's ending tells it.",
            valueName: "format"
        )
    )
    var formatName: String?

    @OptionGroup var conditions: FilterOptions
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var format: JSONOption

    private var isToStandardOutput: Bool { file == "-" }

    func check() throws {
        let format = try rowFormat()
        try database.check(format)
        guard isToStandardOutput else { return try checkIsOutside(file, ofStore: store) }
        if !format.isText {
            throw CommandError.usage("\(format.name) can't go to standard output", remedy: "name a file")
        }
        if self.format.json {
            throw CommandError.usage("--json would print among the rows", remedy: "name a file, or leave it out")
        }
    }

    private func rowFormat() throws(CommandError) -> RowFormat {
        let names = RowFormat.written.map(\.name).joined(separator: ", ")
        if let formatName {
            guard let format = RowFormat(named: formatName, among: RowFormat.written) else {
                throw .usage("'\(formatName)' is no format", remedy: "choose one of \(names)")
            }
            return format
        }
        guard let format = RowFormat(path: file, among: RowFormat.written) else {
            throw .usage(
                isToStandardOutput ? "the format is missing" : "'\(file)' is of no known format",
                remedy: "choose one with --to: \(names)"
            )
        }
        return format
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let format = try rowFormat()
        let filter = try conditions.filter()
        try store.read { snapshot in
            let options = database.options(for: ExportDescription(snapshot.info))
            let limits = try format.limits(options)
            let files = isToStandardOutput ? nil : try open(format, options.description)
            if let limits { try check(snapshot, filter, limits) }
            func begin() throws -> any ExportWriter {
                try files.map { try format.writer(to: $0, options) } ?? format.writer(to: output, options)
            }
            // Nothing is written if nothing matches.
            var writer = conditions.areGiven ? nil : try begin()
            let rows = try forEach(snapshot, filter, "exporting") { row in
                if writer == nil { writer = try begin() }
                try writer?.append(row)
            }
            guard let writer else { return try reportNothing(output) }
            try writer.end()
            if let files { try report(rows, try files.publish(rows: rows), files.paths, output) }
        }
    }

    private func open(_ format: RowFormat, _ description: ExportDescription) throws -> OutputFiles {
        do { return try format.files(file, description) } catch { throw CommandError.creating(error) }
    }

    /// Reads all rows before the first is written.
    private func check<ID: CommandID>(
        _ snapshot: borrowing VectorStoreSnapshot<ID>,
        _ filter: Filter?,
        _ limits: any RowLimits
    ) throws {
        try forEach(snapshot, filter, "checking", includingVectors: limits.needVectors) { row in
            do throws(FormatError) { try limits.check(row) } catch { throw error.at("id \(row.id.jsonText)") }
        }
    }

    @discardableResult
    private func forEach<ID: CommandID>(
        _ snapshot: borrowing VectorStoreSnapshot<ID>,
        _ filter: Filter?,
        _ title: String,
        includingVectors: Bool = true,
        _ body: (WrittenRow) throws -> Void
    ) throws -> Int {
        let total = snapshot.count
        let bar = ProgressBar(title)
        var rows = 0
        try snapshot.forEach(where: filter, includingVectors: includingVectors) { row in
            try Interrupts.check(remedy: "run the command again")
            try body(WrittenRow(id: row.id.scalar, vector: row.vector, metadata: row.metadataJSON))
            rows += 1
            bar.update(rows, of: total)
        }
        bar.clear()
        return rows
    }

    private func reportNothing(_ output: StandardOutput) throws {
        if format.json { try output.line(json(0, 0, [])) }
        throw format.json
            ? .silent(.no)
            : CommandError.nothingMatched(conditions.words)
    }

    private func report(_ rows: Int, _ bytes: Int, _ paths: [String], _ output: StandardOutput) throws {
        if format.json { return try output.line(json(rows, bytes, paths)) }
        let names = paths.map(singleLine).joined(separator: ", ")
        try output.line("exported \(counted(rows, "row")), \(byteText(Int64(bytes))), to \(names)")
    }

    private func json(_ rows: Int, _ bytes: Int, _ paths: [String]) -> String {
        JSONText.object([
            "rows": JSONText(rows), "bytes": JSONText(bytes), "files": JSONText(paths.map { JSONText($0) }),
        ])
    }
}

extension StandardOutput: TextOutput {}

extension ExportDescription {
    init(_ info: VectorStoreInfo) {
        self.init(
            store: info.uuid.text,
            dimension: info.dimension,
            metric: info.metric.rawValue,
            ids: info.idKind.rawValue,
            element: info.element.rawValue,
            model: info.model?.name,
            modelVersion: info.model?.version,
            normalized: info.model?.isNormalized
        )
    }
}
