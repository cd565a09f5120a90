import CLacunaSQLite
package import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// An error that SQLite reported: the extended result code, the message, and the statement without its bound values.
package struct SQLiteError: Error, Sendable, CustomStringConvertible {
    package let code: Int32
    package let message: String
    let sql: String?
    /// The system's reason (errno) why a file can't be opened, or why a call on it failed; 0 for any other error.
    package let systemErrno: Int32
    /// Whether the connection only reads, so it writes nothing but temporary files.
    package let isOfReader: Bool

    package init(code: Int32, message: String, sql: String?, systemErrno: Int32 = 0, isOfReader: Bool = false) {
        self.code = code
        self.message = message
        self.sql = sql
        self.systemErrno = systemErrno
        self.isOfReader = isOfReader
    }

    package var primaryCode: Int32 { code & 0xff }

    package var isBusy: Bool { primaryCode == SQLITE_BUSY }

    /// Whether a file that SQLite needs for reading can't be opened, or can't be written.
    package var lacksFile: Bool { [SQLITE_CANTOPEN, SQLITE_READONLY].contains(primaryCode) }

    /// Whether a write failed because there is no room. A failed sync doesn't count: after it, nobody knows what is on
    /// the disk, whatever the reason.
    var hasNoRoom: Bool { isOfWrite && isFull }

    /// Whether a write failed because the file would be longer than is allowed.
    var isTooLong: Bool { isOfWrite && systemErrno == EFBIG }

    private var isOfWrite: Bool { [Self.ioError(3), Self.ioError(19)].contains(code) }

    /// Whether there is no room for a temporary file. Except for shared memory, a connection that only reads writes
    /// nothing else.
    var hasNoRoomForTemporaryFiles: Bool {
        isOfReader && (primaryCode == SQLITE_FULL || code == Self.ioError(3) && isFull)
    }

    /// No directory for temporary files can be written.
    var lacksTemporaryDirectory: Bool { code == Self.ioError(25) }

    /// SQLite itself takes ENOSPC alone for a full disk.
    private var isFull: Bool { [ENOSPC, EDQUOT].contains(systemErrno) }

    /// SQLITE_IOERR_WRITE is 3, _SHMSIZE 19, _GETTEMPPATH 25: macros that Swift doesn't see.
    private static func ioError(_ number: Int32) -> Int32 { SQLITE_IOERR | number << 8 }

    package var description: String {
        "SQLite error \(code): \(message)" + (sql.map { " in: \($0)" } ?? "")
    }
}

extension VectorStoreError {
    /// Makes all of SQLite's errors into errors of ours: the primary code decides what a caller can do.
    package init(_ error: SQLiteError) {
        let problem = "index.sqlite: \(error.message)"
        switch error.primaryCode {
        case _ where error.lacksTemporaryDirectory:
            self.init(
                .permissionDenied,
                "\(problem): no directory for temporary files can be written",
                remedy: "set TMPDIR to one that can",
                cause: error
            )
        case _ where error.hasNoRoomForTemporaryFiles:
            self.init(
                .diskFull,
                "\(problem): the temporary directory \(TemporaryFiles.sqliteDirectory) has no room for what is sorted",
                remedy: .otherTemporaryDirectory,
                cause: error
            )
        case _ where error.isTooLong:
            self.init(.diskFull, "\(problem): the file is too large", remedy: .largerFiles, cause: error)
        case _ where error.hasNoRoom, SQLITE_FULL:
            self.init(.diskFull, problem, cause: error)
        case SQLITE_CANTOPEN where [EMFILE, ENFILE].contains(error.systemErrno):
            self.init(.tooManyOpenFiles, problem, cause: error)
        case SQLITE_BUSY, SQLITE_LOCKED:
            self.init(.busy, "\(problem): another process holds it", cause: error)
        // Our SQL fails with the plain "error" only if the schema isn't ours any more, because a caller's filter is
        // checked before. If the authorizer refuses a table, the table isn't the one that it should be.
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CONSTRAINT, SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_AUTH:
            self = .damaged(problem, cause: error)
        case SQLITE_READONLY:
            self.init(.readOnly, problem, cause: error)
        case SQLITE_CANTOPEN where [EACCES, EPERM].contains(error.systemErrno), SQLITE_PERM:
            self.init(.permissionDenied, problem, cause: error)
        case SQLITE_INTERRUPT:
            self.init(.cancelled, "the call was cancelled before its end", cause: error)
        case SQLITE_TOOBIG:
            self.init(.invalidArgument, problem, remedy: "shorten the text", cause: error)
        case SQLITE_NOMEM:
            self.init(.ioError, problem, remedy: "free some memory and try again", cause: error)
        default:
            self.init(.ioError, "\(problem) (code \(error.code))", cause: error)
        }
    }
}
