#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension VectorStoreSnapshot {
    /// The nearest rows, nearest first; rows at equal distances in the order of their ids: see
    /// ``VectorStore/search(for:limit:where:threads:)``.
    public func search(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> [Match<ID>] {
        try search(forEach: [query], limit: limit, where: filter, threads: threads)[0]
    }

    /// The nearest rows of several queries, found in one pass over the file: see
    /// ``search(for:limit:where:threads:)``.
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> [[Match<ID>]] {
        try explainedSearch(forEach: queries, limit: limit, where: filter, threads: threads).matches
    }

    /// The same with a report of how the search found its answer: see
    /// ``VectorStore/explainedSearch(forEach:limit:where:threads:)``.
    public func explainedSearch(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        threads: Int? = nil
    ) throws -> (matches: [[Match<ID>]], report: SearchReport) {
        let start = ContinuousClock.now
        guard limit >= 1 else {
            throw VectorStoreError(
                .invalidArgument,
                "the limit \(limit) is out of range",
                remedy: "ask for at least one row"
            )
        }
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        guard threads >= 1 else {
            throw VectorStoreError(.invalidArgument, "\(threads) threads are out of range", remedy: "use at least one")
        }
        for (index, query) in queries.enumerated() { try Self.check(query, index, snapshot.record.dimension) }
        let searcher = try Searcher(snapshot, memory, threads: threads)
        let found =
            if let filter {
                try FilteredSearch(
                    searcher: searcher,
                    snapshot: snapshot,
                    directory: memory.directory,
                    remembered: memory.filters,
                    filter: filter
                ).nearest(queries, limit: limit)
            } else {
                try searcher.nearest(queries, limit: limit)
            }
        let matches = try found.map { matches in
            try matches.map { Match(id: try Self.typed($0.id), distance: $0.distance) }
        }
        var report = searcher.report.withLock { $0 }
        report.duration = .now - start
        return (matches, report)
    }

    private static func check(_ query: [Float], _ index: Int, _ dimension: Int) throws(VectorStoreError) {
        guard query.count == dimension else {
            throw VectorStoreError(
                .invalidVector,
                "query \(index) has \(query.count) components, and the store's vectors have \(dimension)",
                remedy: "search with vectors of the model that made the store's"
            )
        }
        if let component = query.span.firstNonFinite {
            throw VectorStoreError(
                .invalidVector,
                "component \(component) of query \(index) is not a finite number",
                remedy: "compute the vector again"
            )
        }
    }
}
