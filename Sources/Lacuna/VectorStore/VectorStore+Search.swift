/// A row that a search found.
public struct Match<ID: VectorID>: Sendable, Hashable, Identifiable {
    /// The row's id.
    public let id: ID
    /// The distance by the store's ``DistanceMetric``; lower is nearer.
    public let distance: Double

    /// Makes a match, as for a preview or a test.
    public init(id: ID, distance: Double) {
        self.id = id
        self.distance = distance
    }
}

/// A row that a search found, with its metadata.
public struct DecodedMatch<ID: VectorID, Metadata>: Identifiable {
    /// The row's id and distance.
    public let match: Match<ID>
    /// The row's metadata in the state that was searched; nil if it has none.
    public let metadata: Metadata?

    /// Makes a match, as for a preview or a test.
    public init(match: Match<ID>, metadata: Metadata? = nil) {
        self.match = match
        self.metadata = metadata
    }

    /// The row's id.
    public var id: ID { match.id }
    /// The distance by the store's ``DistanceMetric``; lower is nearer.
    public var distance: Double { match.distance }
}

extension DecodedMatch: Sendable where Metadata: Sendable {}
extension DecodedMatch: Equatable where Metadata: Equatable {}
extension DecodedMatch: Hashable where Metadata: Hashable {}

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
    ///   - limit: The number of rows to find, at least 1. There are fewer matches only if fewer rows pass the filter and
    ///     the options.
    ///   - filter: A condition on rows: see ``Filter``.
    ///   - options: A radius, ids among which to search, a cursor for the next page, a field of which each value
    ///     may occur only so often, a number of threads.
    /// - Throws: `invalidVector`, `invalidFilter`, `invalidArgument`, `cancelled` (``VectorStoreOptions/shouldCancel``).
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [Match<ID>] {
        try storeErrors { try read { try $0.search(for: query, limit: limit, where: filter, options: options) } }
    }

    /// The nearest rows of several queries, found in one pass over the file and of one moment: see
    /// ``search(for:limit:where:options:)``.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [[Match<ID>]] {
        try storeErrors { try read { try $0.search(forEach: queries, limit: limit, where: filter, options: options) } }
    }

    /// The nearest rows of several queries, with a report of how the search found them: which plan it followed, and how
    /// many rows it read in which form. See ``search(for:limit:where:options:)``.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func explainedSearch(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> (matches: [[Match<ID>]], report: SearchReport) {
        try storeErrors {
            try read { try $0.explainedSearch(forEach: queries, limit: limit, where: filter, options: options) }
        }
    }

    /// The nearest rows with their metadata, all of one moment: see ``search(for:limit:where:options:)``, and for the
    /// metadata ``metadata(for:as:)``.
    ///
    ///     for match in try store.search(for: query, limit: 10, as: Note.self) {
    ///         print(match.distance, match.metadata?.title ?? "untitled")
    ///     }
    ///
    /// - Throws: Also `DecodingError` if the metadata of a match have another shape than `M`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search<M: Decodable>(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) throws -> [DecodedMatch<ID, M>] {
        try read { try $0.search(for: query, limit: limit, where: filter, options: options, as: type) }
    }

    /// The rows like some examples, and unlike others: those nearest to p, or to 2p − n if there are negative examples.
    /// p is the mean of the positive examples, and n that of the negative ones.
    ///
    /// This is Rocchio's formula for relevance feedback. Under the cosine metric, examples are scaled to the length 1
    /// first, so that only their directions count. Means are computed in double precision, and rounded to single
    /// precision once. A single positive example without negative ones is the query as it is.
    ///
    /// The answer leaves out the rows that are given by their ids. See ``search(for:limit:where:options:)`` for the rest.
    ///
    /// - Parameters:
    ///   - positives: At least one row or vector that the matches should be like. One that is there twice counts twice.
    ///   - negatives: Rows or vectors that they should be unlike.
    ///   - limit: The number of rows to find, at least 1.
    ///   - filter: A condition on rows: see ``Filter``.
    ///   - options: As in ``search(for:limit:where:options:)``.
    /// - Throws: Also `unknownID` if an id has no row; `damaged`, with the id, for a row that doesn't match its checksum.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [Match<ID>] {
        try storeErrors {
            try read {
                try $0.search(like: positives, unlike: negatives, limit: limit, where: filter, options: options)
            }
        }
    }

    /// The rows like some examples, with their metadata: see ``search(like:unlike:limit:where:options:)`` and
    /// ``search(for:limit:where:options:as:)``.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func search<M: Decodable>(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) throws -> [DecodedMatch<ID, M>] {
        try read {
            try $0.search(
                like: positives,
                unlike: negatives,
                limit: limit,
                where: filter,
                options: options,
                as: type
            )
        }
    }

    /// The place in a ranking after a match. With this cursor in its options, a search gives the next page:
    ///
    ///     let page = try store.search(for: query, limit: 10)
    ///     if let last = page.last {
    ///         let next = try store.search(for: query, limit: 10, options: .init(after: try store.cursor(after: last)))
    ///         print(next)
    ///     }
    ///
    /// Paging through a store that doesn't change gives each row exactly once. Each page costs a search, and a
    /// few microseconds for each match before it.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func cursor(after match: Match<ID>) throws(VectorStoreError) -> SearchCursor {
        try storeErrors { try read { $0.cursor(after: match) } }
    }
}
