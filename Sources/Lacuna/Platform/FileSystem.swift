import CPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How a file is opened.
package enum FileAccess: Sendable {
    case read
    case readWrite
    /// Fails with EEXIST where the name is taken.
    case createNew
}

package struct FileStatus: Sendable {
    /// The file's length in bytes.
    package let size: Int64
    /// The bytes of disk it occupies, as the file system counts them.
    package let allocated: Int64
    /// The file system's block size in bytes; a power of two.
    package let blockSize: Int64
    package let isDirectory: Bool
    /// The number that no other file has at the time.
    package let inode: UInt64
    /// When it was last written, in nanoseconds; the clock has ticks of some milliseconds.
    package let modified: Int64
}

/// Every operation on the data file and its directory: the one seam at which tests make any of them fail, or stop the
/// process after it. SQLite's own operations go through its VFS.
package protocol FileSystem: Sendable {
    func open(_ path: String, _ access: FileAccess) throws(SystemError) -> Int32
    func close(_ descriptor: Int32)
    /// One pread(2): the bytes read, 0 at the end of the file.
    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int
    /// One pwrite(2): the bytes written, perhaps fewer than given.
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int
    /// Reserves blocks for the range and extends the file over it.
    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError)
    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    /// Has the disk begin with what a sync will wait for: a hint.
    func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64)
    /// Waits for what was begun, so that not too much of it piles up; makes nothing durable.
    func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func sync(_ descriptor: Int32) throws(SystemError)
    func syncDirectory(_ path: String) throws(SystemError)
    func unlink(_ path: String) throws(SystemError)
    func rename(_ path: String, to newPath: String) throws(SystemError)
}

extension FileSystem {
    /// Reads until `buffer` is full or the file ends; the bytes read.
    func readAll(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try unsafe read(descriptor, into: rest, at: offset + Int64(done))
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Continues short writes.
    func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try unsafe write(descriptor, rest, at: offset + Int64(done))
        }
    }
}

/// The operating system's file system.
package struct SystemFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> Int32 {
        let flags =
            switch access {
            // Not waiting, should the name be a pipe's: reading at an offset is an error then.
            case .read: O_RDONLY | O_NONBLOCK
            case .readWrite: O_RDWR
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        return try Self.check("open", path) { Self.openDescriptor(path, flags | O_CLOEXEC, 0o644) }
    }

    private static func openDescriptor(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        #if canImport(Darwin)
        unsafe Darwin.open(path, flags, mode)
        #else
        unsafe Glibc.open(path, flags, mode)
        #endif
    }

    package func close(_ descriptor: Int32) {
        #if canImport(Darwin)
        _ = Darwin.close(descriptor)
        #else
        _ = Glibc.close(descriptor)
        #endif
    }

    package func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try Self.check("read", "") { unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    package func write(
        _ descriptor: Int32,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try Self.check("write", "") { unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) }
    }

    package func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try checkCode("allocate", "", lacuna_allocate(descriptor, offset, length))
    }

    package func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        _ = try Self.check("truncate", "") { ftruncate(descriptor, off_t(length)) }
    }

    package func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try checkCode("punch a hole in", "", lacuna_punch_hole(descriptor, offset, length))
    }

    package func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64) {
        lacuna_begin_writeback(descriptor, offset, length)
    }

    package func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        let code = lacuna_finish_writeback(descriptor, offset, length)
        // Some file systems have no such thing.
        if code != 0 && code != ESPIPE && code != ENOSYS && code != EINVAL {
            throw SystemError(errno: code, call: "write", path: "")
        }
    }

    package func sync(_ descriptor: Int32) throws(SystemError) {
        try checkCode("sync", "", lacuna_sync(descriptor))
    }

    package func syncDirectory(_ path: String) throws(SystemError) {
        let descriptor = try Self.check("open", path) {
            Self.openDescriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        defer { close(descriptor) }
        _ = try Self.check("sync", path) { fsync(descriptor) }
    }

    package func unlink(_ path: String) throws(SystemError) {
        #if canImport(Darwin)
        _ = try Self.check("remove", path) { unsafe Darwin.unlink(path) }
        #else
        _ = try Self.check("remove", path) { unsafe Glibc.unlink(path) }
        #endif
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        #if canImport(Darwin)
        _ = try Self.check("rename", path) { unsafe Darwin.rename(path, newPath) }
        #else
        _ = try Self.check("rename", path) { unsafe Glibc.rename(path, newPath) }
        #endif
    }

    /// Where EINTR is handled, once for all calls: one that a signal has interrupted is made again.
    static func check<I: BinaryInteger>(_ call: String, _ path: String, _ body: () -> I) throws(SystemError) -> I {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(errno: code, call: call, path: path) }
        }
    }

    private func checkCode(_ call: String, _ path: String, _ code: Int32) throws(SystemError) {
        if code != 0 { throw SystemError(errno: code, call: call, path: path) }
    }
}
