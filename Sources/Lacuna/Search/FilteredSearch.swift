/// A search for the nearest rows that pass a filter, by the way that is expected to cost least.
///
/// - If the rows that pass are remembered from an earlier search, only these are compared with the query.
/// - If an index on metadata leaves few rows, these are evaluated, unless its entries show which pass; those that pass
///   are compared.
/// - Otherwise the filter is evaluated on the rows in the order of their distances, in batches, until enough have
///   passed.
/// - If so few pass that this costs a certain share of evaluating all rows, all rows are evaluated once, or the entries
///   of an index are read that show which pass. That is also done if the filter is used again and evaluating it on the
///   nearest rows would add more than a tenth to the search's time.
///
/// The second and the fourth way find all rows that pass, and they are remembered. The answer is the same either way.
struct FilteredSearch {
    let searcher: Searcher
    let snapshot: Snapshot
    let memory: HandleMemory
    let filter: Filter

    /// The number of nearest rows to try for a filter of which nothing is known. If a filter passes 1 % of all rows, it
    /// passes ten of this many in 19 of 20 searches.
    private static let newCandidates = 1_536
    /// In the time in which a search reads this many bytes of rows, it ranks one more of the nearest.
    private static let bytesPerRankedRow = 48 << 10
    private static let firstBatch = 64
    /// In a tenth of the time in which a search reads this many bytes of rows, one row is evaluated by its id.
    private static let bytesPerCandidate = 2 << 20
    /// In the time in which a search reads this many bytes of rows, an index finds one row.
    private static let bytesPerIndexedRow = 128 << 10
    /// In the time in which an index finds one row that must be evaluated, this many that need not be are found, and
    /// compared with the query.
    private static let entriesPerIndexedRow = 10
    /// Reading this many entries in vain for each such row adds about a fifteenth to the time of a search.
    private static let blindEntriesPerIndexedRow = 3
    /// In the time in which an index finds one row, this many of all rows are evaluated one after the other.
    private static let rowsPerIndexedRow = 4

    private var remembered: RememberedFilters { memory.filters }
    private var limit: Int { searcher.request.limit }
    private var liveRows: Int { Int(snapshot.record.liveRows) }
    private var rowBytes: Int { liveRows * Int(snapshot.rows.file.stride) }

    func nearest() throws -> [[FoundRow]] {
        try snapshot.index.withCondition(filter) { condition in
            if !condition.readsClock, let found = try nearestByMemory(condition) { return found }
            if let found = try indexedRows(condition) { return try nearest(condition, among: found) }
            if let found = try nearestFirst(condition) { return found }
            let reason = reasonForAll(condition)
            if let found = try rowsOfWholeIndex(condition) { return try nearest(condition, among: found, reason) }
            note(.filterFirst, reason)
            return try nearest(condition, RowList(snapshot, condition))
        }
    }

    /// The nearest of all rows that pass.
    private func nearest(_ condition: StoreIndex.Condition, _ list: RowList) throws -> [[FoundRow]] {
        if !condition.readsClock { remember(list) }
        return try searcher.nearest(list)
    }

    private func note(_ plan: SearchReport.Plan, _ reason: String) {
        searcher.report.withLock {
            $0.plan = plan
            $0.reason = reason
        }
    }

    // MARK: Remembered rows

    /// Nil if the rows that pass aren't known. That is also so if the index contradicts itself; then only the table
    /// `vectors` is trusted.
    private func nearestByMemory(_ condition: StoreIndex.Condition) throws -> [[FoundRow]]? {
        try unlessDamaged {
            guard let dead = try memory.directory.deadSlots(snapshot),
                let slots = try remembered.slots(filter, condition, snapshot)
            else { return nil }
            note(.rememberedFilter, "the rows that pass are known from an earlier search")
            return try searcher.nearest(among: slots, dead)
        }
    }

    private func unlessDamaged(_ body: () throws -> [[FoundRow]]?) throws -> [[FoundRow]]? {
        do { return try body() } catch let error as VectorStoreError where error.code == .damaged { return nil }
    }

    private func remember(_ list: RowList) {
        var slots = SlotBits()
        for slot in list.slots { slots.insert(slot) }
        remember(slots)
    }

    private func remember(_ slots: SlotBits) {
        let passing = RememberedFilters.Passing(state: RememberedState(snapshot), slots: slots)
        remembered.remember(passing, filter)
    }

    // MARK: Indexes

    /// Nil if each index was seen to leave too many rows, or is now.
    private func indexedRows(_ condition: StoreIndex.Condition) throws -> StoreIndex.IndexedRows? {
        let most = mostIndexedRows
        let indexes = try snapshot.index.indexes(for: condition)
        if indexes.isEmpty || remembered.leftByIndexes(filter, indexes.count) > most.read.entries { return nil }
        let found = try snapshot.index.indexedRows(condition, by: indexes, most: most)
        if found == nil { remembered.note(leftByIndexes: most.read.entries + 1, indexes.count, filter) }
        return found
    }

    /// The most rows that an index may leave to be faster than the other ways. If the nearest rows are evaluated first,
    /// that takes a pass over all rows, and then, for each match, as many evaluations as there are rows for each that
    /// passes. With several queries, all rows would be evaluated, at about a quarter of the cost of an indexed row.
    private var mostIndexedRows: StoreIndex.MostRows {
        let all = mostOfWholeIndex
        if searcher.request.queries.count > 1 {
            return StoreIndex.MostRows(read: all, evaluated: liveRows / Self.rowsPerIndexedRow)
        }
        let evaluations = 1.5 * Double(searcher.request.expectedRows) * Double(liveRows)
        let evaluated = max(rowBytes / Self.bytesPerIndexedRow, Int(evaluations.squareRoot()))
        let read = MostEntries(
            entries: min(all.entries, evaluated * (knowsIDs ? Self.entriesPerIndexedRow : 1)),
            blindly: min(all.blindly, evaluated * (knowsIDs ? Self.blindEntriesPerIndexedRow : 1))
        )
        return StoreIndex.MostRows(read: read, evaluated: evaluated)
    }

    private var knowsIDs: Bool { memory.rowIDs?.knowsSlots(snapshot.version) == true }

    /// The rows of an index that shows by itself which rows pass. Reading it costs less than evaluating all rows.
    private func rowsOfWholeIndex(_ condition: StoreIndex.Condition) throws -> StoreIndex.IndexedRows? {
        let indexes = try snapshot.index.indexes(for: condition).filter(\.areWhole)
        let most = StoreIndex.MostRows(read: mostOfWholeIndex, evaluated: 0)
        return try snapshot.index.indexedRows(condition, by: indexes, most: most)
    }

    private var mostOfWholeIndex: MostEntries {
        let most = knowsIDs ? liveRows : liveRows / Self.rowsPerIndexedRow
        return MostEntries(entries: most, blindly: most)
    }

    /// The nearest of the rows that an index leaves.
    private func nearest(
        _ condition: StoreIndex.Condition,
        among found: StoreIndex.IndexedRows,
        _ reason: String? = nil
    ) throws -> [[FoundRow]] {
        let left = "the index \(found.index) leaves \(found.count) of \(liveRows) rows"
        note(.indexFirst, reason.map { "\($0), and \(left)" } ?? left)
        if found.pass, let nearest = try nearestByIDs(condition, found.ids) { return nearest }
        if !found.pass {
            let rows = try snapshot.index.matches(among: found, snapshot.record.generation, condition)
            for (id, slot) in rows { try snapshot.check(id, slot) }
            return try nearest(condition, RowList(rows))
        }
        memory.rowIDs?.missed(snapshot.record, reads: found.ids.count)
        return try nearest(condition, RowList(snapshot, among: found.ids))
    }

    /// Nil if the slots of the ids aren't in memory, or if the index contradicts itself.
    private func nearestByIDs(_ condition: StoreIndex.Condition, _ ids: [SQLValue]) throws -> [[FoundRow]]? {
        guard let slots = memory.rowIDs?.slots(of: ids, snapshot.version) else { return nil }
        return try unlessDamaged {
            let found = try searcher.nearest(among: slots, SlotBits())
            for row in found.joined() where try snapshot.slot(of: row.id) != row.slot { return nil }
            if !condition.readsClock { remember(slots) }
            return found
        }
    }

    // MARK: The choice

    private var isWorthEvaluatingAll: Bool {
        guard let known = remembered.trials(filter), known.usesToWait == 0 else { return false }
        return known.trials.candidates(for: Double(limit)) * Double(Self.bytesPerCandidate) > Double(rowBytes)
    }

    private func reasonForAll(_ condition: StoreIndex.Condition) -> String {
        if searcher.request.queries.count > 1 { return "several queries share one evaluation of the filter" }
        if condition.readsClock { return "the filter reads the clock" }
        return isWorthEvaluatingAll ? "the filter is used again and again" : "too few of the nearest rows pass"
    }

    // MARK: Nearest rows first

    /// Nil if too few rows pass, or if the index contradicts itself.
    private func nearestFirst(_ condition: StoreIndex.Condition) throws -> [[FoundRow]]? {
        // Between two statements, the clock moves on.
        guard searcher.request.queries.count == 1, !condition.readsClock, !isWorthEvaluatingAll else { return nil }
        let trials = remembered.trials(filter)?.trials
        let known = trials.flatMap { $0.evaluated > 0 ? $0 : nil }
        return try unlessDamaged {
            guard let dead = try memory.directory.deadSlots(snapshot) else { return nil }
            let search = NearestFirst(
                searcher: searcher,
                snapshot: snapshot,
                rows: searcher.searched(except: dead),
                condition: condition,
                known: known
            )
            var trial = RememberedFilters.Trials()
            defer { remembered.add(trial, filter) }
            note(.nearestFirst, condition.terms.isEmpty ? "no index can find such rows" : "no index leaves few rows")
            return try search.find(first: firstCandidates(known), &trial).map { [$0] }
        }
    }

    /// The number of nearest rows that are tried first. Trying too few costs another pass over all rows, so about three
    /// standard deviations are added to what is expected. If nothing is known of the filter, ranking the rows takes no
    /// longer than a pass.
    private func firstCandidates(_ known: RememberedFilters.Trials?) -> Int {
        let count = searcher.request.expectedRows
        let most = max(min(Self.newCandidates, rowBytes / Self.bytesPerRankedRow), 32 * count)
        guard let known, known.passed > 0 else { return most }
        let wanted = known.candidates(for: Double(count) + 3 * Double(count).squareRoot() + 3)
        return max(Self.firstBatch, Int(min(Double(most), wanted)))
    }
}
