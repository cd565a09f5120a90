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
    private let name: String
    private let directory: Directory
    private let connection: Connection
    private let readable = ReadableTables()
    /// Whether the log has changes, and the files beside it that SQLite wants for reading them may be missing.
    private let mayLackFiles: Bool
    /// The state of the files before the first read, if no lock protects it.
    private let unprotected: Stamp?

    init(_ source: RowSource) throws(FormatError) {
        guard case .file(let path) = source else {
            throw FormatError.invalid(
                source.name,
                "a database isn't read from a pipe",
                remedy: "save it as a file first"
            )
        }
        self.path = path
        let stamp: Stamp
        let hasJournal: Bool
        do throws(SystemError) {
            try FileStatus.at(path).checkRegular(path)
            (directory, name) = try Self.place(of: path)
            stamp = try Stamp(name, directory)
            hasJournal = try (directory.status(name + "-journal")?.size ?? 0) > 0
        } catch { throw FormatError.unreadable(path, error) }
        if hasJournal { try Self.checkJournal(directory.path(name + "-journal"), path) }
        let mayWrite = unsafe access(directory.path(""), W_OK) == 0
        mayLackFiles = stamp.logSize > 0 && !mayWrite
        // Where no file can be made beside it, SQLite can't lock a database that has a log, though others may write it.
        var isUnlocked = !mayWrite && stamp.logSize == 0
        if isUnlocked { isUnlocked = try Self.hasLogMode(path) }
        unprotected = isUnlocked ? stamp : nil
        do throws(VectorStoreError) {
            let mode: Connection.Mode = isUnlocked ? .immutable : .readOnly
            connection = try Connection(name, in: directory, mode, mayHaveJournal: true)
            try connection.distrust()
            connection.allowOnlyReading(readable)
        } catch { throw Self.unreadable(path, error) }
    }

    /// What changes with a database.
    private struct Stamp: Equatable {
        let size: Int64
        let modified: Int64
        let logSize: Int64
        let logModified: Int64

        init(_ name: String, _ directory: Directory) throws(SystemError) {
            let (file, log) = (try directory.status(name), try directory.status(name + "-wal"))
            (size, modified) = (file?.size ?? 0, file?.modified ?? 0)
            (logSize, logModified) = (log?.size ?? 0, log?.modified ?? 0)
        }
    }

    /// Throws if a transaction wasn't finished. One that was may leave its journal, with zeros at its beginning.
    private static func checkJournal(_ journal: String, _ path: String) throws(FormatError) {
        guard let first = try InputFile(.file(journal)).peek(1).first, first != 0 else { return }
        throw .invalid(path, "a change of it was not finished", remedy: "open it in the sqlite3 shell once")
    }

    /// Whether the header says that changes go to a write-ahead log.
    private static func hasLogMode(_ path: String) throws(FormatError) -> Bool {
        try InputFile(.file(path)).peek(20).suffix(2) == [2, 2]
    }

    /// Called after the last row.
    private func checkUnchanged() throws(FormatError) {
        guard let unprotected, (try? Stamp(name, directory)) != unprotected else { return }
        throw .invalid(path, "it was changed while it was read", remedy: "import it when nothing writes it")
    }

    /// The tables, by their names in order, without SQLite's own.
    func tables() throws(FormatError) -> [(name: String, isVirtual: Bool)] {
        try schema().filter { !$0.name.lowercased().hasPrefix("sqlite_") }.map { table in
            (table.name, SQLToken.tokens(of: table.definition).prefix(2) == [.word("create"), .word("virtual")])
        }
    }

    /// The name of a table as the schema spells it, and the text that made it; nil if there is no such table.
    func table(_ name: String) throws(FormatError) -> (name: String, definition: String)? {
        let tables = try schema()
        return tables.first { $0.name.equalsInSQL(name) }
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
        do throws(VectorStoreError) { return Cursor(try connection.prepare(sql), self) } catch {
            throw unreadable(error)
        }
    }

    /// A statement that finds one row by its number, again and again.
    func lookup(_ sql: String, reading tables: [String]) throws(FormatError) -> Lookup {
        for table in tables { readable.add(table) }
        do throws(VectorStoreError) { return Lookup(try connection.prepare(sql), self) } catch {
            throw unreadable(error)
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

    static func quoted(_ name: String) -> String { "\"\(name.doubling(0x22))\"" }

    private func unreadable(_ error: VectorStoreError) -> FormatError {
        if mayLackFiles, (error.cause as? SQLiteError)?.lacksFile == true {
            return .invalid(
                path,
                "the changes in \(name)-wal can't be read without writing to its directory",
                remedy: "copy it together with its -wal, or let its owner checkpoint it"
            )
        }
        return Self.unreadable(path, error)
    }

    private static func unreadable(_ path: String, _ error: VectorStoreError) -> FormatError {
        let cause = error.cause as? SQLiteError
        let remedy =
            cause?.isBusy == true
            ? "wait until nothing writes it, and try again" : "check that it is a sound SQLite database"
        return FormatError(.invalid, "\(path): \(cause?.message ?? error.problem)", remedy: remedy)
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
        private let database: SourceDatabase
        private var hasEnded = false

        fileprivate init(_ statement: Statement, _ database: SourceDatabase) {
            self.statement = statement
            self.database = database
        }

        func next() throws(FormatError) -> Bool {
            // After its end, a statement would begin again.
            if hasEnded { return false }
            do throws(VectorStoreError) { hasEnded = try !statement.step() } catch { throw database.unreadable(error) }
            if hasEnded { try database.checkUnchanged() }
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
        private let database: SourceDatabase

        fileprivate init(_ statement: Statement, _ database: SourceDatabase) {
            self.statement = statement
            self.database = database
        }

        /// The values of the row; nil if there is none.
        func values(_ row: Int64, count: Int) throws(FormatError) -> [ColumnValue]? {
            defer { statement.reset() }
            do throws(VectorStoreError) {
                try statement.bind(row, at: 1)
                return try statement.step() ? (0..<count).map(statement.columnValue) : nil
            } catch { throw database.unreadable(error) }
        }
    }
}
