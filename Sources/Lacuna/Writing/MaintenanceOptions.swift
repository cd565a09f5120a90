/// How long, and how hard, a compaction or an erasure may work.
public struct MaintenanceOptions: Sendable, Equatable {
    /// Bytes of the data file that are written, or released, a second, at most; nil for as many as the disk takes.
    public var maxBytesPerSecond: Int64?
    /// The time after which it stops, with the error `deadlineExceeded`, as if its progress closure had thrown; nil for none.
    public var deadline: Duration?

    /// No limits, but for those that are given.
    public init(maxBytesPerSecond: Int64? = nil, deadline: Duration? = nil) {
        self.maxBytesPerSecond = maxBytesPerSecond
        self.deadline = deadline
    }
}

/// How far a long call has come, handed to its progress closure. The closure stops the call by throwing.
public struct MaintenanceProgress: Sendable, Equatable {
    /// Rows done.
    public let done: Int
    /// Rows to be done in all, as far as is known: writers may add some.
    public let total: Int
}

/// Called between the batches of a long call, and while it waits (for its rate limit, for readers, for another); what it
/// throws stops the call, and comes out of it. No lock is held meanwhile, so it may read the store and write to it; inside
/// ``VectorStore/verify(progress:)``, which reads one snapshot, it may only read.
public typealias ProgressHandler = (MaintenanceProgress) throws -> Void

/// How much is done at a time, and waited for. Tests set less, so that small stores have many batches too.
struct MaintenanceLimits: Sendable {
    /// Bytes of rows that are read and written at a time, while writers go on.
    var bytes = 1 << 20
    /// Index rows that change in one of the writer's turns: what writers wait for.
    var rows = 4_000
    /// How long readers are waited for that still see what is about to be destroyed.
    var drainSeconds = 5.0

    /// Rows that are copied in one of the writer's turns.
    func rowsPerTurn(_ stride: Int64) -> Int { max(1, min(rows, bytes / Int(stride))) }
}
