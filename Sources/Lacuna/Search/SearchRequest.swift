/// The rows that a search looks for, whatever the plan by which it finds them.
struct SearchRequest: Sendable {
    let queries: [[Float]]
    /// The number of rows to find for each query.
    var limit: Int
    var bounds = RankBounds()
    /// The slots of rows that the answer leaves out.
    var leftOut = SlotBits()
}
