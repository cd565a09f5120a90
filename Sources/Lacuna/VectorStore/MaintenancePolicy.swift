/// Says when a store compacts itself in the background, makes its codes, and at which rate:
/// ``VectorStoreOptions/maintenance``.
///
///     let options = VectorStoreOptions(maintenance: MaintenancePolicy(), logger: logger)
///     let store = try VectorStore<UUID>.open(at: path, options: options)
///
/// The store compares its dead rows with both thresholds at open and after each commit. If there are enough, and once
/// nothing was written for ``idleTime``, it runs ``VectorStore/compact(_:options:progress:)`` with `auto` on a queue of its own.
/// If the writers of a busy store never pause for that long, it never runs.
///
/// If the store wants codes (``VectorStore/accelerate(options:progress:)``), a run also makes those that are missing, without
/// compacting if too few rows are dead: as soon as no row has codes (because the store is new, or rows were moved or
/// erased), and then whenever an eighth as many rows as have codes, and at least 16,384, have been put since.
///
/// - It gives way: a compaction, an erasure or an acceleration that you call stops it at its next batch, and so does
///   closing or releasing the store.
/// - After each failure it waits longer, from ``minimumInterval`` up to an hour, until a run succeeds.
/// - If `auto` finds nothing worth doing, it waits until ``minimumDeadBytes`` more bytes are dead.
/// - It logs each run (info) and each failure (warning).
///
/// A policy costs O(1) for each commit, and no thread while nothing is to be done.
public struct MaintenancePolicy: Sendable {
    /// The share of dead rows from which on the store compacts itself, 0 to 1: see ``VectorStore/fragmentation``. The
    /// default is 0.3.
    public var minimumFragmentation: Double
    /// The bytes of dead rows from which on the store compacts itself, at least 1. The default is 64 MiB.
    public var minimumDeadBytes: Int64
    /// The largest number of bytes of the data file that it writes or releases, or reads for codes, a second. The
    /// default is 64 MiB; nil means no limit.
    public var maxBytesPerSecond: Int64?
    /// The time without a commit after which it begins. The default is one second; with zero it begins beside the
    /// writers.
    public var idleTime: Duration
    /// The shortest time from the end of one run to the beginning of the next. The default is one minute.
    public var minimumInterval: Duration
    /// The clock; nil for the system's. Tests set it.
    var clock: (any AlarmClock)?

    /// Makes a policy; the defaults hardly disturb readers and writers.
    public init(
        minimumFragmentation: Double = 0.3,
        minimumDeadBytes: Int64 = 64 << 20,
        maxBytesPerSecond: Int64? = 64 << 20,
        idleTime: Duration = .seconds(1),
        minimumInterval: Duration = .seconds(60)
    ) {
        self.minimumFragmentation = minimumFragmentation
        self.minimumDeadBytes = minimumDeadBytes
        self.maxBytesPerSecond = maxBytesPerSecond
        self.idleTime = idleTime
        self.minimumInterval = minimumInterval
    }

    func check() throws(VectorStoreError) {
        guard minimumFragmentation >= 0 && minimumFragmentation <= 1 else {
            throw Self.outOfRange("minimumFragmentation", "\(minimumFragmentation)", "from 0 to 1")
        }
        guard minimumDeadBytes >= 1 else {
            throw Self.outOfRange("minimumDeadBytes", "\(minimumDeadBytes)", "of 1 at least")
        }
        if let rate = maxBytesPerSecond, rate < 1 {
            throw Self.outOfRange("maxBytesPerSecond", "\(rate)", "of 1 at least, or nil")
        }
        guard idleTime >= .zero else { throw Self.outOfRange("idleTime", "\(idleTime)", "of zero at least") }
        guard minimumInterval >= .zero else {
            throw Self.outOfRange("minimumInterval", "\(minimumInterval)", "of zero at least")
        }
    }

    private static func outOfRange(_ name: String, _ value: String, _ range: String) -> VectorStoreError {
        VectorStoreError(
            .invalidArgument,
            "the policy's \(name) \(value) is out of range",
            remedy: "choose one \(range)"
        )
    }
}
