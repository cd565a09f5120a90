/// The ids whose metadata this handle's commits have changed without a new row, unless there are too many.
final class MetadataChanges: Sendable {
    private struct State: Sendable {
        var changes: [(sequence: Int64, id: SQLValue)] = []
        /// All changes of the commits after this one are listed.
        var completeSince: Int64
    }

    private let state: Guarded<State>

    private static let limit = 10_000

    /// Lists the changes of the commits after `sequence`.
    init(since sequence: Int64) { state = Guarded(State(completeSince: sequence)) }

    var completeSince: Int64 { state.withLock { $0.completeSince } }

    /// Forgets all, and lists the changes of the commits after `sequence`.
    func begin(since sequence: Int64) { state.withLock { $0 = State(completeSince: sequence) } }

    func note(_ ids: [SQLValue], _ sequence: Int64) {
        if ids.isEmpty { return }
        state.withLock { state in
            if state.changes.count + ids.count > Self.limit {
                state.changes = []
                state.completeSince = sequence
            } else {
                state.changes += ids.map { (sequence, $0) }
            }
        }
    }

    /// The ids that commits after one, and up to another, have changed; nil if they aren't all known.
    func ids(after sequence: Int64, through last: Int64) -> [SQLValue]? {
        state.withLock { state in
            if sequence < state.completeSince { return nil }
            let first = state.changes.partitioningIndex { $0.sequence > sequence }
            return state.changes[first...].prefix { $0.sequence <= last }.map(\.id)
        }
    }
}
