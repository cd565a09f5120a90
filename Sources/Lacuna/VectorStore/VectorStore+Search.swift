/// A row that a search found.
public struct Match<ID: VectorID>: Sendable, Equatable {
    /// The row's id.
    public let id: ID
    /// Lower is nearer; what it measures is the store's ``DistanceMetric``.
    public let distance: Double
}

extension VectorStore {
    /// The nearest rows, nearest first; rows at equal distances by id.
    ///
    /// Exact: every row is looked at, as it is, without its checksum (O(rows · dimension) time, on all cores). The filter is
    /// applied before the nearest are chosen: to rows in the order of their distances until enough have passed, or, where few
    /// pass, to all rows, and what passed is then remembered. Which rows an expression meets that fails on some of them isn't
    /// promised.
    ///
    /// - Parameters:
    ///   - query: As many components as the store's dimension, all of them finite.
    ///   - limit: The number of rows to find, 1 at least.
    ///   - filter: An SQL expression over `id` and `metadata`; it can read nothing else and change nothing.
    ///   - values: What its `?`s stand for.
    ///   - threads: The number of threads; all cores unless given.
    /// - Throws: `invalidVector`, `invalidFilter`, `invalidArgument`, `cancelled` (``VectorStoreOptions/isCancelled``).
    public func search(
        for query: [Float],
        limit: Int,
        where filter: String? = nil,
        _ values: [SQLValue] = [],
        threads: Int? = nil
    ) throws -> [Match<ID>] {
        try read { try $0.search(for: query, limit: limit, where: filter, values, threads: threads) }
    }

    /// The nearest rows of several queries, in one pass over the file and of one moment: see
    /// ``search(for:limit:where:_:threads:)``.
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: String? = nil,
        _ values: [SQLValue] = [],
        threads: Int? = nil
    ) throws -> [[Match<ID>]] {
        try read { try $0.search(forEach: queries, limit: limit, where: filter, values, threads: threads) }
    }
}
