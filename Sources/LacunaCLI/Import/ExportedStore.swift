import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The store that an imported file was exported from, by the description beside the file.
struct ExportedStore {
    private let file: String
    private let description: ExportDescription
    private let metric: DistanceMetric
    private let idKind: VectorIDKind
    private let element: ElementType

    /// Nil if no description lies beside the file.
    ///
    /// - Throws: Bad data if it is no description, or that of an export that was interrupted.
    init?(beside file: String) throws {
        guard file != "-", let description = try ExportDescription.read(beside: file) else { return nil }
        let path = ExportDescription.path(beside: file)
        guard description.rows != nil else {
            throw CommandError.badData(
                "\(path): the export was interrupted while it gave its files their names",
                remedy: "export again"
            )
        }
        // Under another name, the files that it names may be those of another export.
        let slash = file.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { file[file.utf8.index(after: $0)...] } ?? file[...]
        if let first = description.files.first, !first.utf8.elementsEqual(name.utf8) {
            throw CommandError.badData(
                "\(path): it describes the export \(first), not \(name)",
                remedy: "give all files of the export their old names; or move this one away, and name the metadata "
                    + "with --metadata"
            )
        }
        guard let metric = DistanceMetric(rawValue: description.metric),
            let idKind = VectorIDKind(rawValue: description.ids),
            let element = ElementType(rawValue: description.element)
        else {
            throw CommandError.badData("\(path): it describes no store of this version", remedy: "move it away")
        }
        self.file = file
        self.description = description
        (self.metric, self.idKind, self.element) = (metric, idKind, element)
    }

    /// The path of the file with the ids and the metadata, if they aren't in the rows' own file.
    var metadataFile: String? {
        guard let name = description.metadataFile, !name.utf8.contains(UInt8(ascii: "/")) else { return nil }
        let slash = file.utf8.lastIndex(of: UInt8(ascii: "/"))
        return slash.map { file[...$0] + name } ?? name
    }

    /// - Parameter rows: The number of rows of the file; nil if that isn't known.
    func check(rows: Int?) throws(CommandError) {
        guard let rows, let exported = description.rows, rows != exported else { return }
        throw .badData(
            "\(file): it has \(counted(rows, "row")), and \(ExportDescription.path(beside: file)) describes \(exported)",
            remedy: "export again; or move the description away"
        )
    }

    private var model: EmbeddingModel? {
        description.model.map {
            EmbeddingModel($0, version: description.modelVersion, normalized: description.normalized)
        }
    }

    /// Makes such a store if there is none.
    ///
    /// - Returns: A sentence that says which store was made; nil if there was one.
    func createIfMissing(_ store: String) throws -> String? {
        if try isThere(store) { return nil }
        do {
            switch idKind {
            case .integer: try create(Int64.self, store)
            case .text: try create(String.self, store)
            case .uuid: try create(UUID.self, store)
            }
        } catch let error as VectorStoreError { throw CreateCommand.refusal(error, store) }
        return singleLine("\(store) was made, as \(ExportDescription.path(beside: file)) describes it")
    }

    private func isThere(_ store: String) throws -> Bool {
        do { _ = try VectorStoreInfo.read(at: store) } catch {
            if error.code == .noSuchStore { return false }
            throw error
        }
        return true
    }

    private func create<ID: CommandID>(_: ID.Type, _ store: String) throws {
        let configuration = VectorStoreConfiguration(
            dimension: description.dimension,
            metric: metric,
            element: element,
            model: model
        )
        try VectorStore<ID>.create(at: store, configuration: configuration).close()
    }

    /// Says, for people, how the store of the import differs from the one of the export. Another dimension, and ids of
    /// another kind, are errors of the rows.
    func differences(from info: VectorStoreInfo) -> [String] {
        var differences: [String] = []
        if metric != info.metric {
            differences.append("distances were \(metric.rawValue) and are \(info.metric.rawValue) here")
        }
        if element != info.element {
            differences.append("components were \(element.rawValue) and are \(info.element.rawValue) here")
        }
        if let model, let here = info.model, model != here {
            differences.append("the model was \(model) and is \(here) here")
        }
        return differences.map { "\(file) comes from another kind of store: \($0)" }
    }
}
