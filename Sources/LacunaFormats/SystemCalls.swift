#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

#if _endian(big)
#error("The formats are little-endian and are read without swapping bytes")
#endif

/// An `errno`, before the file and the action to which it belongs are known.
struct SystemError: Error {
    let code: Int32

    static var directory: SystemError { SystemError(code: EISDIR) }
    static var notSeekable: SystemError { SystemError(code: ESPIPE) }
    static var busy: SystemError { SystemError(code: EWOULDBLOCK) }

    var isMissingFile: Bool { code == ENOENT }

    var text: String {
        if code == EWOULDBLOCK { return "another process is writing it" }
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    var remedy: String {
        switch code {
        case ENOENT, ENOTDIR: "check the path"
        case EACCES, EPERM, EROFS: "check the permissions"
        case ENOSPC, EDQUOT: "free some space and try again"
        case EFBIG: "raise the limit of a file's size (ulimit -f) and try again"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n) and try again"
        case EISDIR, ESPIPE: "name a regular file"
        case EWOULDBLOCK: "wait until that has ended, and try again"
        default: "check the disk and try again"
        }
    }
}

/// The fields of `stat` that we use.
struct FileStatus {
    let device: UInt64
    let inode: UInt64
    let length: Int
    let isRegular: Bool
    let isDirectory: Bool

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        length = Int(status.st_size)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
    }
}

/// The system calls of this target. Each is retried after EINTR, and turns -1 into a ``SystemError``.
enum SystemCall {
    /// Never blocks on a pipe without a writer. `fstat` then tells which kind of file was opened.
    static func openForReading(_ path: String) throws(SystemError) -> Int32 {
        try retrying { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    }

    static func openForWriting(_ path: String) throws(SystemError) -> Int32 {
        try retrying { unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666) }
    }

    static func status(of descriptor: Int32) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try retrying { unsafe fstat(descriptor, &status) }
        return FileStatus(status)
    }

    static func status(at path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try retrying { unsafe stat(path, &status) }
        return FileStatus(status)
    }

    static func lock(_ descriptor: Int32) throws(SystemError) {
        _ = try retrying { flock(descriptor, LOCK_EX | LOCK_NB) }
    }

    static func truncate(_ descriptor: Int32) throws(SystemError) {
        _ = try retrying { ftruncate(descriptor, 0) }
    }

    /// Reads until `bytes` is full or the file ends; returns the number of bytes read.
    static func read(
        _ descriptor: Int32,
        into bytes: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            let position = off_t(offset + done)
            let count = try retrying { unsafe pread(descriptor, rest.baseAddress, rest.count, position) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all of `bytes`, continuing after short writes.
    static func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let from = done
            let position = off_t(offset + done)
            done += try retrying {
                unsafe bytes.withUnsafeBytes { raw in
                    unsafe pwrite(descriptor, raw.baseAddress?.advanced(by: from), raw.count - from, position)
                }
            }
        }
    }

    /// Returns once the file is on stable storage, and not only in the drive's cache.
    static func synchronize(_ descriptor: Int32) throws(SystemError) {
        #if canImport(Darwin)
        do throws(SystemError) {
            _ = try retrying { fcntl(descriptor, F_FULLFSYNC) }
            return
        } catch {
            // Some file systems have nothing stronger than fsync(2).
            guard [ENOTSUP, EINVAL, ENOTTY].contains(error.code) else { throw error }
        }
        #endif
        _ = try retrying { fsync(descriptor) }
    }

    /// Makes a rename in `directory` durable.
    static func synchronizeDirectory(_ directory: String) throws(SystemError) {
        let descriptor = try retrying { unsafe open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY) }
        defer { close(descriptor) }
        try synchronize(descriptor)
    }

    static func rename(_ source: String, to target: String) throws(SystemError) {
        #if canImport(Darwin)
        _ = try retrying { unsafe Darwin.rename(source, target) }
        #else
        _ = try retrying { unsafe Glibc.rename(source, target) }
        #endif
    }

    static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    /// It isn't retried: after EINTR the descriptor is closed on Linux, and may belong to another thread by then.
    static func close(_ descriptor: Int32) {
        #if canImport(Darwin)
        _ = Darwin.close(descriptor)
        #else
        _ = Glibc.close(descriptor)
        #endif
    }

    private static func retrying<Count: SignedInteger>(_ call: () -> Count) throws(SystemError) -> Count {
        while true {
            let result = call()
            if result != -1 { return result }
            let code = errno
            if code != EINTR { throw SystemError(code: code) }
        }
    }
}
