import Foundation

/// Texts and their embeddings, as a model would give them: the files `sample.npy` and `sample.jsonl` of a folder.
struct Sample {
    let notes: [Note]
    let vectors: [[Float]]

    private static let dimension = 384
    /// The numbers begin after this many bytes of the file.
    private static let header = 128

    init(_ folder: String) throws {
        let lines = try String(contentsOfFile: folder + "/sample.jsonl", encoding: .utf8).split(separator: "\n")
        notes = try lines.map { try JSONDecoder().decode(Note.self, from: Data($0.utf8)) }
        let bytes = try Data(contentsOf: URL(filePath: folder + "/sample.npy")).dropFirst(Self.header)
        let floats = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        vectors = stride(from: 0, to: floats.count, by: Self.dimension).map {
            Array(floats[$0..<$0 + Self.dimension])
        }
    }
}
