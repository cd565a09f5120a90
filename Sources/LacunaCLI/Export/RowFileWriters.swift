import Lacuna
import LacunaFormats

/// One or two files that an export writes row by row.
protocol RowFileWriter {
    func append<ID: CommandID>(_ row: StoredRow<ID>) throws
    /// Makes the files appear, and returns the number of their bytes.
    func finish() throws -> Int
}

struct NPYRowWriter: RowFileWriter {
    private let vectors: NPYWriter
    private let metadata: LineWriter

    init(_ path: String, _ info: VectorStoreInfo) throws {
        vectors = try NPYWriter(path: path, dimension: info.dimension, element: info.element.inNPY)
        metadata = try LineWriter(path: path.dropLast("npy".count) + "jsonl")
    }

    func append<ID: CommandID>(_ row: StoredRow<ID>) throws {
        try vectors.append(row.vector)
        try metadata.append(try FlatRow.line(idText: row.id.jsonText, metadata: row.metadataJSON))
    }

    func finish() throws -> Int {
        let bytes = try vectors.finish()
        return bytes + (try metadata.finish())
    }
}

extension ElementType {
    /// The type with the same values, so that an export has the bytes of the store.
    fileprivate var inNPY: NPYElement {
        switch self {
        case .float32: .single
        case .float16: .half
        case .int8: .int8
        }
    }
}

struct FVECSRowWriter: RowFileWriter {
    private let vectors: FVECSWriter

    init(_ path: String, _ dimension: Int) throws {
        vectors = try FVECSWriter(path: path, dimension: dimension)
    }

    func append<ID: CommandID>(_ row: StoredRow<ID>) throws { try vectors.append(row.vector) }

    func finish() throws -> Int { try vectors.finish() }
}

struct JSONRowWriter: RowFileWriter {
    private let lines: LineWriter

    init(_ path: String) throws {
        lines = try LineWriter(path: path)
    }

    func append<ID: CommandID>(_ row: StoredRow<ID>) throws {
        try lines.append(
            try FullRow.line(idText: row.id.jsonText, vector: row.vector, metadata: row.metadataJSON)
        )
    }

    func finish() throws -> Int { try lines.finish() }
}
