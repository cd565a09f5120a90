#if canImport(Darwin)
package import Darwin
#else
package import Glibc
#endif

/// Identifies a file, whatever name leads to it: no two files have the same identity at the same time.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    let inode: UInt64

    package init(_ buffer: stat) {
        device = UInt64(truncatingIfNeeded: buffer.st_dev)
        inode = UInt64(buffer.st_ino)
    }
}

package struct FileStatus: Sendable {
    package let identity: FileIdentity
    /// The file's length in bytes.
    package let size: Int64
    /// The bytes of disk that the file occupies, as the file system counts them.
    package let allocated: Int64
    /// The file system's block size in bytes; a power of two.
    package let blockSize: Int64
    /// The names that the file has; 0 once the last one was removed.
    package let links: Int
    /// The time of the last write, in nanoseconds; the clock's ticks are some milliseconds long.
    package let modified: Int64
    /// The permission bits.
    package let mode: mode_t
    package let owner: uid_t
    package let group: gid_t
    /// The kind of anything that isn't a regular file; nil for a regular file.
    package let otherKind: String?
    package let isDirectory: Bool

    init(_ buffer: stat) {
        let block = Int64(buffer.st_blksize)
        #if canImport(Darwin)
        let modified = buffer.st_mtimespec
        #else
        let modified = buffer.st_mtim
        #endif
        identity = FileIdentity(buffer)
        size = Int64(buffer.st_size)
        allocated = Int64(buffer.st_blocks) * 512
        blockSize = block >= 512 && block & (block - 1) == 0 ? block : 4096
        links = Int(buffer.st_nlink)
        self.modified = Int64(modified.tv_sec) &* 1_000_000_000 &+ Int64(modified.tv_nsec)
        mode = buffer.st_mode & 0o777
        owner = buffer.st_uid
        group = buffer.st_gid
        isDirectory = buffer.st_mode & S_IFMT == S_IFDIR
        otherKind =
            switch buffer.st_mode & S_IFMT {
            case S_IFREG: nil
            case S_IFLNK: "a symbolic link"
            case S_IFDIR: "a directory"
            case S_IFIFO: "a named pipe"
            case S_IFSOCK: "a socket"
            default: "a device"
            }
    }

    /// The status of the file that a path leads to; links are followed.
    package static func at(_ path: String) throws(SystemError) -> FileStatus {
        var buffer = stat()
        if unsafe stat(path, &buffer) != 0 { throw SystemError(errno: errno, call: "stat", path: path) }
        return FileStatus(buffer)
    }

    /// The status of the file that an open descriptor leads to.
    package static func of(_ descriptor: Int32) throws(SystemError) -> FileStatus {
        var buffer = stat()
        if unsafe fstat(descriptor, &buffer) != 0 { throw SystemError(errno: errno, call: "stat", path: "") }
        return FileStatus(buffer)
    }
}
