import ArgumentParser
import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

struct CreateCommand: StoreNaming {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make an empty store.",
        discussion: .help(
            examples: [
                "lacuna create my.lacuna --dimension 384",
                "lacuna create notes.lacuna --dimension 768 --metric dot --ids text",
                "lacuna create big.lacuna --dimension 1024 --element float16",
            ]
        )
    )

    @Argument(help: "The directory to make; its parent must exist.", completion: .directory)
    var store: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of components of every vector, 1 to 65,536.", valueName: "n")
    )
    var dimension: Int

    @Option(help: "How distances are measured.")
    var metric: DistanceMetric = .cosine

    @Option(help: "The type of the ids.")
    var ids: VectorIDKind = .integer

    @Option(help: "The type of the components.")
    var element: ElementType = .float32

    @Option(help: "What makes searches faster; if it is `codes`, accelerate and compact make them.")
    var acceleration: Acceleration = .off

    @OptionGroup var model: ModelOptions

    @OptionGroup var format: JSONOption

    func run() throws {
        let info: VectorStoreInfo
        let model = try model.embeddingModel()
        do {
            switch ids {
            case .integer: info = try create(Int64.self, model)
            case .text: info = try create(String.self, model)
            case .uuid: info = try create(UUID.self, model)
            }
        } catch let error as VectorStoreError {
            throw Self.refusal(error, store)
        }
        let output = StandardOutput()
        if format.json {
            try output.line(
                JSONText.object([
                    "uuid": JSONText(info.uuid.text), "dimension": JSONText(info.dimension),
                    "metric": JSONText(info.metric.rawValue), "ids": JSONText(info.idKind.rawValue),
                    "element": JSONText(info.element.rawValue), "acceleration": JSONText(info.acceleration.rawValue),
                    "model": JSONText(info.model?.name), "model_version": JSONText(info.model?.version),
                    "normalized": JSONText(info.model?.isNormalized),
                ])
            )
        } else {
            try output.line(
                "made \(singleLine(store)): dimension \(info.dimension), \(info.metric.rawValue), "
                    + "\(info.idKind.rawValue) ids, \(info.element.rawValue)"
                    + (info.acceleration == .codes ? ", with codes" : "")
                    + (info.model.map { ", of the model \(singleLine("\($0)"))" } ?? "")
            )
        }
        try output.flush()
    }

    private func create<ID: CommandID>(_: ID.Type, _ model: EmbeddingModel?) throws -> VectorStoreInfo {
        let handle = try VectorStore<ID>.create(
            at: store,
            configuration: .init(
                dimension: dimension,
                metric: metric,
                element: element,
                acceleration: acceleration,
                model: model
            )
        )
        let info = try handle.info
        try handle.close()
        return info
    }

    /// Gives every error in making the directory the status "cannot create", except for permissions and the disk.
    static func refusal(_ error: VectorStoreError, _ store: String) -> any Error {
        if error.code == .notAStore { return CommandError(.cannotCreate, error) }
        if error.code == .noSuchStore {
            return CommandError(
                .cannotCreate,
                "cannot create \(store): its parent is no directory",
                remedy: "make that first"
            )
        }
        guard let cause = error.cause as? SystemError else { return error }
        switch cause.errno {
        case ENAMETOOLONG, ELOOP, EINVAL:
            return CommandError(.cannotCreate, "cannot create \(store): \(cause)", remedy: "choose another path")
        default: return error
        }
    }
}
