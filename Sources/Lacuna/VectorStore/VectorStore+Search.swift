#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

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
    /// Exact: every row is looked at, as it is, without its checksum (O(rows · dimension) time, on all cores). The filter is applied before the nearest
    /// are chosen. The first search after a commit also reads the index: O(rows · log rows) time, and about 40 bytes of
    /// memory a row from then on.
    ///
    /// - Parameters:
    ///   - query: As many components as the store's dimension, all of them finite.
    ///   - limit: The number of rows to find, 1 at least.
    ///   - filter: An SQL expression over `id` and `metadata`; it can read nothing else and change nothing.
    ///   - values: What its `?`s stand for.
    ///   - threads: The number of threads; all cores unless given.
    /// - Throws: `invalidVector`, `invalidFilter`, `invalidArgument`.
    public func search(
        for query: [Float],
        limit: Int,
        where filter: String? = nil,
        _ values: [SQLValue] = [],
        threads: Int? = nil
    ) throws -> [Match<ID>] {
        try search(forEach: [query], limit: limit, where: filter, values, threads: threads)[0]
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
        guard limit >= 1 else {
            throw VectorStoreError(.invalidArgument, "the limit \(limit) is out of range; ask for one row at least")
        }
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        guard threads >= 1 else {
            throw VectorStoreError(.invalidArgument, "\(threads) threads are out of range; use one at least")
        }
        return try readers.read { snapshot in
            for (index, query) in queries.enumerated() {
                try Self.check(query, index, snapshot.record.dimension)
            }
            let searcher = try Searcher(snapshot, filter.map { Filter($0, values) }, liveRows, threads: threads)
            return try searcher.nearest(queries, limit: limit).map { matches in
                try matches.map { Match(id: try Self.typed($0.id), distance: $0.distance) }
            }
        }
    }

    private static func check(_ query: [Float], _ index: Int, _ dimension: Int) throws(VectorStoreError) {
        guard query.count == dimension else {
            throw VectorStoreError(
                .invalidVector,
                "query \(index) has \(query.count) components, the store's vectors have \(dimension); "
                    + "search with vectors of the same model"
            )
        }
        if let component = query.span.firstNonFinite {
            throw VectorStoreError(
                .invalidVector,
                "component \(component) of query \(index) is not a finite number; compute it again"
            )
        }
    }
}
