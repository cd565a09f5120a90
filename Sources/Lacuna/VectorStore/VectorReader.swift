/// What a store's handle and a snapshot both read, for code that works with either.
///
///     func titles(of ids: [Int64], in reader: borrowing some VectorReader<Int64> & ~Copyable) throws -> [String] {
///         try ids.compactMap { try reader.metadata(for: $0, as: Note.self)?.title }
///     }
///
/// Each call of a handle reads the newest state; those of a snapshot read one state. ``VectorStore`` describes what the
/// calls do, cost and throw. All block the thread.
public protocol VectorReader<ID>: ~Copyable {
    /// The type of the ids.
    associatedtype ID: VectorID

    /// A copy of the id's vector; nil if no row has this id.
    @available(*, noasync)
    func vector(for id: ID) throws(VectorStoreError) -> [Float]?

    /// Calls `body` with the id's vector; nil if no row has this id.
    @available(*, noasync)
    func withVector<R>(for id: ID, _ body: (Span<Float>) throws -> R) throws -> R?

    /// Whether a row has this id.
    @available(*, noasync)
    func contains(_ id: ID) throws(VectorStoreError) -> Bool

    /// All ids, in id order.
    @available(*, noasync)
    func ids() throws(VectorStoreError) -> [ID]

    /// The ids of the rows that pass the filter, in id order.
    @available(*, noasync)
    func ids(where filter: Filter) throws(VectorStoreError) -> [ID]

    /// The number of rows that pass the filter.
    @available(*, noasync)
    func count(where filter: Filter) throws(VectorStoreError) -> Int

    /// The id's metadata; nil if it has none, or no row has this id.
    @available(*, noasync)
    func metadata<M: Decodable>(for id: ID, as type: M.Type) throws -> M?

    /// The id's metadata as the JSON text that was put.
    @available(*, noasync)
    func metadataJSON(for id: ID) throws(VectorStoreError) -> String?

    /// Calls `body` with each row that passes the filter, in id order.
    @available(*, noasync)
    func forEach(
        where filter: Filter?,
        limit: Int?,
        includingVectors: Bool,
        _ body: (StoredRow<ID>) throws -> Void
    ) throws

    /// The nearest rows, nearest first.
    @available(*, noasync)
    func search(
        for query: [Float],
        limit: Int,
        where filter: Filter?,
        options: SearchOptions<ID>
    ) throws(VectorStoreError) -> [Match<ID>]

    /// The nearest rows with their metadata, nearest first.
    @available(*, noasync)
    func search<M: Decodable>(
        for query: [Float],
        limit: Int,
        where filter: Filter?,
        options: SearchOptions<ID>,
        as type: M.Type
    ) throws -> [DecodedMatch<ID, M>]

    /// The nearest rows of several queries, found in one pass.
    @available(*, noasync)
    func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter?,
        options: SearchOptions<ID>
    ) throws(VectorStoreError) -> [[Match<ID>]]

    /// The rows like some examples, and unlike others.
    @available(*, noasync)
    func search(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>],
        limit: Int,
        where filter: Filter?,
        options: SearchOptions<ID>
    ) throws(VectorStoreError) -> [Match<ID>]

    /// The rows that are near a vector and have certain words.
    @available(*, noasync)
    func search(
        for query: [Float],
        matching words: TextQuery,
        fusion: Fusion,
        depth: Int,
        limit: Int,
        where filter: Filter?
    ) throws(VectorStoreError) -> [FusedMatch<ID>]
}

extension VectorStore: VectorReader {}
extension VectorStoreSnapshot: VectorReader {}

extension VectorReader where Self: ~Copyable {
    /// The nearest rows, nearest first, for a query in any memory, such as that of a `ContiguousArray` (`query.span`).
    ///
    /// - Parameters:
    ///   - query: As many components as the store's dimension, all of them finite numbers.
    ///   - limit: How many rows are returned at most.
    ///   - filter: Which rows count; all if nil.
    ///   - options: Threads, a radius, ids, a cursor, and more.
    @available(*, noasync)
    public func search(
        for query: Span<Float>,
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [Match<ID>] {
        try search(for: query.copy(), limit: limit, where: filter, options: options)
    }
}
