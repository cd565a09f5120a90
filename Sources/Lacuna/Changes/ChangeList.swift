/// The ids that one transaction changes, unless there are too many.
struct ChangeList: Sendable {
    enum Kind: Sendable { case put, replaced, deleted, metadata }

    private(set) var all: [(kind: Kind, id: SQLValue)] = []
    /// Whether ids are missing.
    private(set) var isTooLong = false

    private static let limit = 1_000

    mutating func note(_ kind: Kind, _ id: SQLValue) {
        if all.count == Self.limit { isTooLong = true } else { all.append((kind, id)) }
    }
}
