/// A report of the codes that ``VectorStore/accelerate(options:progress:)`` has made.
public struct AccelerationReport: Sendable, Equatable {
    /// The number of components of each row that a search reads first: principal components, or, if it equals the
    /// dimension, the row's own; 0 if the store has too few rows for codes.
    public var components: Int
    /// The number of slots with codes. The rows after these are searched as they are.
    public var rows: Int
    /// The bytes of the file of codes.
    public var bytes: Int64
    /// The duration of the call.
    public var duration: Duration
    /// The longest time for which a writer of this handle has waited for it.
    public var longestWriterPause: Duration

    /// Makes a report, as for a preview or a test.
    public init(
        components: Int,
        rows: Int,
        bytes: Int64,
        duration: Duration = .zero,
        longestWriterPause: Duration = .zero
    ) {
        self.components = components
        self.rows = rows
        self.bytes = bytes
        self.duration = duration
        self.longestWriterPause = longestWriterPause
    }
}
