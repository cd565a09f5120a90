/// How a compaction gives space back.
public enum CompactionStrategy: String, Sendable, CaseIterable {
    /// Chooses by what there is to gain, what it costs, the free disk space, and who is reading.
    case auto
    /// Copies the live rows into a new file and drops the old one. Needs room for the live rows beside the old file.
    case rewrite
    /// Moves rows from the end of the file into the gaps, and cuts the file. Needs no room for a copy. Waits for readers
    /// that still see the rows that were in the gaps, or the moved ones where they were, 5 seconds at most.
    case inPlace = "in-place"
    /// Releases the disk blocks inside runs of dead rows. Copies nothing; rows keep their places, the file its length.
    case punch
}

/// What a compaction did. Sizes are bytes of the data file.
public struct CompactionReport: Sendable {
    /// The strategy that ran; nil if there was nothing to do.
    public internal(set) var strategy: CompactionStrategy?
    /// Rows that were alive when it ended; for a punch, when it began.
    public internal(set) var liveRows: Int
    /// Rows that were moved, by a rewrite also those that died meanwhile; none by a punch.
    public internal(set) var movedRows = 0
    /// Bytes written to a data file; none by a punch.
    public internal(set) var writtenBytes: Int64 = 0
    /// The data file's length before.
    public internal(set) var logicalBefore: Int64
    /// The data file's length afterwards.
    public internal(set) var logicalAfter: Int64
    /// The blocks that the data file occupied before, as the file system counts them after a sync.
    public internal(set) var allocatedBefore: Int64
    /// The blocks that the data file occupies afterwards, as the file system counts them after a sync.
    public internal(set) var allocatedAfter: Int64
    /// The time that the whole call took.
    public internal(set) var duration: Duration = .zero
    /// The longest that it held up the writers of this handle at a stretch: none waited for it longer.
    public internal(set) var longestWriterPause: Duration = .zero
    /// The generation of the data file afterwards.
    public internal(set) var generation: Int64
    /// Whether the data file belongs to the user and group that it belonged to before. Only a superuser may give a rewrite's
    /// new file to another user; else it belongs to the user who has compacted.
    public internal(set) var keptOwner = true
}

/// What a compaction would do: ``VectorStore/compactionPlan(_:)``.
public struct CompactionPlan: Sendable {
    /// The strategy that would run; nil if there is nothing to do.
    public internal(set) var strategy: CompactionStrategy?
    /// Why this one, in a sentence.
    public internal(set) var reason: String
    /// Rows that would be copied.
    public internal(set) var movedRows = 0
    /// Bytes that would be written.
    public internal(set) var writtenBytes: Int64 = 0
    /// Bytes of disk that would be given back, before the file system's rounding.
    public internal(set) var reclaimedBytes: Int64 = 0
    /// Bytes of disk that are needed on top while it runs.
    public internal(set) var neededBytes: Int64 = 0
}
