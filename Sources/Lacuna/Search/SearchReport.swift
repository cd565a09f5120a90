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
    public internal(set) var plan = Plan.allRows
    /// The reason for the plan, in English; empty without a filter.
    public internal(set) var reason = ""
    /// The number of threads that compared rows.
    public internal(set) var threads = 0
    /// The number of passes over the rows. A filter that is evaluated on the nearest rows may need some.
    public internal(set) var passes = 0
    /// The number of rows that were compared with the queries as they are, dead rows between them included.
    public internal(set) var scannedRows = 0
    /// The number of rows that were compared by their codes, dead rows between them included.
    public internal(set) var codedRows = 0
    /// For all queries together, the number of rows that the first level of the codes left, and of those that the
    /// second level left; the same number if there is no second level.
    public internal(set) var leftByFirstLevel = 0, leftBySecondLevel = 0
    /// For all queries together, the number of distances that were computed in double precision.
    public internal(set) var computedDistances = 0
    /// The number of bytes of rows and codes that were read. A byte that is compared with several queries counts once.
    public internal(set) var readBytes: Int64 = 0
    /// The time in which rows were compared with the queries.
    public internal(set) var scanDuration = Duration.zero
    /// The time of the whole search: filters, scans, and looking up ids.
    public internal(set) var duration = Duration.zero

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
