/// What an erasure did.
public struct ErasureReport: Sendable {
    /// Rows that were there, and are gone.
    public internal(set) var erasedRows: Int
    /// Bytes of the data file that were overwritten with zeros, in pieces of up to 4 KiB: the erased rows', and those of all
    /// other dead rows that weren't zero yet.
    public internal(set) var zeroedBytes: Int64
    /// The time that the whole call took.
    public internal(set) var duration: Duration = .zero
    /// The longest that it held up the writers of this handle at a stretch: mostly the index's rebuilding.
    public internal(set) var longestWriterPause: Duration = .zero
}
