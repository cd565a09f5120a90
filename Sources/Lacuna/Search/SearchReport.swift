/// A report of how a search found its answer: see ``VectorStore/explainedSearch(forEach:limit:where:options:)``.
public struct SearchReport: Sendable, Equatable {
    /// A way to find the nearest rows. The answer is the same with each.
    public enum Plan: String, Sendable {
        /// All rows are compared with the query.
        case allRows = "all rows"
        /// The filter is evaluated on the nearest rows, or the field is read of which each value may occur only so often,
        /// until there are enough.
        case nearestFirst = "nearest rows first"
        /// The rows that passed the filter are remembered from an earlier search.
        case rememberedFilter = "remembered filter"
        /// An index on metadata finds the rows that may pass the filter; those that pass are compared with the query.
        case indexFirst = "index first"
        /// The filter is evaluated on all rows; then those that passed are compared with the query.
        case filterFirst = "filter first"
        /// The rows of the given ids, or those of them that pass the filter, are compared with the query.
        case givenRows = "given rows"
    }

    /// The plan that gave the answer.
    public var plan: Plan
    /// The reason for the plan, in English; empty without a filter.
    public var reason: String
    /// The number of threads that compared rows.
    public var threads: Int
    /// The number of passes over the rows. A filter that is evaluated on the nearest rows may need some.
    public var passes: Int
    /// The number of rows that were compared with the queries as they are, dead rows between them included.
    public var scannedRows: Int
    /// The number of rows that were compared by their codes, dead rows between them included.
    public var codedRows: Int
    /// For all queries together, the number of rows that the first level of the codes left, and of those that the
    /// second level left; the same number if there is no second level.
    public var leftByFirstLevel: Int, leftBySecondLevel: Int
    /// For all queries together, the number of distances that were computed in double precision.
    public var computedDistances: Int
    /// The number of bytes of rows and codes that were read. A byte that is compared with several queries counts once.
    public var readBytes: Int64
    /// The time in which rows were compared with the queries.
    public var scanDuration: Duration
    /// The time of the whole search: filters, scans, and looking up ids.
    public var duration: Duration

    /// Makes a report, as for a preview or a test.
    public init(
        plan: Plan = .allRows,
        reason: String = "",
        threads: Int = 0,
        passes: Int = 0,
        scannedRows: Int = 0,
        codedRows: Int = 0,
        leftByFirstLevel: Int = 0,
        leftBySecondLevel: Int = 0,
        computedDistances: Int = 0,
        readBytes: Int64 = 0,
        scanDuration: Duration = .zero,
        duration: Duration = .zero
    ) {
        self.plan = plan
        self.reason = reason
        self.threads = threads
        self.passes = passes
        self.scannedRows = scannedRows
        self.codedRows = codedRows
        self.leftByFirstLevel = leftByFirstLevel
        self.leftBySecondLevel = leftBySecondLevel
        self.computedDistances = computedDistances
        self.readBytes = readBytes
        self.scanDuration = scanDuration
        self.duration = duration
    }

    /// Adds the counts and times of another search. The plan stays.
    public mutating func add(_ other: SearchReport) {
        threads = max(threads, other.threads)
        passes += other.passes
        scanDuration += other.scanDuration
        duration += other.duration
        scannedRows += other.scannedRows
        codedRows += other.codedRows
        leftByFirstLevel += other.leftByFirstLevel
        leftBySecondLevel += other.leftBySecondLevel
        computedDistances += other.computedDistances
        readBytes += other.readBytes
    }
}
