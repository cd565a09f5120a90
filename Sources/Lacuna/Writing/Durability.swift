/// When a write is durable.
public enum Durability: Sendable, Equatable {
    /// When the call returns. Costs two syncs a call.
    case full
    /// When the group that the write joined is committed: at the latest `interval` after the group's first write, when
    /// the group has gathered 8 MiB of rows, at ``VectorStore/flush()``, before any maintenance, and at
    /// ``VectorStore/close()``. Until then readers don't see it.
    ///
    /// The group is one ordinary transaction: a crash loses the writes since the last commit, whole batches of them, and
    /// never tears one.
    case relaxed(interval: Duration = .milliseconds(100))
}
