/// Writes vectors as a .npy file, and ids and metadata as lines of JSON.
final class NPYRowWriter: ExportWriter {
    private let vectors: NPYWriter
    private let metadata: LineWriter

    init(_ files: OutputFiles, _ description: ExportDescription) throws {
        vectors = try NPYWriter(files.files[0], dimension: description.dimension, element: description.npyElement)
        metadata = LineWriter(files.files[1])
    }

    func append(_ row: WrittenRow) throws {
        try vectors.append(row.vector)
        try metadata.append(try FlatRow.line(idText: row.id.jsonText, metadata: row.metadata))
    }

    func end() throws { try vectors.complete() }
}

extension ExportDescription {
    /// The type with the same values, so that an export has the bytes of the store.
    fileprivate var npyElement: NPYElement {
        switch element {
        case "float16": .half
        case "int8": .int8
        default: .single
        }
    }
}

/// Writes vectors as an .fvecs file, without ids and metadata.
final class FVECSRowWriter: ExportWriter {
    private let vectors: FVECSWriter

    init(_ files: OutputFiles, _ description: ExportDescription) throws {
        vectors = try FVECSWriter(files.files[0], dimension: description.dimension)
    }

    func append(_ row: WrittenRow) throws { try vectors.append(row.vector) }

    func end() throws {}
}

extension RowWriting {
    static let npy = RowWriting(begin: .files(metadata: "jsonl") { try NPYRowWriter($0, $1.description) })
    static let fvecs = RowWriting(begin: .files { try FVECSRowWriter($0, $1.description) })
}
