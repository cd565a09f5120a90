/// Exact k-nearest-neighbour search over one snapshot.
struct Searcher {
    let request: SearchRequest
    private let snapshot: Snapshot
    private let memory: HandleMemory
    private let codes: CodesMemory.Codes?
    private let threads: Int
    /// A report of what was done so far.
    let report = Guarded(SearchReport())

    init(
        _ request: SearchRequest,
        _ snapshot: Snapshot,
        _ memory: HandleMemory,
        threads: Int
    ) throws(VectorStoreError) {
        self.request = request
        self.snapshot = snapshot
        self.memory = memory
        codes = try memory.codes.codes(snapshot)
        self.threads = threads
    }

    /// The nearest rows of each query, nearest first; rows at equal distances in the order of their ids.
    ///
    /// - Parameter ids: The ids among which to search; nil for all.
    func nearest(among ids: [SQLValue]?, _ filter: Filter?) throws -> [[FoundRow]] {
        if let ids {
            report.withLock { $0.plan = .givenRows }
            let list = try RowList(snapshot, among: ids)
            return try nearest(filter.map { try list.passing($0, snapshot) } ?? list)
        }
        guard let filter else { return try nearest() }
        let search = FilteredSearch(
            searcher: self,
            snapshot: snapshot,
            memory: memory,
            filter: filter
        )
        return try search.nearest()
    }

    /// The same among all rows.
    private func nearest() throws -> [[FoundRow]] {
        if let found = try nearestLive() { return found }
        return try nearest(RowList(snapshot))
    }

    /// The same among some rows.
    func nearest(_ list: RowList) throws -> [[FoundRow]] {
        try nearest(SearchedRows(list.removing(request.leftOut)))
    }

    /// The same among the rows of some slots. The table `vectors` names rows in these slots.
    func nearest(among slots: SlotBits, _ dead: SlotBits) throws -> [[FoundRow]] {
        var live = slots
        live.subtract(dead)
        live.subtract(request.leftOut)
        return try nearest(SearchedRows(snapshot, among: live, memory.rowIDs))
    }

    /// All rows that may belong to the answer.
    func searched(except dead: SlotBits) -> SearchedRows {
        var out = dead
        out.formUnion(request.leftOut)
        return SearchedRows(snapshot, except: out, memory.rowIDs)
    }

    /// Nil if the table `vectors` contradicts the runs and the dead slots, because another program has written to the
    /// index.
    private func nearestLive() throws -> [[FoundRow]]? {
        let directory = memory.directory
        guard let dead = try directory.deadSlots(snapshot) else { return nil }
        if let found = try nearest(except: dead) { return found }
        return try directory.rebuild(snapshot).flatMap { try nearest(except: $0) }
    }

    /// Nil if a row that was found isn't in the slot that the table `vectors` names.
    private func nearest(except dead: SlotBits) throws -> [[FoundRow]]? {
        let found: [[FoundRow]]
        do { found = try nearest(searched(except: dead)) } catch let error as VectorStoreError {
            guard error.code == .damaged else { throw error }
            return nil
        }
        for row in found.joined() where try snapshot.index.slot(of: row.id, snapshot.record.generation) != row.slot {
            return nil
        }
        return found
    }

    private func nearest(_ rows: SearchedRows) throws -> [[FoundRow]] {
        guard let distinct = request.distinct else { return try scan(rows, TopK(limit: request.limit, request.bounds)) }
        let search = DistinctSearch(
            searcher: self,
            snapshot: snapshot,
            rows: rows,
            distinct: distinct,
            remembered: memory.values
        )
        return try search.nearest()
    }

    // MARK: Scans

    /// The nearest of some rows to each query, as many as an empty set of nearest rows collects.
    func scan(_ rows: SearchedRows, _ top: some NearestRows) throws(VectorStoreError) -> [[FoundRow]] {
        var found = try Scan(snapshot, rows, request.queries, codes, report).run(top, threads: threads)
        var ranked: [[FoundRow]] = []
        for index in found.indices { ranked.append(try found[index].ranked(rows)) }
        return ranked
    }

    /// The nearest rows of the first query. Their ids are looked up when they are needed.
    func candidates(limit: Int, _ rows: SearchedRows) throws(VectorStoreError) -> RankedCandidates {
        memory.rowIDs?.missed(snapshot.record, reads: limit)
        let scan = Scan(snapshot, rows, [request.queries[0]], codes, report)
        return try RankedCandidates(scan.run(TopK(limit: limit, request.scanBounds), threads: threads)[0], rows)
    }
}
