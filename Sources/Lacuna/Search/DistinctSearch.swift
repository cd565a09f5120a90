/// A search among some rows for the nearest ones, at most some of each value of a field.
///
/// The field is read of the rows in the order of their distances, until there are enough. If that takes too many rows,
/// as for a field with few values, it is read of all rows, and one scan keeps as many rows of each value as may be
/// needed. The values are remembered. The answer is the same either way.
struct DistinctSearch {
    let searcher: Searcher
    let snapshot: Snapshot
    let rows: SearchedRows
    let distinct: SearchRequest.Distinct
    let remembered: RememberedValues

    private var request: SearchRequest { searcher.request }

    func nearest() throws -> [[FoundRow]] {
        if let values = try remembered.values(distinct.field, snapshot) { return try nearest(values) }
        if request.queries.count == 1, let found = try nearestFirst() { return [found] }
        let values = try FieldValues(distinct.field, snapshot)
        remembered.remember(values, distinct.field, snapshot)
        return try nearest(values)
    }

    private func nearestFirst() throws -> [FoundRow]? {
        let search = NearestFirst(searcher: searcher, snapshot: snapshot, rows: rows, condition: nil, known: nil)
        var trial = RememberedFilters.Trials()
        let found = try search.find(first: max(Self.firstCandidates, request.expectedRows), &trial)
        if found != nil { searcher.report.withLock { if $0.plan == .allRows { $0.plan = .nearestFirst } } }
        return found
    }

    private static let firstCandidates = 64

    private func nearest(_ values: FieldValues) throws -> [[FoundRow]] {
        var before = 0
        if let after = request.bounds.after {
            // The rows before the cursor are found again, because rows after it may be too many of their values.
            let radius = min(request.bounds.radius, after.distance)
            let near = try scan(Int(snapshot.record.liveRows), values, radius)
            before = near[0].prefix { !after.precedes($0.id, $0.distance) }.count
        }
        let found = try scan(request.limit + before, values, request.bounds.radius)
        return found.map { Array($0.dropFirst(before)) }
    }

    private func scan(_ limit: Int, _ values: FieldValues, _ radius: Double) throws -> [[FoundRow]] {
        // If fewer rows can be found than are wanted, a scan that knows that leaves out more.
        let limit = min(limit, values.mostRows(distinct.most))
        return try searcher.scan(rows, DistinctTopK(limit: limit, distinct.most, values, radius: radius))
    }
}
