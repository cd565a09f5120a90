/// The part of the ranking, by distance and then by id, in which a search looks for rows.
struct RankBounds: Sendable {
    /// A row's place in the ranking.
    struct Rank: Sendable {
        let distance: Double
        let id: SQLValue

        /// Whether this place comes before that of another row.
        func precedes(_ id: SQLValue, _ distance: Double) -> Bool {
            self.distance == distance ? SQLValue.idPrecedes(self.id, id) : self.distance < distance
        }
    }

    /// The largest distance; a row at this distance belongs to the part.
    var radius = Double.infinity
    /// The place after which the part begins; nil if it begins with the nearest row.
    var after: Rank?

    /// Looks up the row's id only if it is as far as the place after which the part begins.
    func contains(_ candidate: Candidate, _ rows: SearchedRows) throws(VectorStoreError) -> Bool {
        if candidate.distance > radius { return false }
        guard let after, candidate.distance <= after.distance else { return true }
        if candidate.distance < after.distance { return false }
        return after.precedes(try rows.ids(of: [candidate.slot])[0], candidate.distance)
    }
}
