/// Where ids have come to lie in one transaction on the index, for whoever keeps a copy of that in memory.
///
/// Touched only in the writer's turn, like the connection.
final class RowChanges {
    struct Change: Sendable {
        let key: RowKey
        /// Nil where the id has no row any more.
        let slot: Slot?
    }

    /// What the transaction under way, or the last one, has changed, in order; nil where that isn't all of it.
    private(set) var all: [Change]? = []
    /// The state that it began from.
    private(set) var base: LogVersion?
    /// The connection's commits until then.
    private(set) var commits = 0
    /// Ids of another kind, and other generations, are not listed.
    private let kind: VectorIDKind
    private(set) var generation: Int64 = 0
    private(set) var isWanted = false

    /// More than this many are cheaper to read from the index again.
    private static let limit = 100_000

    init(_ kind: VectorIDKind) { self.kind = kind }

    /// A transaction has begun, in which nobody else can commit.
    func begin(_ base: LogVersion?, generation: Int64?, commits: Int) {
        self.base = base
        self.commits = commits
        self.generation = generation ?? 0
        isWanted = generation != nil
        all = isWanted ? [] : nil
    }

    /// Changes so far: where a savepoint lies.
    var count: Int { all?.count ?? 0 }

    /// Goes back to a savepoint.
    func removeAll(after count: Int) {
        let undone = self.count - count
        all?.removeLast(undone)
    }

    func note(_ id: SQLValue, _ slot: Slot?, _ generation: Int64) {
        guard isWanted, generation == self.generation else { return }
        guard count < Self.limit else { return all = nil }
        if let key = RowKey(id, kind) { all?.append(Change(key: key, slot: slot)) }
    }
}
