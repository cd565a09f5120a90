/// The rows that a search looks for, whatever the plan by which it finds them.
struct SearchRequest: Sendable {
    /// At most `most` rows with the same value of a field. Rows without the field are not limited.
    struct Distinct: Sendable {
        let field: MetadataField
        let most: Int
    }

    let queries: [[Float]]
    /// The number of rows to find for each query.
    var limit: Int
    var bounds = RankBounds()
    /// The slots of rows that the answer leaves out.
    var leftOut = SlotBits()
    var distinct: Distinct?

    /// The bounds of the rows that a scan finds. Which rows count as one too many of their value depends on those before
    /// the bounds, too.
    var scanBounds: RankBounds { distinct == nil ? bounds : RankBounds(radius: bounds.radius) }

    /// The number of nearest rows among which the answer is expected, if all pass the filter: of a document's chunks,
    /// many are about as near.
    var expectedRows: Int { distinct == nil ? limit : 12 * limit }
}

/// The rows of an answer, chosen from rows that pass the filter and come in the order of the ranking.
struct Answer {
    private let request: SearchRequest
    private var counts: [FieldValue: Int] = [:]
    private(set) var rows: [FoundRow] = []

    init(_ request: SearchRequest) { self.request = request }

    var isComplete: Bool { rows.count >= request.limit }

    mutating func add(_ row: FoundRow, _ value: FieldValue?) {
        if isComplete { return }
        if let distinct = request.distinct, let value {
            let count = counts[value, default: 0]
            if count == distinct.most { return }
            counts[value] = count + 1
        }
        if let after = request.bounds.after, !after.precedes(row.id, row.distance) { return }
        rows.append(row)
    }
}
