import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

extension SystemError {
    /// The problem, for a person who reads or writes a file of rows.
    var problem: String {
        switch errno {
        case EWOULDBLOCK: "another process is writing it"
        case ESPIPE: "it isn't a regular file"
        default: reason
        }
    }

    /// The way to remedy it.
    var remedy: String {
        switch errno {
        case ENOENT, ENOTDIR: "check the path"
        case EACCES, EPERM, EROFS: "check the permissions"
        case ENOSPC, EDQUOT: "free some space and try again"
        case EFBIG: "raise the limit of a file's size (ulimit -f) and try again"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n) and try again"
        case EISDIR: "name a regular file"
        case ESPIPE: "save it as a file, or send it to standard input, whose name is -"
        case EWOULDBLOCK: "wait until that has ended, and try again"
        default: "check the disk and try again"
        }
    }
}

extension FileStatus {
    /// Throws if the status is not a regular file's.
    func checkRegular(_ path: String) throws(SystemError) {
        if otherKind != nil { throw SystemError(errno: isDirectory ? EISDIR : ESPIPE, call: "open", path: path) }
    }
}
