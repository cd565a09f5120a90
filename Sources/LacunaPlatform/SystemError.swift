#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A system call that failed, with its name, its path and its errno.
@usableFromInline
package struct SystemError: Error, Sendable, CustomStringConvertible {
    package let errno: Int32
    let call: String
    let path: String
    /// The kind of thing that the name leads to, if that is no file; nil for an error that the system reported.
    package let otherKind: String?

    package init(errno: Int32, call: String, path: String, otherKind: String? = nil) {
        self.errno = errno
        self.call = call
        self.path = path
        self.otherKind = otherKind
    }

    @usableFromInline package var description: String {
        otherKind.map { "\(path) is \($0)" } ?? "\(call) \(path): \(reason)"
    }

    /// The system's text for the errno value.
    package var reason: String { unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)" }
}

extension VectorStoreError {
    /// Makes a system call's error into one of the library's: the errno value decides the code and the remedy.
    @usableFromInline package init(_ error: SystemError) {
        switch error.errno {
        case _ where error.otherKind != nil:
            self.init(
                .damaged,
                "\(error), but a store's files must be plain files in its own directory",
                remedy: "remove it, or restore a backup with \(.restore)",
                cause: error
            )
        case ENOSPC, EDQUOT: self.init(.diskFull, "\(error)", cause: error)
        case EFBIG: self.init(.diskFull, "\(error)", remedy: .largerFiles, cause: error)
        case EACCES, EPERM: self.init(.permissionDenied, "\(error)", cause: error)
        case EROFS: self.init(.readOnly, "\(error)", cause: error)
        case EMFILE, ENFILE: self.init(.tooManyOpenFiles, "\(error)", cause: error)
        default: self.init(.ioError, "\(error)", cause: error)
        }
    }
}

extension VectorStoreError.Remedy {
    /// The remedy if a file would be longer than is allowed.
    package static let largerFiles: Self =
        "raise the limit of a file's size (ulimit -f), or put the store on another file system"
}

/// Makes a system call's error into a ``VectorStoreError``.
@inlinable
package func mapped<R: ~Copyable>(_ call: @autoclosure () throws(SystemError) -> R) throws(VectorStoreError) -> R {
    do { return try call() } catch { throw VectorStoreError(error) }
}

extension SystemError {
    /// The name leads to something other than a regular file.
    package init(path: String, isNoFileBut kind: String) {
        self.init(errno: ELOOP, call: "open", path: path, otherKind: kind)
    }

    /// The same error with the file's name, which a call on a descriptor doesn't know.
    package func on(_ path: String) -> SystemError {
        SystemError(errno: errno, call: call, path: path, otherKind: otherKind)
    }

    package var isNameTaken: Bool { errno == EEXIST }

    package var isNoSuchFile: Bool { errno == ENOENT || errno == ENOTDIR }

    package var isNotPermitted: Bool { errno == EACCES || errno == EPERM }

    /// The file system has no such operation.
    package var isUnsupported: Bool { errno == EOPNOTSUPP || errno == ENOTSUP || errno == ENOSYS || errno == ENOTTY }
}
