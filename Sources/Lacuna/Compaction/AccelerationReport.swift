/// A report of the codes that ``VectorStore/accelerate(_:progress:)`` has made.
public struct AccelerationReport: Sendable, Equatable {
    /// The number of components of each row that a search reads first: principal components, or, if it equals the
    /// dimension, the row's own; 0 if the store has too few rows for codes.
    public let components: Int
    /// The number of slots with codes. The rows after these are searched as they are.
    public let rows: Int
    /// The bytes of the file of codes.
    public let bytes: Int64
    /// The duration of the call.
    public internal(set) var duration = Duration.zero
    /// The longest time for which a writer of this handle has waited for it.
    public internal(set) var longestWriterPause = Duration.zero
}
