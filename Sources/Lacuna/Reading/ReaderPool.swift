/// The readers of one handle. Each thread that reads borrows one.
final class ReaderPool: Sendable {
    private struct State {
        /// The way to open readers; chosen anew when the handle is resumed.
        var source: IndexSource
        /// This number is added to the log's count of changes: see ``KnownState``.
        var uncountedOffset: UInt32 = 0
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
    private let suspension: Suspension
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    let model: ExpectedModel
    /// Nil if the data file stays open.
    private let watch: IdleWatch?
    private let onLook: @Sendable (_ isLast: Bool) -> Void
    private let state: Guarded<State>

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
        _ suspension: Suspension = Suspension(),
        isCancelled: (@Sendable () -> Bool)?,
        lettingGoBy watch: IdleWatch? = nil,
        onLook: @escaping @Sendable (_ isLast: Bool) -> Void = { _ in }
    ) {
        state = Guarded(State(source: source))
        self.suspension = suspension
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        self.model = model
        self.watch = watch
        self.onLook = onLook
        // SQLite calls this on the reading thread, so the task is the one that reads.
        self.isCancelled = { AsyncCall.isCancelled || isCancelled?() == true || suspension.isSuspended }
    }

    /// Whether readers see each commit.
    var followsCommits: Bool { source.followsCommits }
    private var source: IndexSource { state.withLock { $0.source } }

    /// Makes the first reader of a handle that only reads. Throws `damaged` if commits are missing.
    func openFirst(checkedBy witness: LogWitness) throws {
        giveBack(try firstReader(source, try suspension.hold(.read), witness))
    }

    private func firstReader(_ source: IndexSource, _ hold: Suspension.Hold, _ witness: LogWitness) throws -> Reader {
        try source.whileUnchanged {
            try reader(
                StoreIndex.openForReading(source.directory, source.mode, checkedBy: witness),
                source,
                hold,
                uncountedOffset: 0
            )
        }
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
            do { return try reader.withSnapshot(body) } catch { throw suspension.explained(error) }
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
        do { return try reader.withHeldRows(index, rows) } catch { throw suspension.explained(error) }
    }

    func checkNotClosed() throws(VectorStoreError) {
        if state.withLock({ $0.isClosed }) { throw Self.closed }
    }

    private static let closed = VectorStoreError(.closed, "the store was closed")

    /// Makes later reads fail; reads under way end as usual.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.idle.removeAll()
        }
    }

    // MARK: Suspending

    /// Closes the idle readers. Call it after ``Suspension/begin()``: from then on none is kept.
    func letGo() { state.withLock { $0.idle.removeAll() } }

    /// The number that ``Snapshot/uncountedChanges`` has more than the log shows.
    var uncountedOffset: UInt32 { state.withLock { $0.uncountedOffset } }

    /// Sets how later reads open the index, before ``Suspension/end()``.
    func resume(_ source: IndexSource, uncountedOffset: UInt32) {
        state.withLock { state in
            state.source = source
            state.uncountedOffset = uncountedOffset
        }
    }

    /// Calls `body` with the newest state, before reads are accepted again. Throws `damaged` if commits are missing.
    func readBeforeResuming<R>(
        _ source: IndexSource,
        checkedBy witness: LogWitness,
        _ body: (Snapshot) throws -> R
    ) throws -> R {
        try firstReader(source, try suspension.hold(.read, resumes: true), witness).withSnapshot(body)
    }

    // MARK: Readers

    private func takeReader() throws -> Reader {
        let idle = try state.withLock { state throws(VectorStoreError) -> Reader? in
            if state.isClosed { throw Self.closed }
            try suspension.check()
            return state.idle.popLast()
        }
        if let idle { return idle }
        let hold = try suspension.hold(.read)
        let source = source
        return try source.whileUnchanged {
            try reader(
                StoreIndex.openForReading(source.directory, source.mode),
                source,
                hold,
                uncountedOffset: uncountedOffset
            )
        }
    }

    private func reader(
        _ index: StoreIndex,
        _ source: IndexSource,
        _ hold: Suspension.Hold,
        uncountedOffset offset: UInt32
    ) throws(VectorStoreError) -> Reader {
        try Reader(index, source, paths, files, fileSystem, model, hold, offset, isCancelled: isCancelled)
    }

    private func giveBack(_ reader: Reader) {
        let beginsToWatch = state.withLock { state in
            let isEnding = state.isClosed || suspension.isSuspended
            if !isEnding && state.idle.count < Self.kept { state.idle.append(reader) }
            state.hasRead = true
            if isEnding || state.isWatched { return false }
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
