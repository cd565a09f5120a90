/// The report of an erasure.
public struct ErasureReport: Sendable, Equatable {
    /// The number of rows that were erased.
    public var erasedRows: Int
    /// The number of bytes of the data file that were overwritten with zeros, in pieces of up to 4 KiB: those of the
    /// erased rows, and those of other dead rows that weren't zero yet.
    public var zeroedBytes: Int64
    /// The time that the whole call took.
    public var duration: Duration
    /// The longest time for which it held up the writers of this handle: mostly the time to rebuild the index.
    public var longestWriterPause: Duration

    /// Makes a report, as for a preview or a test.
    public init(
        erasedRows: Int = 0,
        zeroedBytes: Int64 = 0,
        duration: Duration = .zero,
        longestWriterPause: Duration = .zero
    ) {
        self.erasedRows = erasedRows
        self.zeroedBytes = zeroedBytes
        self.duration = duration
        self.longestWriterPause = longestWriterPause
    }
}
