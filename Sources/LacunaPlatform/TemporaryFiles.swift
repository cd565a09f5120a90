#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Where temporary files go.
package enum TemporaryFiles {
    /// Where ours go.
    package static var directory: String { variable("TMPDIR") ?? "/tmp" }

    /// Where SQLite's go: the first of its places that can be written (sqlite.org/tempfiles.html).
    package static var sqliteDirectory: String {
        let places = [variable("SQLITE_TMPDIR"), variable("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp"].compactMap(\.self)
        return places.first { unsafe access($0, W_OK | X_OK) == 0 } ?? "."
    }

    private static func variable(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
}

extension VectorStoreError {
    /// An error on a temporary file, which is no matter of the store's disk.
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
    /// Of a temporary directory that is full.
    package static let otherTemporaryDirectory: Self = "free some space there, or set TMPDIR to another directory"
}

/// Maps a system call's error on a temporary file.
package func mappedTemporary<R: ~Copyable>(_ call: @autoclosure () throws(SystemError) -> R) throws(VectorStoreError)
    -> R
{
    do { return try call() } catch { throw VectorStoreError(temporary: error) }
}
