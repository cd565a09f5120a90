/// A search for the nearest rows that pass a filter. No index helps to find them.
///
/// The filter is evaluated on the rows in the order of their distances, in growing batches, until enough have passed.
/// If so few pass that this costs a certain share of evaluating all rows, all rows are evaluated once, and those that
/// passed are remembered. The answer is the same either way.
struct FilteredSearch {
    let searcher: Searcher
    let snapshot: Snapshot
    let directory: RowDirectory
    let remembered: RememberedFilters
    let filter: Filter

    /// Evaluating the filter on a row by its id costs about three times as much as evaluating it among all rows, and
    /// may take a quarter of the time that evaluating all rows takes. So at most one row in 12 is evaluated by its id.
    private static let rowsPerCandidate = 12
    /// If a filter passes 1 % of all rows, it passes ten of this many in 19 of 20 searches.
    private static let leastCandidates = 1_536
    private static let firstBatch = 64

    func nearest(_ queries: [[Float]], limit: Int) throws -> [[FoundRow]] {
        let limit = min(limit, Int(snapshot.record.liveRows))
        return try snapshot.index.withCondition(filter) { condition in
            if !condition.readsClock, let found = try nearestByMemory(queries, limit, condition) { return found }
            let list = try RowList(snapshot, condition)
            if !condition.readsClock { remember(list) }
            return try searcher.nearest(queries, limit: limit, list)
        }
    }

    /// Nil if all rows must be evaluated. That is also so if the index contradicts itself; then only the table
    /// `vectors` is trusted.
    private func nearestByMemory(
        _ queries: [[Float]],
        _ limit: Int,
        _ condition: StoreIndex.Condition
    ) throws -> [[FoundRow]]? {
        do {
            guard let dead = try directory.deadSlots(snapshot) else { return nil }
            if let slots = try remembered.slots(filter, condition, snapshot) {
                return try searcher.nearest(queries, limit: limit, among: slots, dead)
            }
            guard queries.count == 1 else { return nil }
            return try nearestFirst(queries[0], limit, condition, dead).map { [$0] }
        } catch let error as VectorStoreError where error.code == .damaged {
            return nil
        }
    }

    private func remember(_ list: RowList) {
        var slots = SlotBits()
        for slot in list.slots { slots.insert(slot) }
        let passing = RememberedFilters.Passing(
            record: snapshot.record,
            uncounted: snapshot.uncountedChanges,
            slots: slots
        )
        remembered.remember(filter, passing)
    }

    /// Nil if too few rows pass, or if the index contradicts itself.
    private func nearestFirst(
        _ query: [Float],
        _ limit: Int,
        _ condition: StoreIndex.Condition,
        _ dead: SlotBits
    ) throws -> [FoundRow]? {
        let rows = Int(snapshot.record.liveRows)
        let most = rows / Self.rowsPerCandidate
        var count = min(most, max(Self.leastCandidates, 32 * limit))
        var evaluated = 0
        while count > evaluated {
            // Each pass begins anew: it may find rows at equal distances in another order.
            var passed: [FoundRow] = []
            let candidates = try searcher.candidates(query, limit: count, except: dead)
            guard try evaluate(candidates, limit, condition, &passed) else { return nil }
            if passed.count >= limit { return Array(passed.prefix(limit)) }
            evaluated = candidates.count
            // If further rows pass as often, this many are needed; half as many again are added.
            let wanted = 1.5 * Double(evaluated) * Double(limit) / Double(max(1, passed.count))
            if wanted > 4 * Double(most) { return nil }
            count = min(most, max(8 * evaluated, Int(wanted)))
        }
        return nil
    }

    /// Adds candidates that pass, until there are enough. Returns false if a candidate is not in the slot that the
    /// index names.
    private func evaluate(
        _ candidates: RankedCandidates,
        _ limit: Int,
        _ condition: StoreIndex.Condition,
        _ passed: inout [FoundRow]
    ) throws -> Bool {
        var next = 0
        var size = Self.firstBatch
        while next < candidates.count, passed.count < limit {
            let batch = try candidates.rows(from: next, count: size)
            next += batch.count
            size *= 4
            let ids = batch.map(\.id).sorted(by: SQLValue.idPrecedes)
            let found = try snapshot.index.matches(among: ids, snapshot.record.generation, condition)
            let slots = Set(found.map(\.slot))
            let passing = batch.filter { slots.contains($0.slot) }
            if passing.count != found.count { return false }
            passed += passing
        }
        return true
    }
}
