import ArgumentParser
import Lacuna

/// `--model` and what belongs to it, for every command that says which model made the vectors.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The name of the model that makes the vectors.", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("The model's version.", valueName: "version"))
    var modelVersion: String?

    @Flag(inversion: .prefixedNo, help: "Say whether the vectors have the length 1; nothing checks it.")
    var normalized: Bool?

    /// The model; nil if none is named.
    func embeddingModel() throws(CommandError) -> EmbeddingModel? {
        if let model { return EmbeddingModel(model, version: modelVersion, normalized: normalized) }
        guard modelVersion == nil && normalized == nil else {
            throw .usage("--model-version and --normalized describe a model", remedy: "name it with --model")
        }
        return nil
    }

    /// The options that name a model, as words for a shell.
    static func words(_ model: EmbeddingModel) -> [String] {
        [
            "--model \(Shell.word(model.name))", model.version.map { "--model-version \(Shell.word($0))" },
            model.isNormalized.map { $0 ? "--normalized" : "--no-normalized" },
        ].compactMap(\.self)
    }
}
