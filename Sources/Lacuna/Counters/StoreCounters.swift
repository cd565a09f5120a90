/// Counts what a handle does. A search or a commit takes the lock once; reads by id are counted where they are done.
final class StoreCounters: Sendable {
    private let counted = Guarded(StoreStatistics())

    var statistics: StoreStatistics { counted.withLock { $0 } }

    func note(_ change: (inout StoreStatistics) -> Void) { counted.withLock(change) }
}
