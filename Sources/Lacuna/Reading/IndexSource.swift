/// Says how readers open the index, which depends on whether the store's directory can be written.
final class IndexSource: Sendable {
    /// The store's directory, or one with a copy of the index.
    let directory: Directory
    let mode: Connection.Mode
    /// The state of the store's files at open, if SQLite doesn't show commits to readers, as with an immutable database
    /// or a copy; otherwise nil.
    private let stamp: StoreStamp?
    /// Keeps the copy, if `directory` is one.
    private let copy: IndexCopy?

    private static let attempts = 10

    /// Whether missing files are made; the store's owner must be able to write to them.
    var createsFiles: Bool { mode == .readOnly && copy == nil }

    /// Whether readers see each commit, and so know the current epoch.
    var followsCommits: Bool { stamp == nil }

    private init(_ directory: Directory, _ mode: Connection.Mode, _ stamp: StoreStamp?) {
        self.directory = directory
        self.mode = mode
        self.stamp = stamp
        copy = nil
    }

    private init(_ copy: IndexCopy, _ stamp: StoreStamp) {
        directory = copy.directory
        mode = .readOnly
        self.stamp = stamp
        self.copy = copy
    }

    /// Chooses how to open the index. In a directory that can't be written, shared memory for the log can't be made. If
    /// there are a log and its shared memory, reading works as usual, and a writer may be at work, even while the log
    /// is empty. If there is no log with frames, the database alone is the truth, and is opened as immutable. If there
    /// is only a log with frames, a copy of both is read: an immutable database would silently lack the rows in the
    /// log.
    static func forReading(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem = SystemFileSystem()
    ) throws(VectorStoreError) -> IndexSource {
        let directory = paths.directory
        // A user who may write to the directory but not to the index would leave a log that the owner can't write to.
        var mayWriteIndex = directory.isWritable(StorePaths.indexName)
        if !mayWriteIndex { mayWriteIndex = try mapped(paths.model()) == nil }
        if mayWriteIndex && directory.isWritable {
            return IndexSource(directory, .readOnly, nil)
        }
        for _ in 0..<attempts {
            let stamp = try StoreStamp(paths, fileSystem)
            let log = try mapped(directory.status(StorePaths.logName))
            let sharedMemory = try mapped(directory.status(StorePaths.sharedMemoryName))
            if log != nil && sharedMemory != nil { return IndexSource(directory, .joining, nil) }
            if !stamp.hasLog { return IndexSource(directory, .immutable, stamp) }
            // Nothing prevents a writer from beginning the log anew between the copies of the two files.
            let copied = Result { () throws(VectorStoreError) in try IndexCopy(paths, fileSystem) }
            if try !stamp.hasMoved() { return IndexSource(try copied.get(), stamp) }
        }
        throw changed
    }

    private static let changed = VectorStoreError(
        .busy,
        "the store was changed since it was opened, and where it can't be written, a handle can't follow changes",
        remedy: "run \(.open) again"
    )

    /// Calls `body`, which reads the index. If a commit was made before `body` has ended, throws `busy` in place of its
    /// result or error: during a checkpoint, an immutable database may be read as a mixture of old and new.
    func whileUnchanged<R>(_ body: () throws -> R) throws -> R {
        guard let stamp else { return try body() }
        if try stamp.hasMoved() { throw Self.changed }
        let result = Result { try body() }
        if try stamp.hasMoved() { throw Self.changed }
        return try result.get()
    }
}
