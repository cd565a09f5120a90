@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Reads and writes whole files by stdio. Never use it for SQLite's files while a connection has them open.
enum TestFiles {
    struct Failure: Error { let errno: Int32 }

    /// Calls `body` with a directory that is removed afterwards.
    ///
    /// It is in memory if there is such a file system, unless the disk itself matters.
    static func withDirectory<R>(onDisk: Bool = false, _ body: (String) throws -> R) throws -> R {
        let temporary = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        let base = !onDisk && exists("/dev/shm") ? "/dev/shm" : temporary
        let directory = "\(base)/lacuna-crash-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        try makeDirectory(directory)
        defer { remove(directory) }
        return try body(directory)
    }

    static func makeDirectory(_ path: String) throws {
        if unsafe mkdir(path, 0o755) != 0 && errno != EEXIST { throw Failure(errno: errno) }
    }

    static func remove(_ path: String) {
        if let names = try? Directory.names(path) {
            for name in names { remove(path + "/" + name) }
            _ = unsafe rmdir(path)
        } else {
            _ = unsafe unlink(path)
        }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func write(_ bytes: [UInt8], to path: String, length: Int64? = nil) throws {
        guard let file = unsafe fopen(path, "we") else { throw Failure(errno: errno) }
        defer { unsafe fclose(file) }
        let written = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        if written != bytes.count { throw Failure(errno: errno) }
        if let length {
            unsafe fflush(file)
            if unsafe ftruncate(fileno(file), off_t(length)) != 0 { throw Failure(errno: errno) }
        }
    }

    static func overwrite(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
        guard let file = unsafe fopen(path, "r+e") else { throw Failure(errno: errno) }
        defer { unsafe fclose(file) }
        unsafe fseek(file, offset, SEEK_SET)
        let written = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        if written != bytes.count { throw Failure(errno: errno) }
    }

    static func read(_ path: String) throws -> [UInt8] {
        guard let file = unsafe fopen(path, "re") else { throw Failure(errno: errno) }
        defer { unsafe fclose(file) }
        unsafe fseek(file, 0, SEEK_END)
        let size = unsafe ftell(file)
        unsafe rewind(file)
        // For an empty array, the standard library writes the count into storage that all empty arrays share, which
        // ThreadSanitizer reports as a race.
        if size == 0 { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = unsafe fread(buffer.baseAddress, 1, size, file)
        }
    }

    static func copy(_ from: String, _ to: String) throws {
        try makeDirectory(to)
        for name in try Directory.names(from) { try write(read(from + "/" + name), to: to + "/" + name) }
    }

    /// The data files of a store, by name, to check that nothing was touched.
    static func dataFiles(_ directory: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try Directory.names(directory) where StorePaths.generation(ofDataFile: name) != nil {
            files[name] = try read(directory + "/" + name)
        }
        return files
    }

    /// The number of descriptors that this process has open on files below `directory`.
    static func openDescriptors(below directory: String) -> Int {
        guard let names = try? Directory.names("/proc/self/fd") else { return 0 }
        return names.count { name in
            var buffer = [CChar](repeating: 0, count: 4_096)
            let count = unsafe readlink("/proc/self/fd/\(name)", &buffer, buffer.count - 1)
            return count > 0
                && String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(directory)
        }
    }
}
