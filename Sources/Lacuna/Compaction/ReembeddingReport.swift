/// The report of a re-embedding.
public struct ReembeddingReport: Sendable, Equatable {
    /// The number of rows, all of which have new vectors.
    public var rows: Int
    /// The number of rows among them that had their new vectors already when this call began.
    public var resumedRows: Int
    /// The number of components of the new vectors.
    public var dimension: Int
    /// The model that made the new vectors; nil if the store doesn't say it.
    public var model: EmbeddingModel?
    /// The generation of the data file that holds them.
    public var generation: Int64
    /// Whether the data file belongs to the same user and group as before: see ``CompactionReport/isOwnerKept``.
    public var isOwnerKept: Bool
    /// The time that the call took.
    public var duration: Duration
    /// The longest time for which it held up the writers of this handle.
    public var longestWriterPause: Duration

    /// Makes a report, as for a preview or a test.
    public init(
        rows: Int = 0,
        resumedRows: Int = 0,
        dimension: Int,
        model: EmbeddingModel? = nil,
        generation: Int64 = 1,
        isOwnerKept: Bool = true,
        duration: Duration = .zero,
        longestWriterPause: Duration = .zero
    ) {
        self.rows = rows
        self.resumedRows = resumedRows
        self.dimension = dimension
        self.model = model
        self.generation = generation
        self.isOwnerKept = isOwnerKept
        self.duration = duration
        self.longestWriterPause = longestWriterPause
    }
}
