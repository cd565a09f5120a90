/// What a backup did.
public struct BackupReport: Sendable {
    /// Rows that the backup holds.
    public internal(set) var rows: Int
    /// Bytes that were written: of the data file and of the index.
    public internal(set) var copiedBytes: Int64
    /// Bytes of the data file that were not written: blocks that the file system shares with the store's file, or rows that
    /// an earlier backup had already.
    public internal(set) var sharedBytes: Int64
    /// The number of the commit that the backup holds.
    public internal(set) var commitSequence: Int64
    /// Whether an earlier backup was brought up to date, and not a whole one made.
    public internal(set) var isIncremental: Bool
    /// Bytes of rows that were deleted or replaced, which the data file still holds.
    public internal(set) var deadBytes: Int64
    /// Where the earlier backup is now, if a whole one has taken its place, and it wasn't as it was made: somebody has written to
    /// it, or put another file there.
    public internal(set) var movedAside: String?
    /// The time that it took.
    public internal(set) var duration: Duration = .zero
}

/// What restoring a backup did.
public struct RestoreReport: Sendable {
    /// Rows that the store holds now.
    public internal(set) var rows: Int
    /// Bytes of its data file and of its index.
    public internal(set) var bytes: Int64
    /// Where the directory is that was at the store's path before; nil where there was none.
    public internal(set) var movedAside: String?
}
