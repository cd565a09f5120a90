/// A row that a search found.
public struct Match<ID: VectorID>: Sendable, Equatable {
    /// The row's id.
    public let id: ID
    /// The distance by the store's ``DistanceMetric``; lower is nearer.
    public let distance: Double
}

extension VectorStore {
    /// The nearest rows, nearest first; rows at equal distances in the order of their ids.
    ///
    /// The search is exact: every row is compared, without a check of its checksum, in O(rows · dimension) time on all
    /// cores. Sums in single precision, whose error has a proven bound, show which rows can be near enough. The
    /// distances of these rows are then computed in double precision (see ``DistanceMetric``), and the rows rank by
    /// these distances. If many rows are nearly as near as the last one of the answer, the search takes longer, but no
    /// more memory.
    ///
    /// The filter is applied before the nearest are chosen: to rows in the order of their distances until enough
    /// have passed, or, if few pass, to all rows; then the rows that passed are remembered. A filter that is used again
    /// is also applied to all rows, once, if that makes later searches noticeably faster; that one search takes longer.
    /// If the filter fails on some rows, it isn't promised whether a search evaluates it on them.
    ///
    /// - Parameters:
    ///   - query: As many components as the store's dimension, all of them finite numbers.
    ///   - limit: The number of rows to find, at least 1.
    ///   - filter: A condition on rows: see ``Filter``.
    ///   - threads: The number of threads; all cores by default.
    /// - Throws: `invalidVector`, `invalidFilter`, `invalidArgument`, `cancelled` (``VectorStoreOptions/isCancelled``).
    public func search(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> [Match<ID>] {
        try read { try $0.search(for: query, limit: limit, where: filter, threads: threads) }
    }

    /// The nearest rows of several queries, found in one pass over the file and of one moment: see
    /// ``search(for:limit:where:threads:)``.
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> [[Match<ID>]] {
        try read { try $0.search(forEach: queries, limit: limit, where: filter, threads: threads) }
    }

    /// The nearest rows of several queries, with a report of how the search found them: which plan it followed, and how
    /// many rows it read in which form. See ``search(for:limit:where:threads:)``.
    public func explainedSearch(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> (matches: [[Match<ID>]], report: SearchReport) {
        try read { try $0.explainedSearch(forEach: queries, limit: limit, where: filter, threads: threads) }
    }
}
