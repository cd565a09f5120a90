import LacunaPlatform
import LacunaSQLite

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// An SQLite database that other programs have made, opened for reading its tables; see ``Connection/distrust()``.
///
/// A virtual table is never read: the text that made a table must begin as a table's does, and SQLite parses the same
/// text.
final class SourceDatabase {
    let path: String
    private let connection: Connection
    private let readable = ReadableTables()

    init(_ source: RowSource) throws(FormatError) {
        guard case .file(let path) = source else {
            throw FormatError.invalid(
                source.name,
                "a database isn't read from a pipe",
                remedy: "save it as a file first"
            )
        }
        self.path = path
        let directory: Directory
        let name: String
        let isWritable: Bool
        do throws(SystemError) {
            try FileStatus.at(path).checkRegular(path)
            (directory, name) = try Self.place(of: path)
            if let journal = try directory.status(name + "-journal"), journal.size > 0 {
                throw SystemError(errno: EBUSY, call: "open", path: path)
            }
            let hasLog = try (directory.status(name + "-wal")?.size ?? 0) > 0
            let mayWrite = unsafe access(directory.path(""), W_OK) == 0
            isWritable = hasLog || mayWrite
        } catch {
            if error.errno == EBUSY { throw Self.unfinished(path) }
            throw FormatError.unreadable(path, error)
        }
        do throws(VectorStoreError) {
            // Where no file can be made beside it, SQLite can't lock a database that has a log; nobody can write it then.
            connection = try Connection(name, in: directory, isWritable ? .readOnly : .immutable)
            try connection.distrust()
            connection.allowOnlyReading(readable)
        } catch { throw Self.unreadable(path, error) }
    }

    /// The names of the tables, in order, without SQLite's own.
    func tables() throws(FormatError) -> [String] {
        try schema().map(\.name).filter { !$0.lowercased().hasPrefix("sqlite_") }
    }

    /// The name of a table as the schema spells it, and the text that made it; nil if there is no such table.
    func table(_ name: String) throws(FormatError) -> (name: String, definition: String)? {
        let tables = try schema()
        return tables.first { $0.name == name }
            ?? tables.first { $0.name.lowercased() == name.lowercased() }
    }

    private func schema() throws(FormatError) -> [(name: String, definition: String)] {
        let cursor = try cursor(
            "SELECT name, sql FROM main.sqlite_master WHERE type = 'table'",
            reading: ["sqlite_master"]
        )
        var tables: [(String, String)] = []
        while try cursor.next() { tables.append((cursor.text(0) ?? "", cursor.text(1) ?? "")) }
        return tables.sorted { $0.0 < $1.0 }
    }

    /// The columns of a table, in order, without those that SQLite computes.
    func columns(of table: String) throws(FormatError) -> [(name: String, isKey: Bool)] {
        let cursor = try cursor("PRAGMA main.table_xinfo(\(Self.quoted(table)))", reading: [table])
        var columns: [(String, Bool)] = []
        while try cursor.next() {
            if cursor.value(6) == .integer(0) {
                columns.append((cursor.text(1) ?? "", cursor.value(5) != .integer(0)))
            }
        }
        return columns
    }

    /// Begins to read rows. A table in `tables` that is virtual is refused.
    func cursor(_ sql: String, reading tables: [String]) throws(FormatError) -> Cursor {
        for table in tables { readable.add(table) }
        do throws(VectorStoreError) { return Cursor(try connection.prepare(sql), path) } catch {
            throw Self.unreadable(path, error)
        }
    }

    /// A statement that finds one row by its number, again and again.
    func lookup(_ sql: String, reading tables: [String]) throws(FormatError) -> Lookup {
        for table in tables { readable.add(table) }
        do throws(VectorStoreError) { return Lookup(try connection.prepare(sql), path) } catch {
            throw Self.unreadable(path, error)
        }
    }

    /// Throws unless a table is an ordinary one.
    func checkIsTable(_ name: String) throws(FormatError) {
        let tokens = try table(name).map { SQLToken.tokens(of: $0.definition).prefix(2) }
        guard tokens == [.word("create"), .word("table")] else {
            throw FormatError.invalid(
                path,
                "'\(excerpt(name))' is no table, or a virtual one",
                remedy: "copy its rows into a table, or export them to .csv"
            )
        }
    }

    static func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }

    static func unreadable(_ path: String, _ error: VectorStoreError) -> FormatError {
        let reason = (error.cause as? SQLiteError)?.message ?? error.problem
        return FormatError(.invalid, "\(path): \(reason)", remedy: "check that it is a sound SQLite database")
    }

    private static func unfinished(_ path: String) -> FormatError {
        .invalid(path, "a change of it was not finished", remedy: "open it in the sqlite3 shell once")
    }

    /// The directory that holds the file itself, if the path leads to a link, and the file's name in it.
    private static func place(of path: String) throws(SystemError) -> (Directory, String) {
        guard let real = unsafe realpath(path, nil) else {
            throw SystemError(errno: errno, call: "realpath", path: path)
        }
        defer { unsafe free(real) }
        let whole = unsafe String(cString: real)
        let slash = whole.utf8.lastIndex(of: UInt8(ascii: "/")) ?? whole.startIndex
        let directory = slash == whole.startIndex ? "/" : String(whole[..<slash])
        return (try Directory(directory), String(whole[whole.utf8.index(after: slash)...]))
    }

    /// Rows of a statement, one after the other.
    final class Cursor {
        private let statement: Statement
        private let path: String
        private var hasEnded = false

        fileprivate init(_ statement: Statement, _ path: String) {
            self.statement = statement
            self.path = path
        }

        func next() throws(FormatError) -> Bool {
            // After its end, a statement would begin again.
            if hasEnded { return false }
            do throws(VectorStoreError) { hasEnded = try !statement.step() } catch { throw unreadable(path, error) }
            return !hasEnded
        }

        func value(_ column: Int) -> ColumnValue { statement.columnValue(column) }

        /// Nil if the value is no text in UTF-8.
        func text(_ column: Int) -> String? {
            guard case .text(let bytes) = value(column) else { return nil }
            return String(validating: bytes, as: UTF8.self)
        }
    }

    struct Lookup {
        private let statement: Statement
        private let path: String

        fileprivate init(_ statement: Statement, _ path: String) {
            self.statement = statement
            self.path = path
        }

        /// The values of the row; nil if there is none.
        func values(_ row: Int64, count: Int) throws(FormatError) -> [ColumnValue]? {
            defer { statement.reset() }
            do throws(VectorStoreError) {
                try statement.bind(row, at: 1)
                return try statement.step() ? (0..<count).map(statement.columnValue) : nil
            } catch { throw unreadable(path, error) }
        }
    }
}
