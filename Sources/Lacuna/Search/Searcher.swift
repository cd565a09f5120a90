/// Exact k-nearest-neighbour search over one snapshot.
struct Searcher {
    private let snapshot: Snapshot
    private let directory: RowDirectory
    private let ids: RowIDs?
    private let codes: CodesMemory.Codes?
    private let threads: Int
    /// A report of what was done so far.
    let report = Guarded(SearchReport())

    init(_ snapshot: Snapshot, _ memory: HandleMemory, threads: Int) throws(VectorStoreError) {
        self.snapshot = snapshot
        directory = memory.directory
        ids = memory.rowIDs
        codes = try memory.codes.codes(snapshot)
        self.threads = threads
    }

    /// The nearest rows of each query, nearest first; rows at equal distances in the order of their ids.
    func nearest(_ queries: [[Float]], limit: Int) throws -> [[FoundRow]] {
        if let found = try nearestLive(queries, limit: limit) { return found }
        return try nearest(queries, limit: limit, RowList(snapshot))
    }

    /// The same among some rows.
    func nearest(_ queries: [[Float]], limit: Int, _ list: RowList) throws -> [[FoundRow]] {
        try scan(SearchedRows(list), queries, limit)
    }

    /// The same among the rows of some slots. The table `vectors` names rows in these slots.
    func nearest(
        _ queries: [[Float]],
        limit: Int,
        among slots: SlotBits,
        _ dead: SlotBits
    ) throws -> [[FoundRow]] {
        var live = slots
        live.subtract(dead)
        return try scan(SearchedRows(snapshot, among: live, ids), queries, limit)
    }

    /// The nearest rows of one query. Their ids are looked up when they are needed.
    func candidates(_ query: [Float], limit: Int, except dead: SlotBits) throws -> RankedCandidates {
        let rows = SearchedRows(snapshot, except: dead, ids)
        ids?.missed(snapshot.record, reads: limit)
        let found = try Scan(snapshot, rows, [query], codes, report).run(limit: limit, threads: threads)
        return try RankedCandidates(found[0], rows)
    }

    /// Nil if the table `vectors` contradicts the runs and the dead slots, because another program has written to the
    /// index.
    private func nearestLive(_ queries: [[Float]], limit: Int) throws -> [[FoundRow]]? {
        guard let dead = try directory.deadSlots(snapshot) else { return nil }
        if let found = try nearest(queries, limit: limit, except: dead) { return found }
        return try directory.rebuild(snapshot).flatMap { try nearest(queries, limit: limit, except: $0) }
    }

    /// Nil if a row that was found isn't in the slot that the table `vectors` names.
    private func nearest(_ queries: [[Float]], limit: Int, except dead: SlotBits) throws -> [[FoundRow]]? {
        let found: [[FoundRow]]
        do { found = try scan(SearchedRows(snapshot, except: dead, ids), queries, limit) } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
        for row in found.joined() where try snapshot.index.slot(of: row.id, snapshot.record.generation) != row.slot {
            return nil
        }
        return found
    }

    private func scan(_ rows: SearchedRows, _ queries: [[Float]], _ limit: Int) throws(VectorStoreError) -> [[FoundRow]]
    {
        let scan = Scan(snapshot, rows, queries, codes, report)
        var found = try scan.run(limit: min(limit, Int(snapshot.record.liveRows)), threads: threads)
        var ranked: [[FoundRow]] = []
        for index in found.indices { ranked.append(try found[index].ranked(rows)) }
        return ranked
    }
}
