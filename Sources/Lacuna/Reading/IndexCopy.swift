import CLacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A copy of a store's index and its log, in a temporary directory of its own that is removed with this object.
///
/// A process that is killed leaves its copies. So each copy has a file that is locked while the copy is used. Making a
/// copy first removes the same user's copies that nobody uses any more.
final class IndexCopy: Sendable {
    let directory: Directory
    /// The number of pages that the disk can't read, which are zeros in the copy.
    let unreadablePages: Int
    private let lock: FileLock

    private static let prefix = "lacuna-index-"
    private static let pattern = "XXXXXX"
    /// The lock file, which shows that a directory is ours. It is made first and removed last.
    static let lockName = "lacuna-copy.lock"
    private static let attempts = 10
    private static let pageBytes = 4_096

    /// Copies the index, and the log if there is one, even if they are damaged.
    ///
    /// - Parameter skippingUnreadable: Whether to leave out pages that the disk can't read.
    /// - Throws: An error if there is no index, or the copy can't be made; `busy` if this process has the index open.
    init(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        skippingUnreadable: Bool = false
    ) throws(VectorStoreError) {
        Self.removeStale()
        (directory, lock) = try mappedTemporary(Self.makeDirectory())
        let (from, to) = (paths.directory, directory)
        do {
            unreadablePages = try OpenConnections.excluded(from: from) { () throws(VectorStoreError) in
                let pages = try Self.copy(StorePaths.indexName, from, to, fileSystem, skippingUnreadable)
                guard try mapped(from.status(StorePaths.logName)) != nil else { return pages }
                return try pages + Self.copy(StorePaths.logName, from, to, fileSystem, skippingUnreadable, isLog: true)
            }
        } catch {
            Self.remove(directory)
            throw error
        }
    }

    deinit { Self.remove(directory) }

    /// Removes the names of the files. Call this after a connection has opened them all; then not even a kill leaves
    /// the copy behind.
    func unlink() { Self.remove(directory) }

    // MARK: Directories

    private static func makeDirectory() throws(SystemError) -> (Directory, FileLock) {
        let base = TemporaryFiles.directory
        for _ in 0..<attempts {
            var template = Array("\(base)/\(prefix)\(pattern)".utf8CString)
            guard let made = unsafe mkdtemp(&template) else {
                throw SystemError(errno: errno, call: "create a temporary directory in", path: base)
            }
            let directory = try Directory(unsafe String(cString: made))
            let lock: FileLock
            do { lock = try FileLock(lockName, in: directory, create: true) } catch {
                remove(directory)
                throw error
            }
            // Another process that removes old copies may have come between.
            if try lock.tryLock(exclusive: true), lock.isNamed, directory.isAtItsPath { return (directory, lock) }
        }
        throw SystemError(errno: EBUSY, call: "lock a temporary directory in", path: base)
    }

    /// Removes old copies: directories with a name like ours that belong to this user alone, contain our lock file and
    /// nothing else but an index, and are used by nobody. Errors are ignored, since a caller could do nothing about
    /// them.
    private static func removeStale() {
        guard let base = try? Directory(TemporaryFiles.directory), let names = try? base.names() else { return }
        for name in names where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + pattern.utf8.count {
            guard let status = try? base.status(name), status.isDirectory, status.owner == geteuid(),
                status.mode == 0o700,
                let directory = try? Directory(base.path(name)), directory.identity == status.identity,
                let lock = try? FileLock(lockName, in: directory, create: false),
                (try? lock.tryLock(exclusive: true)) == true
            else { continue }
            remove(directory)
        }
    }

    private static func remove(_ directory: Directory) {
        guard let names = try? directory.names(), Set(names).isSubset(of: StorePaths.indexNames + [lockName]) else {
            return
        }
        for name in names where name != lockName { try? SystemFileSystem().unlink(name, in: directory) }
        try? SystemFileSystem().unlink(lockName, in: directory)
        if directory.isAtItsPath { _ = unsafe rmdir(directory.path) }
    }

    // MARK: Copying

    /// Copies one file; returns the number of pages that were left out because the disk can't read them. Holes stay
    /// holes: the copy takes no more room than the file, whatever its length.
    private static func copy(
        _ name: String,
        _ from: Directory,
        _ to: Directory,
        _ fileSystem: any FileSystem,
        _ skippingUnreadable: Bool,
        isLog: Bool = false
    ) throws(VectorStoreError) -> Int {
        let input = try mapped(fileSystem.open(name, in: from, .read))
        defer { fileSystem.close(input) }
        let output = try mappedTemporary(fileSystem.open(name, in: to, .createNew()))
        defer { fileSystem.close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var position: Int64 = 0
        var unreadablePages = 0
        while let data = DataFile.extent(of: input, from: position) {
            position = data.lowerBound
            let count: Int
            do throws(SystemError) {
                var span = buffer.mutableSpan
                count = try unsafe span.withUnsafeMutableBytes { bytes throws(SystemError) in
                    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<min(bytes.count, data.count)])
                    return try unsafe fileSystem.read(input, into: part, at: position)
                }
            } catch {
                guard skippingUnreadable else { throw VectorStoreError(error.on(from.path(name))) }
                if error.errno == EIO && buffer.count > pageBytes {
                    // From here on it reads one page at a time.
                    buffer.removeLast(buffer.count - pageBytes)
                    continue
                }
                unreadablePages += 1
                // The name is not a regular file.
                guard error.errno == EIO else { return unreadablePages }
                position += Int64(pageBytes)
                continue
            }
            if count == 0 { break }
            do throws(SystemError) {
                try unsafe buffer.span.extracting(..<count).withUnsafeBytes { bytes throws(SystemError) in
                    try unsafe fileSystem.writeAll(output, bytes, at: position)
                }
            } catch { throw VectorStoreError(temporary: error.on(to.path(name))) }
            position += Int64(count)
        }
        // The database gets its full length, with a hole at the end, since SQLite takes pages beyond the end for
        // missing. (The log doesn't need that: a frame of zeros is no frame.) If the file can't be made that long, the
        // pages are missing.
        if !isLog, let size = try mapped(from.status(name))?.size, size > position {
            try? fileSystem.truncate(output, to: size)
        }
        return unreadablePages
    }
}
