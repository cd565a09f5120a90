#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Converts between the caller's types and the JSON text that the index keeps.
enum MetadataCoding {
    static func encode(_ metadata: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(metadata), as: UTF8.self) } catch {
            throw VectorStoreError(
                .invalidMetadata,
                "the metadata can't be encoded as JSON",
                remedy: "see the cause",
                cause: error
            )
        }
    }

    static func decode<M: Decodable>(_ type: M.Type, _ json: String) throws -> M {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }
}
