/// The readers of one handle. Each thread that reads borrows one.
final class ReaderPool: Sendable {
    private struct State {
        var idle: [Reader] = []
        var isClosed = false
        /// Whether anybody has read since the data file was last checked.
        var hasRead = false
        /// The number of checks since the last read.
        var idleLooks = 0
        /// Whether there will be another check.
        var isWatched = false
    }

    /// The threads inside a read's closure, which must neither write nor close.
    let threads = ReadStripes()
    private let source: IndexSource
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    let model: ExpectedModel
    /// Nil if the data file stays open.
    private let watch: IdleWatch?
    private let onLook: @Sendable (_ isLast: Bool) -> Void
    private let state = Guarded(State())

    /// After this many checks without a read, one a second, the data file is closed, and checking ends: after a minute.
    /// If it were closed sooner, searches that come now and then would have to map all of it again.
    private static let idleLooks = 60
    /// The number of idle readers that are kept. Each has a connection and two lock files open.
    private static let kept = 8

    /// - Parameter watch: For a handle that only reads. Such a handle isn't told when its data file is replaced. The
    ///   old file would keep its blocks, with rows that were erased since, while the handle is idle. So the handle
    ///   checks the file, and closes it.
    /// - Parameter onLook: Called with each of these checks. After the last one, the handle keeps no file open.
    init(
        _ source: IndexSource,
        _ paths: StorePaths,
        _ files: CurrentFile,
        _ fileSystem: any FileSystem,
        _ model: ExpectedModel,
        isCancelled: (@Sendable () -> Bool)?,
        lettingGoBy watch: IdleWatch? = nil,
        onLook: @escaping @Sendable (_ isLast: Bool) -> Void = { _ in }
    ) {
        self.source = source
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        self.model = model
        self.watch = watch
        self.onLook = onLook
        // SQLite calls this on the reading thread, so the task is the one that reads.
        self.isCancelled = { AsyncCall.isCancelled || isCancelled?() == true }
    }

    /// Whether readers see each commit.
    var followsCommits: Bool { source.followsCommits }

    /// Makes the first reader of a handle that only reads. Throws `damaged` if commits are missing.
    func openFirst(checkedBy witness: LogWitness) throws {
        giveBack(
            try source.whileUnchanged {
                try reader(StoreIndex.openForReading(source.directory, source.mode, checkedBy: witness))
            }
        )
    }

    /// Calls `body` with a snapshot of the newest committed state.
    func read<R>(_ body: (Snapshot) throws -> R) throws -> R {
        try explaining(by: paths.directory) {
            let reader = try takeReader()
            threads.enter()
            defer {
                threads.leave()
                giveBack(reader)
            }
            return try reader.withSnapshot(body)
        }
    }

    /// What the log's header shows: it changes with each commit. Nil if there is no log.
    func logVersion() throws -> LogVersion? {
        let reader = try takeReader()
        defer { giveBack(reader) }
        return reader.logVersion
    }

    /// The same for long work on rows: see ``Reader/withHeldRows(_:_:)``.
    func readHeldRows<T, R>(
        _ index: (Snapshot) throws -> T,
        _ rows: (T, DataFile, _ release: () -> Void) throws -> R
    ) throws -> R {
        let reader = try takeReader()
        threads.enter()
        defer {
            threads.leave()
            giveBack(reader)
        }
        return try reader.withHeldRows(index, rows)
    }

    /// Makes later reads fail; reads under way end as usual.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.idle.removeAll()
        }
    }

    private func takeReader() throws -> Reader {
        let idle = try state.withLock { state throws(VectorStoreError) -> Reader? in
            if state.isClosed { throw VectorStoreError(.closed, "the store was closed") }
            return state.idle.popLast()
        }
        if let idle { return idle }
        return try source.whileUnchanged { try reader(StoreIndex.openForReading(source.directory, source.mode)) }
    }

    private func reader(_ index: StoreIndex) throws(VectorStoreError) -> Reader {
        try Reader(index, source, paths, files, fileSystem, model, isCancelled: isCancelled)
    }

    private func giveBack(_ reader: Reader) {
        let beginsToWatch = state.withLock { state in
            if !state.isClosed && state.idle.count < Self.kept { state.idle.append(reader) }
            state.hasRead = true
            if state.isClosed || state.isWatched { return false }
            state.isWatched = true
            state.idleLooks = 0
            return true
        }
        if beginsToWatch { watch?.watch(self) }
    }

    /// Checks the data file, and returns whether there must be another check. A read that is under way keeps the file
    /// itself, and the next read opens it again.
    func look() -> Bool {
        let goesOn = state.withLock { state in
            state.idleLooks = state.hasRead ? 0 : state.idleLooks + 1
            state.hasRead = false
            state.isWatched = !state.isClosed && state.idleLooks < Self.idleLooks
            return state.isWatched
        }
        if !goesOn || files.value?.isUnlinked == true { files.clear() }
        onLook(!goesOn)
        return goesOn
    }
}
