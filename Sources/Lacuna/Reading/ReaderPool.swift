/// The readers of one handle: each thread that reads borrows one.
final class ReaderPool: Sendable {
    private struct State {
        var idle: [Reader] = []
        var isClosed = false
        /// Whether anybody has read since the last look at the data file.
        var hasRead = false
        /// Looks since anybody has.
        var idleLooks = 0
        /// Whether there will be another look.
        var isWatched = false
    }

    /// Threads inside a read's closure: those must neither write nor close.
    let threads = ReadStripes()
    private let source: IndexSource
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    /// Nil where the data file stays.
    private let watch: IdleWatch?
    private let state = Guarded(State())

    /// Looks without a read, one a second, after which the data file is let go, and nobody looks any more: a minute. To let it
    /// go sooner would have searches that come now and then map all of it again.
    private static let idleLooks = 60
    /// Idle readers that are kept; each holds a connection and two lock files open.
    private static let kept = 8

    /// - Parameter watch: For a handle that only reads. Nothing tells it that its data file was replaced, which would then keep
    ///   its blocks, with rows that were erased since, for as long as the handle is idle. So it looks, and lets the file go.
    init(
        _ source: IndexSource,
        _ paths: StorePaths,
        _ files: CurrentFile,
        _ fileSystem: any FileSystem,
        isCancelled: (@Sendable () -> Bool)?,
        lettingGoBy watch: IdleWatch? = nil
    ) {
        self.source = source
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        self.watch = watch
        // Of the task that reads, if it is one: SQLite asks on the thread that called it.
        self.isCancelled = { Task.isCancelled || isCancelled?() == true }
    }

    /// Whether readers see each commit.
    var followsCommits: Bool { source.followsCommits }

    /// Makes the first reader of a handle that doesn't write: throws `damaged` where commits are missing.
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

    /// The same for what reads rows for long: see ``Reader/withHeldRows(_:_:)``.
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

    /// Later reads fail; those under way end as usual.
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
        try Reader(index, source, paths, files, fileSystem, isCancelled: isCancelled)
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

    /// Whether there is to be another look. A read that goes on meanwhile keeps the file itself, and the next one opens it
    /// again.
    func look() -> Bool {
        let goesOn = state.withLock { state in
            state.idleLooks = state.hasRead ? 0 : state.idleLooks + 1
            state.hasRead = false
            state.isWatched = !state.isClosed && state.idleLooks < Self.idleLooks
            return state.isWatched
        }
        if !goesOn || files.value?.isUnlinked == true { files.clear() }
        return goesOn
    }
}
