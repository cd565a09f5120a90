/// Rows of generations that are neither the current one nor that of a re-embedding that hasn't ended.
extension StoreIndex {
    /// Removes up to `limit` of their index rows, or some of their rows of `runs` and `dead`; returns the number removed.
    func removeStaleRows(current: Int64, limit: Int) throws(VectorStoreError) -> Int {
        let kept = try keptGenerations(current)
        guard let stale = try staleGeneration(kept) else {
            return try removeStalePlaces(kept, limit: max(1, limit / Self.slotsOfPlace))
        }
        let last = try connection.first(
            "SELECT id FROM vectors WHERE generation = ? ORDER BY id LIMIT 1 OFFSET ?",
            [.integer(stale), .integer(Int64(limit - 1))]
        ) { row throws(VectorStoreError) in try row.id(0) }
        // This deletes a range of the primary key. A subquery with LIMIT would walk the whole generation for each
        // batch.
        guard let last else { return try connection.run("DELETE FROM vectors WHERE generation = ?", [.integer(stale)]) }
        return try connection.run(
            "DELETE FROM vectors WHERE generation = ? AND id <= ?",
            [.integer(stale), last]
        )
    }

    func hasStaleRows(current: Int64) throws(VectorStoreError) -> Bool {
        let kept = try keptGenerations(current)
        if try staleGeneration(kept) != nil { return true }
        if isOfOffsets { return false }
        for (table, gap) in Self.stalePlaces(kept) {
            let found = try connection.first(
                "SELECT 1 FROM \(table) WHERE place BETWEEN ? AND ? LIMIT 1",
                [.integer(gap.lowerBound), .integer(gap.upperBound)]
            ) { _ in true }
            if found != nil { return true }
        }
        return false
    }

    /// The approximate number of slots in a row of `runs`.
    private static let slotsOfPlace = 256

    private func keptGenerations(_ current: Int64) throws(VectorStoreError) -> [Int64] {
        [current] + (try reembeddingGeneration().map { [$0] } ?? [])
    }

    /// The gaps between some ranges.
    private static func gaps(between ranges: [ClosedRange<Int64>]) -> [ClosedRange<Int64>] {
        var gaps: [ClosedRange<Int64>] = []
        var begin = Int64.min
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > begin { gaps.append(begin...range.lowerBound - 1) }
            if range.upperBound == .max { return gaps }
            begin = range.upperBound + 1
        }
        return gaps + [begin...Int64.max]
    }

    /// The ranges of `runs` and `dead` that belong to other generations than some.
    private static func stalePlaces(_ kept: [Int64]) -> [(table: String, gap: ClosedRange<Int64>)] {
        let gaps = gaps(between: kept.map { GenerationKey.keys($0) })
        return ["runs", "dead"].flatMap { table in gaps.map { (table, $0) } }
    }

    private func removeStalePlaces(_ kept: [Int64], limit: Int) throws(VectorStoreError) -> Int {
        for (table, gap) in Self.stalePlaces(kept) {
            let removed = try connection.run(
                """
                DELETE FROM \(table) WHERE place IN
                (SELECT place FROM \(table) WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?)
                """,
                [.integer(gap.lowerBound), .integer(gap.upperBound), .integer(Int64(limit))]
            )
            if removed > 0 { return removed }
        }
        return 0
    }

    /// A generation that has index rows and isn't kept. It looks into ranges of the primary key, since "<>" would walk
    /// the whole current generation.
    private func staleGeneration(_ kept: [Int64]) throws(VectorStoreError) -> Int64? {
        for gap in Self.gaps(between: kept.map { $0...$0 }) {
            let found = try connection.first(
                "SELECT generation FROM vectors WHERE generation BETWEEN ? AND ? LIMIT 1",
                [.integer(gap.lowerBound), .integer(gap.upperBound)]
            ) { $0.integer(0) }
            if let found { return found }
        }
        return nil
    }
}
