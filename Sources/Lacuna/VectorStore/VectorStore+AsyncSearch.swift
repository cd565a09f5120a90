// See VectorStore+AsyncReading.swift. A search of a call that awaits takes the cores that it is given: all of them if it
// is alone, and one if there are many.

extension VectorStore {
    /// A search without conditions of no more rows than these is short: see ``CallQueue/run(isShort:_:)``. One core reads
    /// them in about a millisecond.
    private static var shortSearchBytes: Int64 { 16 << 20 }

    /// A filter that is new to the handle takes longer than to compare the rows.
    private func isShort(_ filter: Filter?, _ options: SearchOptions<ID>) -> Bool {
        guard filter == nil, options.distinct == nil, let bytes = memory.directory.bytes else { return false }
        return bytes <= Self.shortSearchBytes
    }

    /// The nearest rows, nearest first; rows at equal distances in the order of their ids: see
    /// ``search(for:limit:where:options:)``.
    ///
    /// It works on threads of the store's own: on all cores if it is alone, and on one if many searches are under way,
    /// unless ``SearchOptions/threads`` says how many. If the task is cancelled, it ends while it compares rows. A search
    /// without conditions of 16 MB of rows or less begins on the task's own thread, if no other does.
    public func search(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) async throws -> [Match<ID>] {
        try await calls.reading.run(isShort: isShort(filter, options)) { [self] in
            try search(for: query, limit: limit, where: filter, options: options)
        }
    }

    /// The nearest rows of several queries, found in one pass over the file and of one moment: see
    /// ``search(forEach:limit:where:options:)``.
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) async throws -> [[Match<ID>]] {
        try await calls.reading.run { [self] in
            try search(forEach: queries, limit: limit, where: filter, options: options)
        }
    }

    /// The nearest rows of several queries, with a report of how the search found them: see
    /// ``explainedSearch(forEach:limit:where:options:)``.
    public func explainedSearch(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) async throws -> (matches: [[Match<ID>]], report: SearchReport) {
        try await calls.reading.run { [self] in
            try explainedSearch(forEach: queries, limit: limit, where: filter, options: options)
        }
    }

    /// The nearest rows with their metadata, all of one moment: see ``search(for:limit:where:options:as:)``.
    ///
    /// - Throws: Also `DecodingError` if the metadata of a match have another shape than `M`.
    public func search<M: Decodable & Sendable>(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) async throws -> [DecodedMatch<ID, M>] {
        try await calls.reading.run(isShort: isShort(filter, options)) { [self] in
            try search(for: query, limit: limit, where: filter, options: options, as: type)
        }
    }

    /// The rows like some examples, and unlike others: see ``search(like:unlike:limit:where:options:)``.
    public func search(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) async throws -> [Match<ID>] {
        try await calls.reading.run { [self] in
            try search(like: positives, unlike: negatives, limit: limit, where: filter, options: options)
        }
    }

    /// The rows like some examples, and unlike others, with their metadata: see
    /// ``search(like:unlike:limit:where:options:as:)``.
    public func search<M: Decodable & Sendable>(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) async throws -> [DecodedMatch<ID, M>] {
        try await calls.reading.run { [self] in
            try search(like: positives, unlike: negatives, limit: limit, where: filter, options: options, as: type)
        }
    }

    /// The rows that are near a vector and have certain words, by a score of both: see
    /// ``search(for:matching:fusion:depth:limit:where:)``.
    public func search(
        for query: [Float],
        matching words: TextQuery,
        fusion: Fusion = .reciprocalRank(),
        depth: Int = 1_000,
        limit: Int,
        where filter: Filter? = nil
    ) async throws -> [FusedMatch<ID>] {
        try await calls.reading.run { [self] in
            try search(for: query, matching: words, fusion: fusion, depth: depth, limit: limit, where: filter)
        }
    }

    /// The place in a ranking after a match: see ``cursor(after:)``.
    public func cursor(after match: Match<ID>) async throws -> SearchCursor {
        try await calls.reading.run { [self] in try cursor(after: match) }
    }
}
