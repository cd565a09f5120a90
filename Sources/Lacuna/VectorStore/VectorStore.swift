#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An embedded vector store: it keeps ids, vectors and metadata in a directory of its own.
///
///     let store = try VectorStore<UUID>.openOrCreate(
///         at: "photos.lacuna",
///         configuration: .init(dimension: 384, metric: .cosine)
///     )
///     try store.put(vector, for: id, metadata: photo)
///     let matches = try store.search(for: query, limit: 10, where: .field("year") >= 2020)
///
/// A change survives a power cut once its call has returned, unless its documentation says otherwise. One handle at a
/// time may write to a store; any number of handles may read it, in this process and in others. Several threads may use
/// a handle: readers never wait for a writer, and writers take turns.
///
/// Each method is there twice. In asynchronous code, `await` it: it works on a thread of the store's own, and is cancelled
/// with its task. Elsewhere it blocks the thread while it works. The compiler refuses a blocking call in asynchronous
/// code. Properties such as ``count``, ``info`` and ``space`` are there once, and block.
///
/// All errors are ``VectorStoreError``s, except for those that your own closures throw, the `DecodingError` for metadata
/// that have another shape than the type asked for, and `CancellationError` if the task of an asynchronous call was
/// cancelled. Each call names its own errors. Beside these, any may throw `closed`, `suspended`, `moved`, `damaged`,
/// `ioError`, `permissionDenied` or `tooManyOpenFiles`; one that writes also `readOnly`, `needsReopen`, `diskFull`,
/// `busy` (while SQLite's log is too long), or `reentrantCall` inside a closure of the same store.
public final class VectorStore<ID: VectorID>: Sendable {
    let paths: StorePaths
    let readers: ReaderPool
    let writer: Writer?
    let memory: HandleMemory
    let background: BackgroundMaintenance?
    let element: ElementType
    let uuid: UUID
    let metadataCoding: MetadataCoding
    var counters: StoreCounters { memory.counters }
    let calls = AsyncCalls()
    let hub: ChangeHub
    let commitWatch: CommitWatch
    let files: CurrentFile
    let fileSystem: any FileSystem
    let options: VectorStoreOptions
    let suspension = Suspension()
    /// Nil unless the handle was suspended; then, what it had open is closed.
    let suspended = Guarded<SuspendedStore?>(nil)
    /// Closing, suspending and resuming take turns.
    let lifecycle = TurnLock()

    /// Whether this handle can only read.
    public var isReadOnly: Bool { writer == nil }

    // MARK: Opening

    /// Makes an empty store in a new directory, and opens it.
    ///
    /// The store is durable when this returns. An interrupted creation leaves a directory that only another `create` at
    /// the same path can use.
    ///
    /// - Parameters:
    ///   - path: The directory to make; its parent must exist.
    ///   - configuration: The dimension, the metric, the element and the model, and whether the store wants codes. Only
    ///     ``reembed(dimension:model:options:progress:_:)`` can change the dimension and the model later.
    ///   - options: The options of this handle.
    /// - Throws: `alreadyExists` if something is at `path`, `locked` while somebody else is making the store,
    ///   `invalidArgument` for a dimension, a model or an option out of range.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func create(
        at path: some StorePathConvertible,
        configuration: VectorStoreConfiguration,
        options: VectorStoreOptions = .init()
    ) throws(VectorStoreError) -> VectorStore {
        try storeErrors {
            try create(
                at: path.storePath,
                configuration: configuration,
                fileSystem: SystemFileSystem(),
                options: options
            )
        }
    }

    package static func create(
        at path: String,
        configuration: VectorStoreConfiguration,
        fileSystem: any FileSystem,
        options: VectorStoreOptions = .init()
    ) throws -> VectorStore {
        try options.check()
        try VectorStoreConfiguration.check(configuration.dimension)
        try configuration.model?.check()
        let record = StoreRecord(
            dimension: configuration.dimension,
            element: configuration.element,
            metric: configuration.metric,
            idKind: ID.idKind
        )
        let opened = try StoreCreation.run(
            path,
            record,
            model: configuration.model,
            wantsCodes: configuration.acceleration == .codes,
            fileSystem
        )
        return try VectorStore(opened, options)
    }

    /// Opens a store. For writing, the store is recovered first if a crash has left something to recover.
    ///
    /// The time doesn't depend on the number of rows, with two exceptions: recovery may remove a file, and an
    /// interrupted erasure is completed first, unless readers or a full disk are in its way. After a crash, or beside a
    /// writer, SQLite's log is read once. After a crash, opening for writing writes and syncs the log once more, and
    /// also the rows that were written since it was last copied into the index (all rows, if the process died in a
    /// compaction).
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - access: Reading and writing (the default), or reading only.
    ///   - options: The options of this handle.
    /// - Throws: `noSuchStore`, `notAStore`, `locked` by another writer, `damaged`, `newerFormat`, `invalidArgument`
    ///   for an option out of range, `invalidID` if the store's ids are of another kind than `ID`, or `differentModel`
    ///   if its vectors are of another model than ``VectorStoreOptions/model``. For writing after
    ///   a crash also `diskFull`, on a file system that copies on writing, and `busy` while another program writes or
    ///   checkpoints. In a directory that can't be written also `busy`, if a writer commits by another path at the same
    ///   time.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func open(
        at path: some StorePathConvertible,
        access: VectorStoreAccess = .readWrite,
        options: VectorStoreOptions = .init()
    ) throws(VectorStoreError) -> VectorStore {
        try storeErrors {
            try open(at: path.storePath, access: access, fileSystem: SystemFileSystem(), options: options)
        }
    }

    package static func open(
        at path: String,
        access: VectorStoreAccess = .readWrite,
        fileSystem: any FileSystem,
        options: VectorStoreOptions = .init()
    ) throws -> VectorStore {
        try options.check()
        let paths = try StorePaths(path)
        return try explaining(by: paths.directory) { try open(paths, access, fileSystem, options) }
    }

    private static func open(
        _ paths: StorePaths,
        _ access: VectorStoreAccess,
        _ fileSystem: any FileSystem,
        _ options: VectorStoreOptions
    ) throws -> VectorStore {
        try StoreDirectory.check(paths)
        if access == .readOnly || !paths.directory.isWritable || !paths.directory.isWritable(StorePaths.indexName) {
            return try VectorStore(reading: paths, fileSystem, options)
        }
        let lock = try Writer.lock(paths)
        let (opened, recovery) = try Recovery.open(paths, lock, options.witness(paths, fileSystem)) {
            index throws(VectorStoreError) in
            try checkIDKind(index.record(), paths.directory.path)
            try index.checkModel(options.model, paths.directory.path)
        }
        let store = try VectorStore(opened, options)
        if recovery.hasPendingErasure { try store.resumeErasures(options.logger) }
        return store
    }

    private init(_ opened: OpenStore, _ options: VectorStoreOptions) throws {
        var opened = opened
        opened.session.log.limits = LogLimit(
            warningBytes: options.logWarningBytes,
            limitBytes: options.logLimitBytes,
            logger: options.logger
        )
        self.options = options
        fileSystem = opened.session.fileSystem
        let record = try opened.session.index.record()
        element = record.layout.element
        uuid = record.uuid
        metadataCoding = options.metadataCoding
        background = options.maintenance.map { BackgroundMaintenance($0, options.logger) }
        opened.session.isCancelled = { [suspension, isCancelled = options.cancellation] in
            isCancelled() || suspension.isSuspended
        }
        opened.session.onCommit = { [weak background] in background?.note($0) }
        paths = opened.session.paths
        files = opened.session.files
        readers = ReaderPool(
            try IndexSource.forReading(opened.session.paths),
            opened.session.paths,
            opened.session.files,
            opened.session.fileSystem,
            ExpectedModel(options.model),
            suspension,
            isCancelled: options.shouldCancel
        )
        opened.session.keepIDs(readers.threads, ID.idKind, limitBytes: options.indexCacheBytes)
        memory = HandleMemory(
            rowIDs: opened.session.ids,
            filters: RememberedFilters(opened.session.metadataChanges),
            values: RememberedValues(opened.session.metadataChanges),
            codes: CodesMemory(opened.session.paths, opened.session.fileSystem),
            counters: opened.session.counters
        )
        opened.session.onRemoval = { [codes = memory.codes] in codes.letGoIfRemoved() }
        hub = opened.session.hub
        commitWatch = CommitWatch(readers, hub, calls.reading, nil)
        let writer = Writer(opened, readers: readers.threads, options.durability, suspension)
        self.writer = writer
        try background?.start(writer, opened.session)
    }

    private init(reading paths: StorePaths, _ fileSystem: any FileSystem, _ options: VectorStoreOptions) throws {
        self.paths = paths
        self.options = options
        self.fileSystem = fileSystem
        metadataCoding = options.metadataCoding
        files = CurrentFile()
        let codes = CodesMemory(paths, fileSystem)
        readers = ReaderPool(
            try IndexSource.forReading(paths, fileSystem),
            paths,
            files,
            fileSystem,
            ExpectedModel(options.model),
            suspension,
            isCancelled: options.shouldCancel,
            lettingGoBy: options.clock.map(IdleWatch.init) ?? .shared,
            onLook: { isLast in if isLast { codes.letGo() } else { codes.letGoIfRemoved() } }
        )
        writer = nil
        let rowIDs = RowIDs(
            paths.directory,
            ID.idKind,
            files,
            readers.threads,
            limitBytes: options.indexCacheBytes,
            log: nil
        )
        memory = HandleMemory(
            rowIDs: readers.followsCommits ? rowIDs : nil,
            filters: RememberedFilters(nil),
            values: RememberedValues(nil),
            codes: codes,
            counters: StoreCounters()
        )
        background = nil
        hub = ChangeHub()
        commitWatch = CommitWatch(readers, hub, calls.reading, options.clock ?? QueueClock())
        try readers.openFirst(checkedBy: options.witness(paths, fileSystem))
        // Refuses a damaged store, or one with other ids or of another model, now and not at the first read.
        let record = try readers.read { snapshot in
            try Self.checkIDKind(snapshot.record, paths.directory.path)
            try snapshot.index.checkModel(options.model, paths.directory.path)
            return snapshot.record
        }
        element = record.layout.element
        uuid = record.uuid
    }

    /// Closes here what may live longer than the handle: a timer that flushes, or background maintenance, holds the
    /// writer, and so its lock, for a little while, and an iterator of changes holds the readers.
    deinit {
        background?.stop()
        if let writer { try? writer.close(closeReaders) } else { closeReaders() }
    }

    static func checkIDKind(_ record: StoreRecord, _ path: String) throws(VectorStoreError) {
        guard record.idKind == ID.idKind else {
            throw VectorStoreError(
                .invalidID,
                "the ids of \(path) are of the kind \(record.idKind.rawValue), not \(ID.idKind.rawValue)",
                remedy: "open the store with that type of id"
            )
        }
    }

    /// Closes the store: later calls throw `closed`. Reads of other threads that are under way end as usual. The call
    /// waits for a write that is under way, and, if the handle writes, for threads inside ``withVector(for:_:)``.
    /// Closing a closed store does nothing.
    ///
    /// A handle that is released closes by itself; call this to see errors, or to release the writer's lock at once.
    ///
    /// - Throws: `reentrantCall` inside a closure that one of the store's calls runs.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func close() throws(VectorStoreError) {
        try storeErrors {
            try refuseOwnClosures("closed")
            try lifecycle.withLock { () throws(VectorStoreError) in
                background?.stop()
                defer {
                    files.clear()
                    memory.codes.letGo()
                    // From now on calls throw `closed`, in a suspended store too.
                    suspension.end()
                }
                guard let writer else { return closeReaders() }
                try writer.close(closeReaders)
            }
        }
    }

    /// Throws inside a closure that one of the store's calls runs: what is to be done would wait for that call.
    func refuseOwnClosures(_ what: String) throws(VectorStoreError) {
        if readers.threads.containsCurrentThread || writer?.containsCurrentThread == true {
            throw VectorStoreError(
                .reentrantCall,
                "the store can't be \(what) from inside one of its own closures"
            )
        }
    }

    private func closeReaders() {
        hub.close()
        memory.rowIDs?.close()
        readers.close()
    }

    // MARK: The store's description

    /// The store's description.
    public var info: VectorStoreInfo { get throws(VectorStoreError) { try storeErrors { try read { $0.info } } } }

    /// The number of rows, in O(1).
    public var count: Int { get throws(VectorStoreError) { try storeErrors { try read { $0.count } } } }

    func writing() throws -> Writer {
        guard let writer else {
            throw VectorStoreError(
                .readOnly,
                "the store is open for reading only",
                remedy: "open it for writing, as a user who may write its directory and index.sqlite"
            )
        }
        return writer
    }
}
