extension VectorStoreSnapshot {
    /// The nearest rows, nearest first; rows at equal distances in the order of their ids: see
    /// ``VectorStore/search(for:limit:where:options:)``.
    public func search(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [Match<ID>] {
        try storeErrors { try search(forEach: [query], limit: limit, where: filter, options: options)[0] }
    }

    /// The nearest rows of several queries, found in one pass over the file: see
    /// ``VectorStore/search(forEach:limit:where:options:)``.
    public func search(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [[Match<ID>]] {
        try storeErrors { try explainedSearch(forEach: queries, limit: limit, where: filter, options: options).matches }
    }

    /// The same with a report of how the search found its answer: see
    /// ``VectorStore/explainedSearch(forEach:limit:where:options:)``.
    public func explainedSearch(
        forEach queries: [[Float]],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> (matches: [[Match<ID>]], report: SearchReport) {
        try storeErrors { try matches(SearchRequest(queries: queries, limit: limit), filter, options) }
    }

    /// The nearest rows with their metadata: see ``VectorStore/search(for:limit:where:options:as:)``.
    public func search<M: Decodable>(
        for query: [Float],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) throws -> [DecodedMatch<ID, M>] {
        try decoded(search(for: query, limit: limit, where: filter, options: options))
    }

    /// The rows like some examples, and unlike others: see ``VectorStore/search(like:unlike:limit:where:options:)``.
    public func search(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> [Match<ID>] {
        try storeErrors {
            try explainedSearch(like: positives, unlike: negatives, limit: limit, where: filter, options: options)
                .matches
        }
    }

    /// The same with a report of how the search found its answer.
    public func explainedSearch(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions()
    ) throws(VectorStoreError) -> (matches: [Match<ID>], report: SearchReport) {
        try storeErrors {
            let request = try request(like: positives, unlike: negatives, limit: limit)
            let (matches, report) = try matches(request, filter, options)
            return (matches[0], report)
        }
    }

    /// The rows like some examples with their metadata: see
    /// ``VectorStore/search(like:unlike:limit:where:options:as:)``.
    public func search<M: Decodable>(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>] = [],
        limit: Int,
        where filter: Filter? = nil,
        options: SearchOptions<ID> = SearchOptions(),
        as type: M.Type
    ) throws -> [DecodedMatch<ID, M>] {
        try decoded(search(like: positives, unlike: negatives, limit: limit, where: filter, options: options))
    }

    /// The place in a ranking after a match: see ``VectorStore/cursor(after:)``.
    public func cursor(after match: Match<ID>) -> SearchCursor {
        let rank = RankBounds.Rank(distance: match.distance, id: match.id.sqlValue)
        return SearchCursor(snapshot.record.uuidBytes, rank)
    }
}

// MARK: Inside

extension VectorStoreSnapshot {
    private func matches(
        _ request: SearchRequest,
        _ filter: Filter?,
        _ options: SearchOptions<ID>
    ) throws -> (matches: [[Match<ID>]], report: SearchReport) {
        let start = ContinuousClock.now
        guard request.limit >= 1 else {
            throw VectorStoreError(
                .invalidArgument,
                "the limit \(request.limit) is out of range",
                remedy: "ask for at least one row"
            )
        }
        for (index, query) in request.queries.enumerated() { try check(query, "query \(index)") }
        try options.check(snapshot.record, request.queries.count)
        var request = request
        request.limit = min(request.limit, count)
        // A zero without a sign.
        request.bounds = RankBounds(radius: options.radius.map { $0 + 0 } ?? .infinity, after: options.after?.rank)
        request.distinct = try options.distinct.map { distinct throws(VectorStoreError) in
            SearchRequest.Distinct(field: try MetadataField(distinct.keys), most: distinct.limit)
        }
        let threads = options.threads ?? AsyncCall.current?.cores ?? AsyncCalls.cores
        let searcher = try Searcher(request, snapshot, memory, threads: threads)
        let found = try searcher.nearest(among: options.among?.map(\.sqlValue), filter)
        let matches = try found.map { matches in
            try matches.map { Match(id: try Self.typed($0.id), distance: $0.distance) }
        }
        var report = searcher.report.withLock { $0 }
        report.duration = .now - start
        memory.counters.note { statistics in
            statistics.searches[report.plan.rawValue, default: 0] += 1
            statistics.searchDuration += report.duration
            statistics.comparedRows += report.scannedRows + report.codedRows
            statistics.searchedBytes += report.readBytes
        }
        return (matches, report)
    }

    private func check(_ vector: [Float], _ name: String) throws(VectorStoreError) {
        let dimension = snapshot.record.dimension
        guard vector.count == dimension else {
            throw VectorStoreError(
                .invalidVector,
                "\(name) has \(vector.count) components, and the store's vectors have \(dimension)",
                remedy: "search with vectors of the model that made the store's"
            )
        }
        if let component = vector.span.firstNonFinite {
            throw VectorStoreError(
                .invalidVector,
                "component \(component) of \(name) is not a finite number",
                remedy: "compute the vector again"
            )
        }
    }

    private func request(
        like positives: [SearchExample<ID>],
        unlike negatives: [SearchExample<ID>],
        limit: Int
    ) throws -> SearchRequest {
        if positives.isEmpty {
            throw VectorStoreError(
                .invalidArgument,
                "there is no example of what to search for",
                remedy: "give at least one row or vector that the matches should be like"
            )
        }
        var leftOut = SlotBits()
        let runs = RunReader(snapshot.index, snapshot.record)
        func vectors(_ examples: [SearchExample<ID>]) throws -> [[Float]] {
            try examples.enumerated().map { index, example in
                switch example {
                case .vector(let vector):
                    try check(vector, "example \(index)")
                    return vector
                case .id(let id):
                    let id = id.sqlValue
                    guard let slot = try snapshot.slot(of: id) else {
                        throw VectorStoreError(
                            .unknownID,
                            "no row has the id \(id.idText), which is given as an example",
                            remedy: "choose another example",
                            ids: [id.idText]
                        )
                    }
                    leftOut.insert(slot)
                    // A damaged row must not be an example.
                    return try snapshot.checkedRow(id, slot, runs)
                }
            }
        }
        let query = ExampleQuery.query(try vectors(positives), try vectors(negatives), snapshot.record.metric)
        if query.span.firstNonFinite != nil {
            throw VectorStoreError(
                .invalidVector,
                "the mean of the examples is too large for single precision",
                remedy: "scale the vectors down"
            )
        }
        return SearchRequest(queries: [query], limit: limit, leftOut: leftOut)
    }

    private func decoded<M: Decodable>(_ matches: [Match<ID>]) throws -> [DecodedMatch<ID, M>] {
        let decoder = coding.makeDecoder()
        return try matches.map { DecodedMatch(match: $0, metadata: try metadata(for: $0.id, by: decoder)) }
    }
}
