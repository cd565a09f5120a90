import CPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How readers open the index, which depends on whether the store's directory can be written, and whose copy salvage reads.
final class IndexSource: Sendable {
    /// The store's, or one with a copy of the index.
    let directory: Directory
    let mode: Connection.Mode
    /// What the store was like, where SQLite doesn't tell readers of commits: as an immutable database or a copy.
    private let stamp: StoreStamp?
    private let isTemporary: Bool

    private static let attempts = 10

    /// Whether files are made that are missing, which their owner must be able to write.
    var createsFiles: Bool { mode == .readOnly && !isTemporary }

    /// Whether readers see each commit, and with it which epoch's lock they hold.
    var followsCommits: Bool { stamp == nil }

    private init(_ directory: Directory, _ mode: Connection.Mode, _ stamp: StoreStamp?, isTemporary: Bool = false) {
        self.directory = directory
        self.mode = mode
        self.stamp = stamp
        self.isTemporary = isTemporary
    }

    deinit {
        guard isTemporary else { return }
        for name in StorePaths.indexNames { try? SystemFileSystem().unlink(name, in: directory) }
        _ = unsafe rmdir(directory.path)
    }

    /// In a directory that can't be written there is no shared memory to be made for the log. With a log and its shared
    /// memory, reading works as usual, and a writer may be at work, also while the log is empty; without frames in a log
    /// the database alone is the truth (immutable); with a log alone, a copy of both is read. Immutable beside a log with
    /// frames would silently lose the rows in it.
    static func forReading(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem = SystemFileSystem()
    ) throws(VectorStoreError) -> IndexSource {
        let directory = paths.directory
        // Whoever may write the directory and not the index would leave a log that its owner can't write.
        let isMissing = try paths.model() == nil
        if directory.isWritable && (isMissing || directory.isWritable(StorePaths.indexName)) {
            return IndexSource(directory, .readOnly, nil)
        }
        for _ in 0..<attempts {
            let stamp = try StoreStamp(paths, fileSystem)
            let log = try mapped(directory.status(StorePaths.logName))
            let sharedMemory = try mapped(directory.status(StorePaths.sharedMemoryName))
            if log != nil && sharedMemory != nil { return IndexSource(directory, .joining, nil) }
            if !stamp.hasLog { return IndexSource(directory, .immutable, stamp) }
            // Nothing keeps a writer from beginning the log anew between the two files.
            let copied = Result { () throws(SystemError) in try copy(paths, fileSystem, stamp) }
            if try !stamp.hasMoved() { return try mapped(copied.get()) }
        }
        throw changed
    }

    private static let changed = VectorStoreError(
        .busy,
        "the store has changed since it was opened here, where it can't be written; open it again"
    )

    /// Calls `body`, which believes the index. Throws `busy` where a commit was made before it ended, in place of whatever
    /// came of it: an immutable database that is checkpointed meanwhile is read half old and half new.
    func whileUnchanged<R>(_ body: () throws -> R) throws -> R {
        guard let stamp else { return try body() }
        if try stamp.hasMoved() { throw Self.changed }
        let result = Result { try body() }
        if try stamp.hasMoved() { throw Self.changed }
        return try result.get()
    }

    /// A copy of the index and its log, whatever state they are in, and the number of pages that the disk can't read: those
    /// are zeros in the copy.
    ///
    /// - Throws: where there is no index, or the copy can't be made.
    static func forSalvage(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> (source: IndexSource, unreadablePages: Int) {
        let source = try temporary()
        let (from, to) = (paths.directory, source.directory)
        var pages = try copy(StorePaths.indexName, from, to, fileSystem, skippingUnreadable: true)
        if try from.status(StorePaths.logName) != nil {
            pages += try copy(StorePaths.logName, from, to, fileSystem, isLog: true, skippingUnreadable: true)
        }
        return (source, pages)
    }

    private static func copy(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        _ stamp: StoreStamp
    ) throws(SystemError) -> IndexSource {
        let source = try temporary(stamp)
        let (from, to) = (paths.directory, source.directory)
        _ = try copy(StorePaths.indexName, from, to, fileSystem)
        _ = try copy(StorePaths.logName, from, to, fileSystem, isLog: true)
        return source
    }

    /// The name of an index in a directory of its own, which goes with this object.
    private static func temporary(_ stamp: StoreStamp? = nil) throws(SystemError) -> IndexSource {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/lacuna-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else {
            throw SystemError(errno: errno, call: "create a temporary directory in", path: base)
        }
        let directory = unsafe String(cString: made)
        return IndexSource(try Directory(directory), .readOnly, stamp, isTemporary: true)
    }

    private static let pageBytes = 4_096

    /// The number of pages that were left out since the disk can't read them. Holes stay holes: the copy takes no more room
    /// than the file does, whatever its length.
    ///
    /// No connection of this process may have the file open: closing our descriptor would drop its locks.
    private static func copy(
        _ name: String,
        _ from: Directory,
        _ to: Directory,
        _ fileSystem: any FileSystem,
        isLog: Bool = false,
        skippingUnreadable: Bool = false
    ) throws(SystemError) -> Int {
        let input = try fileSystem.open(name, in: from, .read)
        defer { fileSystem.close(input) }
        let output = try fileSystem.open(name, in: to, .createNew())
        defer { fileSystem.close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var position: Int64 = 0
        var unreadablePages = 0
        while let data = extent(input, from: position) {
            position = data.lowerBound
            let count: Int
            do throws(SystemError) {
                var span = buffer.mutableSpan
                count = try unsafe span.withUnsafeMutableBytes { bytes throws(SystemError) in
                    let part = min(bytes.count, data.count)
                    return try unsafe fileSystem.read(
                        input,
                        into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<part]),
                        at: position
                    )
                }
            } catch {
                guard skippingUnreadable else { throw error.on(from.path(name)) }
                if error.errno == EIO && buffer.count > pageBytes {
                    // A page at a time from here on.
                    buffer.removeLast(buffer.count - pageBytes)
                    continue
                }
                unreadablePages += 1
                // It is no file at all.
                guard error.errno == EIO else { return unreadablePages }
                position += Int64(pageBytes)
                continue
            }
            if count == 0 { break }
            try unsafe buffer.span.extracting(..<count).withUnsafeBytes { bytes throws(SystemError) in
                try unsafe fileSystem.writeAll(output, bytes, at: position)
            }
            position += Int64(count)
        }
        // A page beyond the end is a missing one to SQLite, and a frame of zeros none. Where no file can be as long, they are
        // missing.
        if !isLog, let size = try from.status(name)?.size, size > position {
            try? fileSystem.truncate(output, to: size)
        }
        return unreadablePages
    }

    /// The first stretch from `position` on that occupies blocks; nil where only a hole follows, or the end. All of the rest
    /// where that can't be told.
    private static func extent(_ file: Int32, from position: Int64) -> Range<Int64>? {
        var data: Int64 = 0
        var hole: Int64 = 0
        let code = unsafe lacuna_seek_data(file, position, &data)
        if code == ENXIO { return nil }
        guard code == 0, unsafe lacuna_seek_hole(file, data, &hole) == 0, hole > data else {
            return position..<Int64.max
        }
        return data..<hole
    }
}
