/// How readers open the index, which depends on whether the store's directory can be written.
final class IndexSource: Sendable {
    /// The store's, or one with a copy of the index.
    let directory: Directory
    let mode: Connection.Mode
    /// What the store was like, where SQLite doesn't tell readers of commits: as an immutable database or a copy.
    private let stamp: StoreStamp?
    /// Keeps the copy, where it is one.
    private let copy: IndexCopy?

    private static let attempts = 10

    /// Whether files are made that are missing, which their owner must be able to write.
    var createsFiles: Bool { mode == .readOnly && copy == nil }

    /// Whether readers see each commit, and with it which epoch's lock they hold.
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

    /// In a directory that can't be written there is no shared memory to be made for the log. With a log and its shared
    /// memory, reading works as usual, and a writer may be at work, also while the log is empty; without frames in a log
    /// the database alone is the truth (immutable); with a log alone, a copy of both is read. Immutable beside a log with
    /// frames would silently lose the rows in it.
    static func forReading(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem = SystemFileSystem()
    ) throws(VectorStoreError) -> IndexSource {
        let directory = paths.directory
        // A user who may write the directory and not the index would leave a log that its owner can't write.
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
            // Nothing keeps a writer from beginning the log anew between the two files.
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

    /// Calls `body`, which believes the index. Throws `busy` where a commit was made before it ended, in place of whatever
    /// came of it: an immutable database that is checkpointed meanwhile is read half old and half new.
    func whileUnchanged<R>(_ body: () throws -> R) throws -> R {
        guard let stamp else { return try body() }
        if try stamp.hasMoved() { throw Self.changed }
        let result = Result { try body() }
        if try stamp.hasMoved() { throw Self.changed }
        return try result.get()
    }
}
