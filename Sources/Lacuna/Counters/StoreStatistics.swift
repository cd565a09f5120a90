/// What a handle has done since it was opened, and what it holds: ``VectorStore/statistics``.
public struct StoreStatistics: Sendable, Equatable, Codable {
    /// The number of reads: snapshots, and rows found by the cache of ids.
    public var reads: Int
    /// The number of searches by the plan that gave the answer, as ``SearchReport/Plan`` names it.
    public var searches: [String: Int]
    /// The time of all searches together.
    public var searchDuration: Duration
    /// The number of rows that searches compared with queries, as they are or by their codes.
    public var comparedRows: Int
    /// The number of bytes of rows and codes that searches read.
    public var searchedBytes: Int64

    /// The number of transactions that changed rows or metadata. Writes that threads make at the same time share one.
    public var commits: Int
    /// The number of rows added, those that replaced others included.
    public var addedRows: Int
    /// The number of rows deleted.
    public var deletedRows: Int
    /// The number of bytes of rows written to the data file, by writers and compactions.
    public var writtenBytes: Int64
    /// The time that puts and changes of metadata took to become durable: the sync of the rows, and the transaction's
    /// commit with the sync of the log.
    public var commitDuration: Duration

    /// The number of compactions that ended and did something.
    public var compactions: Int
    /// The number of rows that compactions moved.
    public var movedRows: Int
    /// The number of bytes of disk space that compactions gave back.
    public var reclaimedBytes: Int64
    /// The longest time for which a compaction kept writers waiting.
    public var longestWriterPause: Duration

    /// The size of SQLite's log now, in bytes.
    public var logBytes: Int64
    /// The memory of the cache of ids now, in bytes.
    public var idCacheBytes: Int
    /// The size of the codes now, in bytes; 0 if there are none.
    public var codesBytes: Int64

    /// Makes statistics, for previews and tests.
    public init(
        reads: Int = 0,
        searches: [String: Int] = [:],
        searchDuration: Duration = .zero,
        comparedRows: Int = 0,
        searchedBytes: Int64 = 0,
        commits: Int = 0,
        addedRows: Int = 0,
        deletedRows: Int = 0,
        writtenBytes: Int64 = 0,
        commitDuration: Duration = .zero,
        compactions: Int = 0,
        movedRows: Int = 0,
        reclaimedBytes: Int64 = 0,
        longestWriterPause: Duration = .zero,
        logBytes: Int64 = 0,
        idCacheBytes: Int = 0,
        codesBytes: Int64 = 0
    ) {
        self.reads = reads
        self.searches = searches
        self.searchDuration = searchDuration
        self.comparedRows = comparedRows
        self.searchedBytes = searchedBytes
        self.commits = commits
        self.addedRows = addedRows
        self.deletedRows = deletedRows
        self.writtenBytes = writtenBytes
        self.commitDuration = commitDuration
        self.compactions = compactions
        self.movedRows = movedRows
        self.reclaimedBytes = reclaimedBytes
        self.longestWriterPause = longestWriterPause
        self.logBytes = logBytes
        self.idCacheBytes = idCacheBytes
        self.codesBytes = codesBytes
    }
}
