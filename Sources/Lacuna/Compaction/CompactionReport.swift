/// The ways in which a compaction gives space back.
public enum CompactionStrategy: String, Sendable, CaseIterable {
    /// Chooses one of the others by the gain, the cost, the free disk space, and whether anybody is reading.
    case auto
    /// Copies the live rows into a new file and drops the old one. Needs room for the live rows beside the old file.
    case rewrite
    /// Moves rows from the end of the file into the gaps, and cuts the file. Needs no room for a copy. Waits, 5 seconds
    /// at most, for readers that still see the dead rows in the gaps, or the moved rows in their old places.
    case inPlace = "in-place"
    /// Releases the disk blocks inside gaps. Copies nothing; rows keep their places, and the file keeps its length.
    case punch
}

/// The report of a compaction. Sizes are bytes of the data file.
public struct CompactionReport: Sendable {
    /// The strategy that ran; nil if there was nothing to do.
    public internal(set) var strategy: CompactionStrategy?
    /// The number of rows that were live when it ended; for a punch, when it began.
    public internal(set) var liveRows: Int
    /// The number of rows that were moved. A rewrite also counts rows that died meanwhile; a punch moves none.
    public internal(set) var movedRows = 0
    /// The number of bytes written to a data file; 0 for a punch.
    public internal(set) var writtenBytes: Int64 = 0
    /// The data file's length before.
    public internal(set) var logicalBefore: Int64
    /// The data file's length afterwards.
    public internal(set) var logicalAfter: Int64
    /// The blocks that the data file occupied before, as the file system counts them after a sync.
    public internal(set) var allocatedBefore: Int64
    /// The blocks that the data file occupies afterwards, as the file system counts them after a sync.
    public internal(set) var allocatedAfter: Int64
    /// The time that the whole call took, with the codes.
    public internal(set) var duration: Duration = .zero
    /// The longest time for which it held up the writers of this handle: none of them waited longer for it.
    public internal(set) var longestWriterPause: Duration = .zero
    /// The generation of the data file afterwards.
    public internal(set) var generation: Int64
    /// Whether the data file belongs to the same user and group as before. Only a superuser may give a rewrite's new
    /// file to another user; otherwise the file belongs to the user who ran the compaction.
    public internal(set) var keptOwner = true
    /// The report of the codes that were made at the end; nil if the store wants none, or none were missing.
    public internal(set) var acceleration: AccelerationReport?
    /// The error that kept the missing codes from being made; searches compare the rows without codes meanwhile.
    public internal(set) var accelerationError: VectorStoreError?
}

/// The plan of a compaction: ``VectorStore/compactionPlan(_:)``.
public struct CompactionPlan: Sendable {
    /// The strategy that would run; nil if there is nothing to do.
    public internal(set) var strategy: CompactionStrategy?
    /// The reason for this strategy, in a sentence.
    public internal(set) var reason: String
    /// The number of rows that would be copied.
    public internal(set) var movedRows = 0
    /// The number of bytes that would be written.
    public internal(set) var writtenBytes: Int64 = 0
    /// The bytes of disk that would be given back, not counting the file system's rounding.
    public internal(set) var reclaimedBytes: Int64 = 0
    /// The bytes of free disk that it needs while it runs.
    public internal(set) var neededBytes: Int64 = 0
}
