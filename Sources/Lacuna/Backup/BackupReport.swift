/// The report of a backup.
public struct BackupReport: Sendable {
    /// The number of rows in the backup.
    public internal(set) var rows: Int
    /// The number of bytes that were written, of the data file and the index.
    public internal(set) var copiedBytes: Int64
    /// The number of bytes of the data file that were not written, because the file system shares their blocks with the
    /// store's file, or because an earlier backup had these rows already.
    public internal(set) var sharedBytes: Int64
    /// The number of the commit whose state the backup holds.
    public internal(set) var commitSequence: Int64
    /// Whether an earlier backup was brought up to date; if not, a whole one was made.
    public internal(set) var isIncremental: Bool
    /// The bytes of deleted or replaced rows that the backup's data file still holds.
    public internal(set) var deadBytes: Int64
    /// The path of the earlier backup, if a whole one has taken its place, and somebody had written to the earlier one,
    /// or put another file there.
    public internal(set) var movedAside: String?
    /// The time that the backup took.
    public internal(set) var duration: Duration = .zero
}

/// The report of a restore.
public struct RestoreReport: Sendable {
    /// The number of rows in the store now.
    public internal(set) var rows: Int
    /// The number of bytes of all files of the store.
    public internal(set) var bytes: Int64
    /// The new path of the directory that was at the store's path before; nil if there was none.
    public internal(set) var movedAside: String?
}
