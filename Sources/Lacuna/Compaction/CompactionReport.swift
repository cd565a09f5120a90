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
    public var strategy: CompactionStrategy?
    /// The number of rows that were live when it ended; for a punch, when it began.
    public var liveRows: Int
    /// The number of rows that were moved. A rewrite also counts rows that died meanwhile; a punch moves none.
    public var movedRows: Int
    /// The number of bytes written to a data file; 0 for a punch.
    public var writtenBytes: Int64
    /// The data file's length before.
    public var logicalBytesBefore: Int64
    /// The data file's length afterwards.
    public var logicalBytesAfter: Int64
    /// The blocks that the data file occupied before, as the file system counts them after a sync.
    public var allocatedBytesBefore: Int64
    /// The blocks that the data file occupies afterwards, as the file system counts them after a sync.
    public var allocatedBytesAfter: Int64
    /// The time that the whole call took, with the codes.
    public var duration: Duration
    /// The longest time for which it held up the writers of this handle: none of them waited longer for it.
    public var longestWriterPause: Duration
    /// The generation of the data file afterwards.
    public var generation: Int64
    /// Whether the data file belongs to the same user and group as before. Only a superuser may give a rewrite's new
    /// file to another user; otherwise the file belongs to the user who ran the compaction.
    public var isOwnerKept: Bool
    /// The report of the codes that were made at the end; nil if the store wants none, or none were missing.
    public var acceleration: AccelerationReport?
    /// The error that kept the missing codes from being made; searches compare the rows without codes meanwhile.
    public var accelerationError: VectorStoreError?

    /// Makes a report, as for a preview or a test.
    public init(
        strategy: CompactionStrategy? = nil,
        liveRows: Int = 0,
        movedRows: Int = 0,
        writtenBytes: Int64 = 0,
        logicalBytesBefore: Int64 = 0,
        logicalBytesAfter: Int64 = 0,
        allocatedBytesBefore: Int64 = 0,
        allocatedBytesAfter: Int64 = 0,
        duration: Duration = .zero,
        longestWriterPause: Duration = .zero,
        generation: Int64 = 1,
        isOwnerKept: Bool = true,
        acceleration: AccelerationReport? = nil,
        accelerationError: VectorStoreError? = nil
    ) {
        self.strategy = strategy
        self.liveRows = liveRows
        self.movedRows = movedRows
        self.writtenBytes = writtenBytes
        self.logicalBytesBefore = logicalBytesBefore
        self.logicalBytesAfter = logicalBytesAfter
        self.allocatedBytesBefore = allocatedBytesBefore
        self.allocatedBytesAfter = allocatedBytesAfter
        self.duration = duration
        self.longestWriterPause = longestWriterPause
        self.generation = generation
        self.isOwnerKept = isOwnerKept
        self.acceleration = acceleration
        self.accelerationError = accelerationError
    }
}

/// The plan of a compaction: ``VectorStore/compactionPlan(_:)``.
public struct CompactionPlan: Sendable, Equatable {
    /// The strategy that would run; nil if there is nothing to do.
    public var strategy: CompactionStrategy?
    /// The reason for this strategy, in a sentence.
    public var reason: String
    /// The number of rows that would be copied.
    public var movedRows: Int
    /// The number of bytes that would be written.
    public var writtenBytes: Int64
    /// The bytes of disk that would be given back, not counting the file system's rounding.
    public var reclaimedBytes: Int64
    /// The bytes of free disk that it needs while it runs.
    public var neededBytes: Int64

    /// Makes a plan, as for a preview or a test.
    public init(
        strategy: CompactionStrategy? = nil,
        reason: String = "",
        movedRows: Int = 0,
        writtenBytes: Int64 = 0,
        reclaimedBytes: Int64 = 0,
        neededBytes: Int64 = 0
    ) {
        self.strategy = strategy
        self.reason = reason
        self.movedRows = movedRows
        self.writtenBytes = writtenBytes
        self.reclaimedBytes = reclaimedBytes
        self.neededBytes = neededBytes
    }
}
