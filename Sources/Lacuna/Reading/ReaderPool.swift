/// The readers of one handle: each thread that reads borrows one.
final class ReaderPool: Sendable {
    private struct State {
        var idle: [Reader] = []
        var isClosed = false
    }

    /// Threads inside a read's closure: those must neither write nor close.
    let threads = ReadStripes()
    private let source: IndexSource
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    private let state = Guarded(State())

    /// Idle readers that are kept; each holds a connection and two lock files open.
    private static let kept = 8

    init(
        _ source: IndexSource,
        _ paths: StorePaths,
        _ files: CurrentFile,
        _ fileSystem: any FileSystem,
        isCancelled: (@Sendable () -> Bool)?
    ) {
        self.source = source
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        // Of the task that reads, if it is one: SQLite asks on the thread that called it.
        self.isCancelled = { Task.isCancelled || isCancelled?() == true }
    }

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
            if state.isClosed { throw VectorStoreError(.closed, "the store was closed; open it again") }
            return state.idle.popLast()
        }
        if let idle { return idle }
        return try source.whileUnchanged { try reader(StoreIndex.openForReading(source.directory, source.mode)) }
    }

    private func reader(_ index: StoreIndex) throws(VectorStoreError) -> Reader {
        try Reader(index, source, paths, files, fileSystem, isCancelled: isCancelled)
    }

    private func giveBack(_ reader: Reader) {
        state.withLock { state in
            if !state.isClosed && state.idle.count < Self.kept { state.idle.append(reader) }
        }
    }
}
