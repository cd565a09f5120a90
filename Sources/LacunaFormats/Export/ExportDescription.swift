#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the file `FILE.store.json` beside an export says: the store that the rows come from, so that an import makes the
/// same store, and the files that belong to the export, so that nothing else is overwritten.
package struct ExportDescription: Codable, Equatable, Sendable {
    /// The store's UUID.
    package var store: String
    package var dimension: Int
    /// `cosine`, `dot` or `euclidean`.
    package var metric: String
    /// The type of the ids: `integer`, `text` or `uuid`.
    package var ids: String
    /// The type of the components: `float32`, `float16` or `int8`.
    package var element: String
    package var model: String?
    package var modelVersion: String?
    package var normalized: Bool?
    /// The number of rows; nil while an export replaces its files, and after one that was killed then.
    package var rows: Int?
    /// The names of the export's files in the directory of this one, which isn't among them.
    package var files: [String] = []

    package init(
        store: String,
        dimension: Int,
        metric: String,
        ids: String,
        element: String,
        model: String?,
        modelVersion: String?,
        normalized: Bool?
    ) {
        self.store = store
        self.dimension = dimension
        self.metric = metric
        self.ids = ids
        self.element = element
        self.model = model
        self.modelVersion = modelVersion
        self.normalized = normalized
    }

    private enum CodingKeys: String, CodingKey {
        case store, dimension, metric, ids, element, model, normalized, rows, files
        case modelVersion = "model_version"
    }

    private static let maximumBytes = 1 << 20

    package static func path(beside file: String) -> String { file + ".store.json" }

    /// The name of the export's file of metadata, if its ids and metadata are in a file of their own.
    package var metadataFile: String? { files.count > 1 ? files[1] : nil }

    /// Reads the description beside a file of rows.
    ///
    /// - Returns: Nil if there is none.
    /// - Throws: `.invalid` if it is no description; `.unreadable` if it can't be opened.
    package static func read(beside file: String) throws(FormatError) -> ExportDescription? {
        let path = path(beside: file)
        guard OutputFiles.isThere(path) else { return nil }
        let input = try InputFile(.file(path))
        var bytes: [UInt8] = []
        if let length = input.length, length <= maximumBytes {
            try input.read(length, into: &bytes, at: 0)
            if let description = try? JSONDecoder().decode(Self.self, from: Data(bytes)) { return description }
        }
        throw FormatError.invalid(
            path,
            "it doesn't describe an export",
            remedy: "move it away, or export to another name"
        )
    }

    /// The text that ``read(beside:)`` reads.
    func json() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Texts, integers and a Boolean can always be encoded.
        return Array(((try? encoder.encode(self)) ?? Data()) + [0x0A])
    }
}
