/// The report of a backup.
public struct BackupReport: Sendable, Equatable {
    /// The number of rows in the backup.
    public var rows: Int
    /// The number of bytes that were written, of the data file and the index.
    public var copiedBytes: Int64
    /// The number of bytes of the data file that were not written, because the file system shares their blocks with the
    /// store's file, or because an earlier backup had these rows already.
    public var sharedBytes: Int64
    /// The number of the commit whose state the backup holds.
    public var commitSequence: Int64
    /// Whether an earlier backup was brought up to date; if not, a whole one was made.
    public var isIncremental: Bool
    /// The bytes of deleted or replaced rows that the backup's data file still holds.
    public var deadBytes: Int64
    /// The path of the earlier backup, if a whole one has taken its place, and somebody had written to the earlier one,
    /// or put another file there.
    public var movedAside: String?
    /// The time that the backup took.
    public var duration: Duration

    /// Makes a report, as for a preview or a test.
    public init(
        rows: Int = 0,
        copiedBytes: Int64 = 0,
        sharedBytes: Int64 = 0,
        commitSequence: Int64 = 0,
        isIncremental: Bool = false,
        deadBytes: Int64 = 0,
        movedAside: String? = nil,
        duration: Duration = .zero
    ) {
        self.rows = rows
        self.copiedBytes = copiedBytes
        self.sharedBytes = sharedBytes
        self.commitSequence = commitSequence
        self.isIncremental = isIncremental
        self.deadBytes = deadBytes
        self.movedAside = movedAside
        self.duration = duration
    }
}

/// The report of a restore.
public struct RestoreReport: Sendable, Equatable {
    /// The number of rows in the store now.
    public var rows: Int
    /// The number of bytes of all files of the store.
    public var bytes: Int64
    /// The new path of the directory that was at the store's path before; nil if there was none.
    public var movedAside: String?

    /// Makes a report, as for a preview or a test.
    public init(rows: Int = 0, bytes: Int64 = 0, movedAside: String? = nil) {
        self.rows = rows
        self.bytes = bytes
        self.movedAside = movedAside
    }
}
