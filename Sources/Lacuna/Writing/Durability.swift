/// Says when a write is durable.
public enum Durability: Sendable, Equatable {
    /// A write is durable when its call returns. It costs two syncs, which it shares with puts of other threads that
    /// wait at the same time.
    case full
    /// A write is durable when its group is committed: `interval` after the group's first write at the latest, when the
    /// group has gathered 8 MiB of rows, at ``VectorStore/flush()``, before any maintenance, and at
    /// ``VectorStore/close()``. Until then no reader sees it, not even this handle's own. A delete outside a batch is
    /// durable when it returns, and so are the writes before it.
    ///
    /// The group is one ordinary transaction. A crash, or a process that ends without closing or flushing, loses the
    /// writes since the last commit: whole batches, and never a part of one. A full disk or an I/O error at the commit
    /// loses them too: then the next write, flush, compaction, erasure, backup or close throws that error, and does
    /// nothing itself.
    case relaxed(interval: Duration = .milliseconds(100))
}
