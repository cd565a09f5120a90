/// A search for the nearest rows that pass a filter. No index helps to find them.
///
/// The filter is evaluated on the rows in the order of their distances, in batches, until enough have passed. If so few
/// pass that this costs a certain share of evaluating all rows, all rows are evaluated once, and those that passed are
/// remembered. That is also done if the filter is used again and evaluating it on the nearest rows would add more than
/// a tenth to the search's time. The answer is the same either way.
struct FilteredSearch {
    let searcher: Searcher
    let snapshot: Snapshot
    let directory: RowDirectory
    let remembered: RememberedFilters
    let filter: Filter

    /// The number of nearest rows to try for a filter of which nothing is known. If a filter passes 1 % of all rows, it
    /// passes ten of this many in 19 of 20 searches.
    private static let newCandidates = 1_536
    private static let firstBatch = 64
    /// In a tenth of the time in which a search reads this many bytes of rows, one row is evaluated by its id.
    private static let bytesPerCandidate = 2 << 20

    private var limit: Int { searcher.request.limit }

    func nearest() throws -> [[FoundRow]] {
        try snapshot.index.withCondition(filter) { condition in
            if !condition.readsClock, let found = try nearestByMemory(condition) { return found }
            let list = try RowList(snapshot, condition)
            if !condition.readsClock { remember(list) }
            searcher.report.withLock { $0.plan = .filterFirst }
            return try searcher.nearest(list)
        }
    }

    /// Nil if all rows must be evaluated. That is also so if the index contradicts itself; then only the table
    /// `vectors` is trusted.
    private func nearestByMemory(_ condition: StoreIndex.Condition) throws -> [[FoundRow]]? {
        do {
            guard let dead = try directory.deadSlots(snapshot) else { return nil }
            if let slots = try remembered.slots(filter, condition, snapshot) {
                searcher.report.withLock { $0.plan = .rememberedFilter }
                return try searcher.nearest(among: slots, dead)
            }
            guard searcher.request.queries.count == 1, !isWorthEvaluatingAll else { return nil }
            searcher.report.withLock { $0.plan = .nearestFirst }
            return try nearestFirst(condition, dead).map { [$0] }
        } catch let error as VectorStoreError where error.code == .damaged {
            return nil
        }
    }

    private func remember(_ list: RowList) {
        var slots = SlotBits()
        for slot in list.slots { slots.insert(slot) }
        let passing = RememberedFilters.Passing(state: RememberedState(snapshot), slots: slots)
        remembered.remember(passing, filter)
    }

    private var isWorthEvaluatingAll: Bool {
        guard let known = remembered.trials(filter), known.usesToWait == 0 else { return false }
        let rowBytes = Double(snapshot.record.liveRows) * Double(snapshot.rows.file.stride)
        return known.trials.candidates(for: Double(limit)) * Double(Self.bytesPerCandidate) > rowBytes
    }

    /// Nil if too few rows pass, or if the index contradicts itself.
    private func nearestFirst(_ condition: StoreIndex.Condition, _ dead: SlotBits) throws -> [FoundRow]? {
        let known = remembered.trials(filter)?.trials
        let search = NearestFirst(
            searcher: searcher,
            snapshot: snapshot,
            rows: searcher.searched(except: dead),
            condition: condition,
            known: known
        )
        var trial = RememberedFilters.Trials()
        defer { remembered.add(trial, filter) }
        return try search.find(first: firstCandidates(known), &trial)
    }

    /// The number of nearest rows that are tried first. Trying too few costs another pass over all rows, so about three
    /// standard deviations are added to what is expected.
    private func firstCandidates(_ known: RememberedFilters.Trials?) -> Int {
        let count = searcher.request.expectedRows
        let most = max(Self.newCandidates, 32 * count)
        guard let known, known.passed > 0 else { return most }
        let wanted = known.candidates(for: Double(count) + 3 * Double(count).squareRoot() + 3)
        return max(Self.firstBatch, Int(min(Double(most), wanted)))
    }
}
