/// The `limit` nearest rows so far within a radius, of which at most `most` have the same value of a field.
///
/// A row that is left out stays out, whatever rows come later: they can only bring more rows of its value before it, or
/// more rows of other values.
struct DistinctTopK: NearestRows {
    let limit: Int
    private let most: Int
    private let values: FieldValues
    /// Rows in any order; beyond those that were chosen last, at most as many, or a few.
    private var rows: [Candidate] = []
    /// The number of rows at which some of them are chosen again.
    private var capacity = Self.fewRows
    /// For the values that have as many rows as they may, the distance of the farthest of them.
    private var full: [UInt32: Double] = [:]
    private(set) var farthest: Double

    private static let fewRows = 64

    init(limit: Int, _ most: Int, _ values: FieldValues, radius: Double) {
        self.limit = limit
        self.most = most
        self.values = values
        farthest = radius
    }

    mutating func insert(_ candidate: Candidate, _ searched: SearchedRows) throws(VectorStoreError) {
        if candidate.distance > farthest { return }
        if let number = values[candidate.slot], let distance = full[number], candidate.distance > distance { return }
        rows.append(candidate)
        if rows.count >= capacity { try choose(searched) }
    }

    mutating func merge(_ other: DistinctTopK, _ searched: SearchedRows) throws(VectorStoreError) {
        for row in other.rows { try insert(row, searched) }
    }

    mutating func ranked(_ searched: SearchedRows) throws(VectorStoreError) -> [FoundRow] {
        try choose(searched)
        return try searched.ranked(rows[...])
    }

    /// Keeps the nearest rows, and lets go of the others.
    private mutating func choose(_ searched: SearchedRows) throws(VectorStoreError) {
        var counts: [UInt32: Int] = [:]
        var chosen: [Candidate] = []
        full = [:]
        for row in try searched.inOrder(rows) {
            if chosen.count == limit { break }
            if let number = values[row.slot] {
                let count = counts[number, default: 0] + 1
                if count > most { continue }
                counts[number] = count
                if count == most { full[number] = row.distance }
            }
            chosen.append(row)
        }
        rows = chosen
        capacity = rows.count + max(Self.fewRows, rows.count)
        if chosen.count == limit, let last = chosen.last { farthest = last.distance }
    }
}

extension SearchedRows {
    /// Sorts candidates by distance, and those at equal distances by id. Ids of others aren't looked up.
    fileprivate func inOrder(_ candidates: [Candidate]) throws(VectorStoreError) -> [Candidate] {
        var sorted = candidates.sorted { $0.distance < $1.distance }
        var first = 0
        while first < sorted.count {
            let end = sorted[first...].firstIndex { $0.distance != sorted[first].distance } ?? sorted.count
            if end - first > 1 {
                let ids = try ids(of: sorted[first..<end].map(\.slot))
                let order = ids.indices.sorted { SQLValue.idPrecedes(ids[$0], ids[$1]) }
                sorted.replaceSubrange(first..<end, with: order.map { sorted[first + $0] })
            }
            first = end
        }
        return sorted
    }
}
