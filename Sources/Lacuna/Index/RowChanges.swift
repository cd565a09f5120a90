/// The new slots of ids in one transaction on the index, for the cache of ids.
///
/// Used only in the writer's turn, like the connection.
final class RowChanges {
    struct Change: Sendable {
        let key: RowKey
        /// Nil if the id has no row any more.
        let slot: Slot?
    }

    /// A new data file for all rows.
    struct Move: Sendable {
        /// The slots from which rows were copied. The slot of a row in the new file is the rank of its slot among these.
        let copied: LiveBitmap
        let file: DataFile

        var generation: Int64 { file.header.generation }
    }

    /// The changes of the transaction under way, or of the last one, in order; nil if they aren't complete.
    private(set) var all: [Change]? = []
    /// The state from which the transaction began.
    private(set) var base: LogVersion?
    /// The number of the connection's commits before the transaction.
    private(set) var commits = 0
    /// Ids of another kind, or of another generation, are not listed.
    private let kind: VectorIDKind
    private(set) var generation: Int64 = 0
    private(set) var isWanted = false
    /// Nil if the transaction doesn't make another generation current.
    private(set) var move: Move?

    /// More changes cost more than reading all rows from the index.
    private static let limit = 100_000

    init(_ kind: VectorIDKind) { self.kind = kind }

    /// Called when a transaction has begun, in which nobody else can commit.
    func begin(_ base: LogVersion?, generation: Int64?, commits: Int) {
        self.base = base
        self.commits = commits
        self.generation = generation ?? 0
        isWanted = generation != nil
        all = isWanted ? [] : nil
        move = nil
    }

    /// The number of changes so far, which marks a savepoint.
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

    /// Notes that the transaction makes another generation current, in which all live rows have these slots.
    func note(_ move: Move) { if isWanted { self.move = move } }
}
