import LacunaPlatform
import LacunaSQLite

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Writes rows as a table of an SQLite database: the id, the vector as little-endian float32, and the metadata as the text
/// of a JSON object, NULL if there are none.
///
/// SQLite writes the file under its temporary name, without a journal on the disk: until it is complete,
/// nobody reads it.
final class SQLiteRowWriter: ExportWriter {
    private let connection: Connection
    private let insert: Statement
    private let isOfIntegers: Bool
    private let path: String

    init(_ files: OutputFiles, _ description: ExportDescription, table: String) throws {
        let file = files.files[0]
        path = file.path
        isOfIntegers = description.ids == "integer"
        let name = "\"\(table.doubling(UInt8(ascii: "\"")))\""
        connection = try Connection(file.partialName, in: file.directory, .createAlone)
        try connection.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN")
        try connection.run(
            "CREATE TABLE \(name) (id \(isOfIntegers ? "INTEGER" : "TEXT") NOT NULL PRIMARY KEY, "
                + "vector BLOB NOT NULL, metadata TEXT)"
        )
        insert = try connection.prepare("INSERT INTO \(name) (id, vector, metadata) VALUES (?, ?, ?)")
    }

    func append(_ row: WrittenRow) throws {
        try attempt { () throws(VectorStoreError) in
            defer { insert.reset() }
            switch row.id {
            case .integer(let integer): try insert.bind(integer, at: 1)
            case .string(let string): try insert.bind(.text(string), at: 1)
            }
            try insert.bind(unsafe row.vector.withUnsafeBytes { unsafe Array($0) }, at: 2)
            try insert.bind(row.metadata.map { .text($0) } ?? .null, at: 3)
            while try insert.step() {}
        }
    }

    func end() throws {
        try attempt { () throws(VectorStoreError) in try connection.run("COMMIT") }
    }

    /// The connection's own errors are about a store.
    private func attempt(_ work: () throws(VectorStoreError) -> Void) throws(FormatError) {
        do throws(VectorStoreError) { try work() } catch {
            let errno = (error.cause as? SystemError)?.errno ?? (error.code == .diskFull ? ENOSPC : EIO)
            throw FormatError.io("write", path, SystemError(errno: errno, call: "write", path: path))
        }
    }
}

extension RowWriting {
    static let sqlite = RowWriting(begin: .files { try SQLiteRowWriter($0, $1.description, table: $1.table) })
}
