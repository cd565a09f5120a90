/// Limits on the rate and the time of a compaction, an erasure, a re-embedding, a backup or a restore.
public struct MaintenanceOptions: Sendable, Equatable {
    /// The largest number of bytes of the data file that are written or released a second; nil for no limit.
    public var maxBytesPerSecond: Int64?
    /// The time after which the call stops, as if its progress closure had thrown, with the error `deadlineExceeded`;
    /// nil for no deadline.
    public var deadline: Duration?

    /// Makes options with the limits that are given; by default there are none.
    public init(maxBytesPerSecond: Int64? = nil, deadline: Duration? = nil) {
        self.maxBytesPerSecond = maxBytesPerSecond
        self.deadline = deadline
    }
}

/// The progress of a long call, passed to its progress closure. The closure can stop the call by throwing an error.
public struct MaintenanceProgress: Sendable, Equatable {
    /// The number of rows done.
    public var done: Int
    /// The number of all rows to be done, as far as it is known: writers may add rows.
    public var total: Int

    /// Makes a progress, as for a preview or a test.
    public init(done: Int, total: Int) {
        self.done = done
        self.total = total
    }
}

/// Called between the batches of a long call, and while the call waits (for its rate limit, for readers, for another
/// compaction). An error that it throws stops the call, and the call throws it. No lock is held meanwhile, so the
/// closure may read the store and write to it; inside ``VectorStore/verify(progress:)``, which reads one snapshot, it
/// may only read.
public typealias ProgressHandler = (MaintenanceProgress) throws -> Void

/// The sizes of batches and turns, and the longest wait. Tests make them small, so that small stores have many batches
/// too.
struct MaintenanceLimits: Sendable {
    /// The bytes of rows that are read and written at a time, while writers go on.
    var bytes = 1 << 20
    /// The number of index rows that change in one of the writer's turns, for which writers wait.
    var rows = 4_000
    /// The longest wait, in seconds, for readers that still see rows that are about to be destroyed.
    var drainSeconds = 5.0

    /// The number of rows that are copied in one of the writer's turns.
    func rowsPerTurn(_ stride: Int64) -> Int { max(1, min(rows, bytes / Int(stride))) }
}
