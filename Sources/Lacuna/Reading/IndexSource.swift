#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How readers open the index, which depends on whether the store's directory can be written.
final class IndexSource: Sendable {
    let path: String
    let mode: Connection.Mode
    /// Whether readers hold the epoch's lock: not beside an immutable database or over a copy, which no writer changes.
    let locksEpochs: Bool
    private let temporaryDirectory: String?

    private init(_ path: String, _ mode: Connection.Mode, locksEpochs: Bool, temporaryDirectory: String? = nil) {
        self.path = path
        self.mode = mode
        self.locksEpochs = locksEpochs
        self.temporaryDirectory = temporaryDirectory
    }

    deinit {
        guard let temporaryDirectory else { return }
        for name in StorePaths.indexNames { _ = unsafe unlink(temporaryDirectory + "/" + name) }
        _ = unsafe rmdir(temporaryDirectory)
    }

    /// In a directory that can't be written there is no shared memory to be made for the log. With a log and its shared
    /// memory, reading works as usual, and a writer may be at work, also while the log is empty; without frames in a log
    /// the database alone is the truth (immutable); with a log alone, a copy of both is read. Immutable beside a log with
    /// frames would silently lose the rows in it.
    static func forReading(_ paths: StorePaths) throws(VectorStoreError) -> IndexSource {
        do {
            if Directory.isWritable(paths.directory) { return IndexSource(paths.index, .readOnly, locksEpochs: true) }
            let log = try Directory.status(paths.log)
            let sharedMemory = try Directory.status(paths.sharedMemory)
            if log != nil && sharedMemory != nil {
                return IndexSource(paths.index, .readOnly, locksEpochs: true)
            }
            if log?.size ?? 0 == 0 { return IndexSource(paths.index, .immutable, locksEpochs: false) }
            return try copy(paths)
        } catch {
            throw VectorStoreError(error)
        }
    }

    /// No connection of this process has these files open (reading them in place fails just here), so that closing our
    /// descriptors drops nobody's locks.
    private static func copy(_ paths: StorePaths) throws(SystemError) -> IndexSource {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/lacuna-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else {
            throw SystemError(errno: errno, call: "create a temporary directory in", path: base)
        }
        let directory = unsafe String(cString: made)
        let source = IndexSource(
            directory + "/" + StorePaths.indexName,
            .readOnly,
            locksEpochs: false,
            temporaryDirectory: directory
        )
        let fileSystem = SystemFileSystem()
        for (from, to) in [(paths.index, source.path), (paths.log, source.path + "-wal")] {
            let input = try fileSystem.open(from, .read)
            defer { fileSystem.close(input) }
            let output = try fileSystem.open(to, .createNew)
            defer { fileSystem.close(output) }
            try copy(input, output, fileSystem)
        }
        return source
    }

    private static func copy(_ input: Int32, _ output: Int32, _ fileSystem: SystemFileSystem) throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var position: Int64 = 0
        while true {
            var span = buffer.mutableSpan
            let count = try unsafe span.withUnsafeMutableBytes { bytes throws(SystemError) in
                try unsafe fileSystem.read(input, into: bytes, at: position)
            }
            if count == 0 { return }
            try unsafe buffer.span.extracting(..<count).withUnsafeBytes { bytes throws(SystemError) in
                try unsafe fileSystem.writeAll(output, bytes, at: position)
            }
            position += Int64(count)
        }
    }
}
