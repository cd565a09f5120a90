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
            "--model \(shellWord(model.name))", model.version.map { "--model-version \(shellWord($0))" },
            model.isNormalized.map { $0 ? "--normalized" : "--no-normalized" },
        ].compactMap(\.self)
    }

    private static func shellWord(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "._/:@+".utf8.contains(byte)
            }
        }
        return isPlain ? text : "'\(text.replacing("'", with: #"'\''"#))'"
    }
}
