/// When a write is durable.
public enum Durability: Sendable, Equatable {
    /// When the call returns. Costs two syncs, which puts of other threads share that wait at the same time.
    case full
    /// When the group that the write joined is committed: at the latest `interval` after the group's first write, when
    /// the group has gathered 8 MiB of rows, at ``VectorStore/flush()``, before any maintenance, and at
    /// ``VectorStore/close()``. Until then no reader sees it, this handle's own neither. A delete outside a batch is durable when
    /// it returns, and what came before it.
    ///
    /// The group is one ordinary transaction: a crash, or a process that ends without closing or flushing, loses the writes
    /// since the last commit, whole batches of them, and never tears one. So does a full disk or an I/O error when it is
    /// committed: the next write, flush, compaction, erasure, backup or close throws that, and does nothing itself.
    case relaxed(interval: Duration = .milliseconds(100))
}
