#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Looking at names without opening what they name: an open descriptor on the index, once closed, would drop all of this
/// process's POSIX locks on it (fcntl(2)).
package enum Directory {
    package static func status(_ path: String) throws(SystemError) -> FileStatus? {
        var buffer = stat()
        guard unsafe stat(path, &buffer) == 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return nil }
            throw SystemError(errno: code, call: "stat", path: path)
        }
        return FileStatus(buffer)
    }

    /// The names in the directory, sorted, without `.` and `..`.
    static func names(_ path: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw SystemError(errno: errno, call: "list", path: path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw SystemError(errno: errno, call: "list", path: path) }
                return names.sorted()
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    static func create(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o755) != 0 { throw SystemError(errno: errno, call: "create", path: path) }
    }

    /// Whether new files can be made in the directory, by permission and by mount.
    static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// Whether there is such a file, and this process may read it.
    static func isReadable(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

    /// The bytes of disk that an unprivileged process may still use.
    static func freeBytes(_ path: String) throws(SystemError) -> Int64 {
        var buffer = statvfs()
        if unsafe statvfs(path, &buffer) != 0 { throw SystemError(errno: errno, call: "statvfs", path: path) }
        let (bytes, overflow) = Int64(clamping: buffer.f_bavail)
            .multipliedReportingOverflow(by: Int64(clamping: buffer.f_frsize))
        return overflow ? .max : bytes
    }

    /// The directory that holds `path`.
    static func parent(of path: String) -> String {
        var path = path[...]
        while path.count > 1 && path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension FileStatus {
    init(_ buffer: stat) {
        let block = Int64(buffer.st_blksize)
        #if canImport(Darwin)
        let modified = buffer.st_mtimespec
        #else
        let modified = buffer.st_mtim
        #endif
        let isPowerOfTwo = block >= 512 && block & (block - 1) == 0
        self.init(
            size: Int64(buffer.st_size),
            allocated: Int64(buffer.st_blocks) * 512,
            blockSize: isPowerOfTwo ? block : 4096,
            isDirectory: buffer.st_mode & S_IFMT == S_IFDIR,
            inode: UInt64(buffer.st_ino),
            modified: Int64(modified.tv_sec) &* 1_000_000_000 &+ Int64(modified.tv_nsec)
        )
    }
}
