import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// A plain file, which shows the speed of the machine itself.
package struct PlainFile: ~Copyable {
    /// The number of bytes in one call, unless the caller decides.
    private static let block = 4 << 20

    private let descriptor: CInt

    package init(creating path: String) throws {
        try self.init(path, O_RDWR | O_CREAT | O_TRUNC)
    }

    package init(reading path: String) throws {
        try self.init(path, O_RDONLY)
    }

    private init(_ path: String, _ flags: CInt) throws {
        descriptor = open(path, flags | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw FileFailure("open") }
    }

    deinit { close(descriptor) }

    package var size: Int { Int(lseek(descriptor, 0, SEEK_END)) }

    /// Appends, or writes at `offset` if given.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count =
                offset.map { pwrite(descriptor, rest.baseAddress, rest.count, off_t($0 + done)) }
                ?? Foundation.write(descriptor, rest.baseAddress, rest.count)
            guard count > 0 else { throw FileFailure("write") }
            done += count
        }
    }

    /// Appends `count` bytes.
    package func fill(_ count: Int) throws {
        let block = [UInt8](repeating: 7, count: Self.block)
        for start in stride(from: 0, to: count, by: block.count) {
            try block[..<min(block.count, count - start)].withUnsafeBytes { try write($0) }
        }
    }

    /// Appends another file.
    package func copy(_ other: borrowing PlainFile) throws {
        var block = [UInt8](repeating: 0, count: Self.block)
        lseek(other.descriptor, 0, SEEK_SET)
        while true {
            let count = block.withUnsafeMutableBytes { read(other.descriptor, $0.baseAddress, $0.count) }
            if count < 0 { throw FileFailure("read") }
            if count == 0 { return }
            try block[..<count].withUnsafeBytes { try write($0) }
        }
    }

    /// Syncs the data, and the metadata needed to find them, to the medium.
    package func sync() throws {
        #if os(Linux)
        let code = fdatasync(descriptor)
        #else
        let code = fcntl(descriptor, F_FULLFSYNC)
        #endif
        if code != 0 { throw FileFailure("fdatasync") }
    }

    package func withMap<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        let size = size
        guard let map = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), map != MAP_FAILED else {
            throw FileFailure("mmap")
        }
        defer { munmap(map, size) }
        return try body(UnsafeRawBufferPointer(start: map, count: size))
    }

    /// Reads the files of a directory, so that the page cache has them.
    package static func fillCache(with directory: String) throws {
        var block = [UInt8](repeating: 0, count: Self.block)
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            let file = try PlainFile(reading: directory + "/" + name)
            var count = 0
            repeat {
                count = block.withUnsafeMutableBytes { read(file.descriptor, $0.baseAddress, $0.count) }
                if count < 0 { throw FileFailure("read") }
            } while count > 0
        }
    }

    /// Drops the files of a directory from the page cache, so that the next read waits for the medium.
    package static func dropCached(in directory: String) throws {
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            let file = try PlainFile(reading: directory + "/" + name)
            // Dirty pages would stay, so they are written first.
            if fsync(file.descriptor) != 0 { throw FileFailure("fsync") }
            #if os(Linux)
            if posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED) != 0 { throw FileFailure("posix_fadvise") }
            #endif
        }
    }
}

private struct FileFailure: Error, CustomStringConvertible {
    let description: String

    init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
}
