/// What a salvage found, and could not find.
public struct SalvageReport: Sendable {
    /// `damaged` where anything was set aside, is unverified, or is wrong with the store; else what a dry run of
    /// ``VectorStoreRecovery/run(at:dryRun:)`` would say.
    public internal(set) var state = RecoveryReport.State.clean
    /// What `run` would do, of which nothing was done.
    public internal(set) var actions: [RecoveryReport.Action] = []
    /// Rows that are as they were put.
    public internal(set) var verified = 0
    /// Rows that lie in a data file whose index is lost.
    public internal(set) var unverified = 0
    /// What was set aside: how often for which reason.
    public internal(set) var setAside: [SetAsideReason: Int] = [:]
    /// What is wrong with the store as a whole, in words; the first hundred or so.
    public internal(set) var problems: [String] = []
    /// Components of a row; nil where neither the index nor a data file tells.
    public internal(set) var dimension: Int?
    /// How distances are measured; nil where the index doesn't tell.
    public internal(set) var metric: DistanceMetric?
    /// What the ids of the rows are: `integer` for unverified ones; where the index doesn't tell, what all verified rows'
    /// ids may be, and nil where there are none.
    public internal(set) var idKind: VectorIDKind?
}
