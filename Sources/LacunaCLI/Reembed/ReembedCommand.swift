import ArgumentParser
import Lacuna
import LacunaFormats

struct ReembedCommand: WaitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "reembed",
        abstract: "Give all rows new vectors, of another model.",
        discussion: .help(
            """
            Reads NAME.npy, with the rows' ids in NAME.jsonl beside it, as `export` writes them (without that file, the rows \
            are in id order), or NAME.jsonl ({"id": …, "vector": […]}). Every row of the store needs a vector there. \
            The old vectors are current until all new ones are in the store. If it is stopped, the store is as before.
            """,
            examples: [
                "lacuna reembed my.lacuna new.npy --model all-minilm --model-version 2",
                "lacuna reembed my.lacuna --abort",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Argument(help: "The new vectors: NAME.npy or NAME.jsonl.", completion: .file())
    var file: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Refuse a file whose vectors have another number of components.", valueName: "n")
    )
    var dimension: Int?

    @OptionGroup var model: ModelOptions

    @Flag(help: "Drop what a killed run, or a program, has left of a re-embedding; takes no file.")
    var abort = false

    @OptionGroup var limits: LimitOptions
    @OptionGroup var waiting: WaitOption
    @OptionGroup var format: JSONOption

    var access: VectorStoreAccess { .readWrite }

    func check() throws {
        try limits.check()
        _ = try model.embeddingModel()
        if abort {
            guard file == nil else {
                throw CommandError.usage("--abort takes no file", remedy: "leave one of them out")
            }
            return
        }
        guard let file else {
            throw CommandError.usage("no file of new vectors was given", remedy: "give a .npy or .jsonl file")
        }
        guard ["npy", "jsonl"].contains(RowFormat(path: file)?.name) else {
            throw CommandError.usage("'\(file)' is of no known format", remedy: "give a .npy or .jsonl file")
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        guard let file else { return try drop(store, output) }
        let vectors = try NewVectors<ID>(file, dimension: dimension, ids: { try store.ids() })
        try vectors.checkIDs(of: store)
        let before = try store.info
        // Its vectors may be those of another file.
        if try store.abortReembedding() { StandardError.line("note: dropped what an earlier re-embedding had left") }
        let report: ReembeddingReport
        do { report = try reembed(store, vectors) } catch {
            _ = try? store.abortReembedding()
            throw error
        }
        if !report.isOwnerKept { StandardError.warnOfOwner() }
        if report.model == nil && before.model != nil {
            StandardError.line("note: the store no longer says which model made its vectors; --model names it")
        }
        try print(report, output)
    }

    private func reembed<ID: CommandID>(_ store: VectorStore<ID>, _ vectors: NewVectors<ID>) throws -> ReembeddingReport
    {
        let bar = ProgressBar("re-embedding")
        defer { bar.clear() }
        return try store.reembed(
            dimension: vectors.dimension,
            model: model.embeddingModel(),
            options: limits.options,
            progress: { progress in
                bar.update(progress.done, of: progress.total)
                try Interrupts.check(remedy: "run the command again; the store is as it was")
            },
            { ids, _, _ in try ids.map { try vectors.vector(for: $0) } }
        )
    }

    private func drop<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let isDropped = try store.abortReembedding()
        if format.json { return try output.line(JSONText.object(["aborted": JSONText(isDropped)])) }
        try output.line(isDropped ? "dropped the new vectors; the store is as it was" : "no re-embedding was begun")
    }

    private func print(_ report: ReembeddingReport, _ output: StandardOutput) throws {
        if format.json {
            return try output.line(
                JSONText.object([
                    "rows": JSONText(report.rows), "dimension": JSONText(report.dimension),
                    "model": JSONText(report.model?.name), "generation": JSONText(report.generation),
                    "seconds": JSONText(report.duration), "model_version": JSONText(report.model?.version),
                    "normalized": JSONText(report.model?.isNormalized),
                ])
            )
        }
        try output.line(
            "re-embedded \(counted(report.rows, "row")) in \(secondsText(report.duration)): dimension "
                + grouped(report.dimension) + (report.model.map { ", of the model \(singleLine("\($0)"))" } ?? "")
        )
    }
}
