/// When a store compacts itself in the background, and how hard it works: ``VectorStoreOptions/maintenance``.
///
///     let options = VectorStoreOptions(maintenance: MaintenancePolicy(), logger: logger)
///     let store = try VectorStore<UUID>.open(at: path, .readWrite, options)
///
/// After a commit, or at open, that leaves enough dead rows behind (both thresholds), and once nothing was written for
/// ``idle``, it does what ``VectorStore/compact(_:_:progress:)`` does with `auto`, on a queue of its own. That writers don't
/// pause for so long on a busy store is possible: then it never runs.
///
/// - It gives way to everything: your own compactions and erasures stop it at its next batch, and so does closing, or
///   letting go of, the store.
/// - After a failure it waits for longer each time, from ``minimumInterval`` to an hour, until a run ends well.
/// - Where `auto` finds nothing worth doing, it waits for as many more dead bytes as the threshold says.
/// - The logger hears of each run (info) and each failure (warning).
///
/// Costs O(1) a commit, and no thread while nothing is to be done.
public struct MaintenancePolicy: Sendable {
    /// The share of dead rows from which on it compacts, 0 to 1: see ``VectorStore/fragmentation``. 0.3 unless set.
    public var fragmentation: Double
    /// The bytes of dead rows from which on it compacts, 1 at least; 64 MiB unless set.
    public var deadBytes: Int64
    /// Bytes of the data file that it writes, or releases, a second, at most; 64 MiB unless set, nil for as many as the disk
    /// takes.
    public var maxBytesPerSecond: Int64?
    /// How long no commit must have come before it begins; a second unless set. Zero begins beside the writers.
    public var idle: Duration
    /// The time from the end of one run to the beginning of the next, at least; a minute unless set.
    public var minimumInterval: Duration
    /// The time as it is, but for tests.
    var clock: (any AlarmClock)?

    /// A policy that nobody notices, but for what is given.
    public init(
        fragmentation: Double = 0.3,
        deadBytes: Int64 = 64 << 20,
        maxBytesPerSecond: Int64? = 64 << 20,
        idle: Duration = .seconds(1),
        minimumInterval: Duration = .seconds(60)
    ) {
        self.fragmentation = fragmentation
        self.deadBytes = deadBytes
        self.maxBytesPerSecond = maxBytesPerSecond
        self.idle = idle
        self.minimumInterval = minimumInterval
    }

    func check() throws(VectorStoreError) {
        guard fragmentation >= 0 && fragmentation <= 1 else {
            throw Self.outOfRange("fragmentation", "\(fragmentation)", "from 0 to 1")
        }
        guard deadBytes >= 1 else { throw Self.outOfRange("deadBytes", "\(deadBytes)", "of 1 at least") }
        if let rate = maxBytesPerSecond, rate < 1 {
            throw Self.outOfRange("maxBytesPerSecond", "\(rate)", "of 1 at least, or nil")
        }
        guard idle >= .zero else { throw Self.outOfRange("idle", "\(idle)", "of zero at least") }
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
