/// The report of a salvage.
public struct SalvageReport: Sendable, Equatable {
    /// `damaged` if anything was set aside, is unverified, or is wrong with the store; otherwise the state that a dry
    /// run of ``VectorStoreRecovery/recover(at:dryRun:)`` would report.
    public var state: RecoveryReport.State
    /// The actions of ``VectorStoreRecovery/recover(at:dryRun:)``, none of which was done.
    public var actions: [RecoveryReport.Action]
    /// The number of rows that are as they were put.
    public var verified: Int
    /// The number of rows from a data file whose index is lost.
    public var unverified: Int
    /// The number of entries that were set aside, by their reason.
    public var setAside: [SetAsideReason: Int]
    /// Describes what is wrong with the store as a whole; the first hundred problems or so.
    public var problems: [String]
    /// The number of components of a row; nil if neither the index nor a data file says it.
    public var dimension: Int?
    /// The type of a component; nil if neither the index nor a data file says it.
    public var element: ElementType?
    /// How distances are measured; nil if the index doesn't say it.
    public var metric: DistanceMetric?
    /// The model that made the vectors; nil if the index doesn't say it.
    public var model: EmbeddingModel?
    /// The type of the rows' ids: `integer` if rows are unverified. If the index doesn't say it, the type that fits the
    /// ids of all verified rows, or nil if there are none.
    public var idKind: VectorIDKind?

    /// Makes a report, as for a preview or a test.
    public init(
        state: RecoveryReport.State = .clean,
        actions: [RecoveryReport.Action] = [],
        verified: Int = 0,
        unverified: Int = 0,
        setAside: [SetAsideReason: Int] = [:],
        problems: [String] = [],
        dimension: Int? = nil,
        element: ElementType? = nil,
        metric: DistanceMetric? = nil,
        model: EmbeddingModel? = nil,
        idKind: VectorIDKind? = nil
    ) {
        self.state = state
        self.actions = actions
        self.verified = verified
        self.unverified = unverified
        self.setAside = setAside
        self.problems = problems
        self.dimension = dimension
        self.element = element
        self.metric = metric
        self.model = model
        self.idKind = idKind
    }
}
