/// Evaluates a filter, or the field by which rows are told apart, on the rows in the order of their distances, in
/// batches, until there are enough.
struct NearestFirst {
    let searcher: Searcher
    let snapshot: Snapshot
    let rows: SearchedRows
    /// Nil if all rows pass.
    let condition: StoreIndex.Condition?
    /// How many rows passed the filter in earlier searches.
    let known: RememberedFilters.Trials?

    private static let firstBatch = 64
    /// Evaluating a row by its id costs about three times as much as evaluating it among all rows, and may take a
    /// quarter of the time that evaluating all rows takes. So at most one row in 12 is evaluated by its id.
    private static let rowsPerCandidate = 12

    private var request: SearchRequest { searcher.request }

    /// The answer for the first query. Nil if too few rows pass, or if the index contradicts itself.
    ///
    /// - Parameters:
    ///   - first: The number of nearest rows that are tried first.
    ///   - trial: Set to how many rows passed the filter in the last pass.
    func find(first: Int, _ trial: inout RememberedFilters.Trials) throws -> [FoundRow]? {
        let most = Int(snapshot.record.liveRows) / Self.rowsPerCandidate
        var count = min(most, first)
        while count > trial.evaluated {
            // Each pass begins anew: it may find rows at equal distances in another order.
            trial = RememberedFilters.Trials()
            var answer = Answer(request)
            let candidates = try searcher.candidates(limit: count, rows)
            guard try evaluate(candidates, &trial, &answer) else { return nil }
            // If there are fewer candidates than were asked for, no others lie within the bounds.
            if answer.isComplete || candidates.count < count { return answer.rows }
            // If further rows belong to the answer as often, this many are needed; half as many again are added.
            let wanted = 1.5 * Double(request.limit) * Double(trial.evaluated) / Double(max(1, answer.rows.count))
            if wanted > 4 * Double(most) { return nil }
            count = min(most, max(8 * trial.evaluated, Int(wanted)))
        }
        return nil
    }

    /// Adds candidates to the answer, until there are enough. Returns false if a candidate is not in the slot that the
    /// index names.
    private func evaluate(
        _ candidates: RankedCandidates,
        _ trial: inout RememberedFilters.Trials,
        _ answer: inout Answer
    ) throws -> Bool {
        var size = Self.firstBatch
        while trial.evaluated < candidates.count, !answer.isComplete {
            if let known, request.distinct == nil {
                size = Int(1.25 * known.candidates(for: Double(request.limit - answer.rows.count))) + 8
            }
            let batch = try candidates.rows(from: trial.evaluated, count: size)
            size *= 4
            let found = try evaluate(batch.map(\.id).sorted(by: SQLValue.idPrecedes))
            var passed = 0
            for row in batch {
                guard let value = found[row.slot] else { continue }
                answer.add(row, value)
                passed += 1
            }
            if passed != found.count || condition == nil && passed != batch.count { return false }
            trial.evaluated += batch.count
            trial.passed += passed
        }
        return true
    }

    /// The slots of those rows that pass the filter, with their values of the field.
    private func evaluate(_ ids: [SQLValue]) throws -> [Slot: FieldValue?] {
        var found: [Slot: FieldValue?] = [:]
        let (index, generation) = (snapshot.index, snapshot.record.generation)
        if let distinct = request.distinct {
            try index.forEachValue(of: distinct.field, among: ids, generation, condition) { _, slot, value in
                found.updateValue(value, forKey: slot)
            }
        } else if let condition {
            for row in try index.matches(among: ids, generation, condition) { found.updateValue(nil, forKey: row.slot) }
        }
        return found
    }
}
