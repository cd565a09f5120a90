public import Logging

/// How one handle writes, whom it tells, and who stops its reads. Nothing of it is kept in the store: each opening chooses anew.
///
///     let store = try VectorStore<UUID>.open(at: path, .readWrite, .init(durability: .relaxed(), logger: logger))
public struct VectorStoreOptions: Sendable {
    /// When what this handle writes is durable; when a call returns unless set.
    public var durability: Durability
    /// The size of SQLite's log, in bytes, from which on the logger is warned; 256 MiB unless set, and more than 0.
    ///
    /// The log is that long only while a reader holds one snapshot for long (or after a very large batch): no part of it
    /// that came after the snapshot can be given back.
    public var logWarningBytes: Int64
    /// The size of SQLite's log, in bytes, from which on writes are refused with `busy`; 1 GiB unless set, and
    /// ``logWarningBytes`` at least.
    public var logLimitBytes: Int64
    /// The most memory, in bytes, that a handle which writes uses to remember where each row lies, so that reads by id need no
    /// SQL; 384 MiB unless set, 0 for none. A row takes 13 to 15 bytes with integers and 21 to 23 with other ids: a store of
    /// more rows is read through the index.
    ///
    /// A thread of the handle's fills it from the index, after so many reads by id that they cost as much: at least 64, and one
    /// for every 16 rows. It begins anew after a rewrite, after another program's commit, and after one of over 100,000 changes.
    /// Texts are told apart by 128 bits of a hash.
    public var indexCacheBytes: Int
    /// When this handle compacts the store by itself, in the background; never unless set. Nothing to a handle that only
    /// reads.
    public var maintenance: MaintenancePolicy?
    /// Who hears of what is no error yet; without one, nothing is logged.
    public var logger: Logger?
    /// Whether what this handle reads is wanted no longer, whichever read it is; never asked unless set.
    ///
    /// A read that takes long (a filter over many rows, `verify`, the index that a search walks) asks between two of
    /// SQLite's steps, about once a millisecond, on the thread that reads, so be quick; a yes ends it with the error
    /// `cancelled`. A read in a Swift task that was cancelled ends likewise, with or without this. Writing and compacting
    /// are never cut short by either; opening is, while it looks through a log of 16 MiB and more.
    public var isCancelled: (@Sendable () -> Bool)?
    /// The time as it is, but for tests.
    var clock: (any AlarmClock)?

    /// Options that are not given are the safe ones.
    public init(
        durability: Durability = .full,
        logWarningBytes: Int64 = 256 << 20,
        logLimitBytes: Int64 = 1 << 30,
        indexCacheBytes: Int = 384 << 20,
        maintenance: MaintenancePolicy? = nil,
        logger: Logger? = nil,
        isCancelled: (@Sendable () -> Bool)? = nil
    ) {
        self.durability = durability
        self.logWarningBytes = logWarningBytes
        self.logLimitBytes = logLimitBytes
        self.indexCacheBytes = indexCacheBytes
        self.maintenance = maintenance
        self.logger = logger
        self.isCancelled = isCancelled
    }

    /// What is asked before the store's log is believed.
    func witness(_ paths: StorePaths, _ fileSystem: any FileSystem) -> LogWitness {
        LogWitness(paths, fileSystem) { Task.isCancelled || isCancelled?() == true }
    }

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
    }
}
