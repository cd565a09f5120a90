/// The report of a salvage.
public struct SalvageReport: Sendable {
    /// `damaged` if anything was set aside, is unverified, or is wrong with the store; otherwise the state that a dry
    /// run of ``VectorStoreRecovery/run(at:dryRun:)`` would report.
    public internal(set) var state = RecoveryReport.State.clean
    /// The actions of ``VectorStoreRecovery/run(at:dryRun:)``, none of which was done.
    public internal(set) var actions: [RecoveryReport.Action] = []
    /// The number of rows that are as they were put.
    public internal(set) var verified = 0
    /// The number of rows from a data file whose index is lost.
    public internal(set) var unverified = 0
    /// The number of entries that were set aside, by their reason.
    public internal(set) var setAside: [SetAsideReason: Int] = [:]
    /// Describes what is wrong with the store as a whole; the first hundred problems or so.
    public internal(set) var problems: [String] = []
    /// The number of components of a row; nil if neither the index nor a data file says it.
    public internal(set) var dimension: Int?
    /// The type of a component; nil if neither the index nor a data file says it.
    public internal(set) var element: ElementType?
    /// How distances are measured; nil if the index doesn't say it.
    public internal(set) var metric: DistanceMetric?
    /// The model that made the vectors; nil if the index doesn't say it.
    public internal(set) var model: EmbeddingModel?
    /// The type of the rows' ids: `integer` if rows are unverified. If the index doesn't say it, the type that fits the
    /// ids of all verified rows, or nil if there are none.
    public internal(set) var idKind: VectorIDKind?
}
