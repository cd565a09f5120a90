public import Logging

/// The options of one handle: its durability, its limits, its logger, and what can end its reads. The store doesn't
/// keep them: each opening chooses anew.
///
///     let store = try VectorStore<UUID>.open(at: path, options: .init(durability: .relaxed(), logger: logger))
public struct VectorStoreOptions: Sendable {
    /// Says when a write of this handle is durable; by default when its call returns.
    public var durability: Durability
    /// The size of SQLite's log in bytes from which on the logger gets a warning; more than 0. The default is 256 MiB.
    ///
    /// The log gets that long only while a reader holds one snapshot for a long time (or after a very large batch): no
    /// part of the log that came after the snapshot can be given back.
    public var logWarningBytes: Int64
    /// The size of SQLite's log in bytes from which on writes are refused with `busy`; at least ``logWarningBytes``.
    /// The default is 1 GiB.
    public var logLimitBytes: Int64
    /// The largest number of bytes of memory in which the handle remembers the slot of each row, so that reads by id
    /// need no SQL; 0 for none. The default is 384 MiB. A row takes 13 to 15 bytes with integers, and 21 to 23 with
    /// other ids. If the store has more rows, they are read through the index.
    ///
    /// A thread of the handle fills the cache from the index, after as many reads by id as cost as much: at least 64,
    /// and one for every 16 rows. The cache begins anew after another program's commit, after a commit of over 100,000
    /// changes and, in a handle that only reads, after a rewrite. Texts are distinguished by 128 bits of a hash.
    public var indexCacheBytes: Int
    /// Says when this handle compacts the store, and makes its codes, in the background; never by default. A handle that
    /// only reads ignores it.
    public var maintenance: MaintenancePolicy?
    /// The model of the vectors that this handle puts and searches for; by default nil: nothing is compared. If the store
    /// says that its own are of another one, it isn't opened (`differentModel`); a store that doesn't say its model is
    /// opened with any, and nothing is noted then. If another handle re-embeds the store later, reads of this one throw
    /// `differentModel`, too.
    public var model: EmbeddingModel?
    /// The way in which values become metadata, and metadata values.
    public var metadataCoding: MetadataCoding
    /// The logger gets warnings, and reports of background work; if there is none, nothing is logged.
    public var logger: Logger?
    /// Ends a read of this handle by returning true.
    ///
    /// A long read calls this about once a millisecond, so be quick: between two of SQLite's steps (a filter over many rows,
    /// `verify`) on the thread that reads, and between two megabytes of rows (a search) on each of the search's threads. If
    /// it returns true, the read throws `cancelled`. A read in a Swift task that was cancelled ends in the same way, with or
    /// without this. Neither ends compacting, or writing other than by a filter; both end opening while it checks a log of
    /// 16 MiB or more.
    public var shouldCancel: (@Sendable () -> Bool)?
    /// The clock; nil for the system's. Tests set it.
    var clock: (any AlarmClock)?

    /// Makes options; the defaults are the safe choices.
    public init(
        durability: Durability = .full,
        logWarningBytes: Int64 = 256 << 20,
        logLimitBytes: Int64 = 1 << 30,
        indexCacheBytes: Int = 384 << 20,
        maintenance: MaintenancePolicy? = nil,
        model: EmbeddingModel? = nil,
        metadataCoding: MetadataCoding = MetadataCoding(),
        logger: Logger? = nil,
        shouldCancel: (@Sendable () -> Bool)? = nil
    ) {
        self.durability = durability
        self.logWarningBytes = logWarningBytes
        self.logLimitBytes = logLimitBytes
        self.indexCacheBytes = indexCacheBytes
        self.maintenance = maintenance
        self.model = model
        self.metadataCoding = metadataCoding
        self.logger = logger
        self.shouldCancel = shouldCancel
    }

    /// Checks the store's log before it is used.
    func witness(_ paths: StorePaths, _ fileSystem: any FileSystem) -> LogWitness {
        LogWitness(paths, fileSystem, isCancelled: cancellation)
    }

    /// Whether the handle's user, or the task of the thread that calls this, wants a call to end.
    var cancellation: @Sendable () -> Bool { { [shouldCancel] in AsyncCall.isCancelled || shouldCancel?() == true } }

    func check() throws(VectorStoreError) {
        guard logWarningBytes > 0 else {
            throw VectorStoreError(
                .invalidArgument,
                "logWarningBytes \(logWarningBytes) is out of range",
                remedy: "choose at least 1"
            )
        }
        guard logLimitBytes >= logWarningBytes else {
            throw VectorStoreError(
                .invalidArgument,
                "logLimitBytes \(logLimitBytes) is below logWarningBytes \(logWarningBytes)",
                remedy: "choose at least as much"
            )
        }
        guard indexCacheBytes >= 0 else {
            throw VectorStoreError(
                .invalidArgument,
                "indexCacheBytes \(indexCacheBytes) is out of range",
                remedy: "choose at least 0"
            )
        }
        try maintenance?.check()
        try model?.check()
    }
}
