/// The report of a re-embedding.
public struct ReembeddingReport: Sendable {
    /// The number of rows, all of which have new vectors.
    public internal(set) var rows: Int
    /// The number of rows among them that had their new vectors already when this call began.
    public internal(set) var resumedRows: Int
    /// The number of components of the new vectors.
    public internal(set) var dimension: Int
    /// The model that made the new vectors; nil if the store doesn't say it.
    public internal(set) var model: EmbeddingModel?
    /// The generation of the data file that holds them.
    public internal(set) var generation: Int64
    /// Whether the data file belongs to the same user and group as before: see ``CompactionReport/keptOwner``.
    public internal(set) var keptOwner = true
    /// The time that the call took.
    public internal(set) var duration: Duration = .zero
    /// The longest time for which it held up the writers of this handle.
    public internal(set) var longestWriterPause: Duration = .zero
}
