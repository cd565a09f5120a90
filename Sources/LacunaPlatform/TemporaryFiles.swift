#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The directories for temporary files.
package enum TemporaryFiles {
    /// The directory for our own temporary files.
    package static var directory: String { variable("TMPDIR") ?? "/tmp" }

    /// The directory for SQLite's: the first of its places that can be written (sqlite.org/tempfiles.html).
    package static var sqliteDirectory: String {
        let places = [variable("SQLITE_TMPDIR"), variable("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp"].compactMap(\.self)
        return places.first { unsafe access($0, W_OK | X_OK) == 0 } ?? "."
    }

    private static func variable(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
}

extension VectorStoreError {
    /// Makes an error on a temporary file, which doesn't concern the store's disk.
    package init(temporary error: SystemError) {
        let general = VectorStoreError(error)
        switch error.errno {
        case ENOSPC, EDQUOT: self.init(.diskFull, "\(error)", remedy: .otherTemporaryDirectory, cause: error)
        case EACCES, EPERM, EROFS, ENOENT, ENOTDIR:
            self.init(
                general.code,
                "\(error)",
                remedy: "set TMPDIR to a directory that exists and can be written",
                cause: error
            )
        default: self = general
        }
    }
}

extension VectorStoreError.Remedy {
    /// The remedy if the temporary directory is full.
    package static let otherTemporaryDirectory: Self = "free some space there, or set TMPDIR to another directory"
}

/// Makes a system call's error on a temporary file into a ``VectorStoreError``.
package func mappedTemporary<R: ~Copyable>(_ call: @autoclosure () throws(SystemError) -> R) throws(VectorStoreError)
    -> R
{
    do { return try call() } catch { throw VectorStoreError(temporary: error) }
}
