/// The report of an erasure.
public struct ErasureReport: Sendable {
    /// The number of rows that were erased.
    public internal(set) var erasedRows: Int
    /// The number of bytes of the data file that were overwritten with zeros, in pieces of up to 4 KiB: those of the
    /// erased rows, and those of other dead rows that weren't zero yet.
    public internal(set) var zeroedBytes: Int64
    /// The time that the whole call took.
    public internal(set) var duration: Duration = .zero
    /// The longest time for which it held up the writers of this handle: mostly the time to rebuild the index.
    public internal(set) var longestWriterPause: Duration = .zero
}
