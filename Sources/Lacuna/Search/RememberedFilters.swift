/// Remembers, for the filters used last, which rows passed when all were evaluated, and how many of the nearest passed.
final class RememberedFilters: Sendable {
    /// The rows that passed in one state.
    struct Passing: Sendable {
        let state: RememberedState
        let slots: SlotBits
    }

    /// How many of the rows that were nearest to earlier queries passed. It says what to expect of the next search, in
    /// whatever state.
    struct Trials: Sendable {
        var evaluated = 0
        var passed = 0

        /// The number of nearest rows of which some number is expected to pass.
        func candidates(for count: Double) -> Double { count * Double(evaluated) / Double(max(1, passed)) }
    }

    private struct Entry: Sendable {
        let filter: Filter
        var passing: Passing?
        var trials = Trials()
        /// The number of rows that each of some indexes leaves at least, if they were counted.
        var leftByIndexes = (indexes: 0, rows: 0)
        /// All rows are evaluated after this many uses of the filter at the earliest, unless they must be.
        var usesToWait = 1
    }

    /// The filters used last come last.
    private let entries = Guarded<[Entry]>([])
    /// The metadata that this handle's commits have changed; nil for a handle that only reads.
    private let changes: MetadataChanges?

    private static let limit = 16
    /// The most bytes of all bits that are remembered.
    private static let mostBytes = 64 << 20
    /// Evaluating all rows takes about as long as this many searches. So if their results are lost by commits again and
    /// again, evaluating them at most doubles the time of all searches.
    private static let searchesForAllRows = 64

    init(_ changes: MetadataChanges?) { self.changes = changes }

    /// The slots of a snapshot that pass a filter; nil if they aren't known. After commits of this handle, only the
    /// rows that these have changed are evaluated. Each call counts as a use of the filter.
    func slots(_ filter: Filter, _ condition: StoreIndex.Condition, _ snapshot: Snapshot) throws -> SlotBits? {
        guard let known = use(filter), let changed = try known.state.changes(until: snapshot, changes) else {
            return nil
        }
        var slots = known.slots
        for id in changed.metadata { if let slot = try snapshot.slot(of: id) { slots.remove(slot) } }
        let ids = changed.metadata + changed.rows
        if !ids.isEmpty {
            for (_, slot) in try snapshot.index.matches(among: ids, snapshot.record.generation, condition) {
                slots.insert(slot)
            }
        }
        update(filter) { $0.passing = Passing(state: RememberedState(snapshot), slots: slots) }
        return slots
    }

    private func use(_ filter: Filter) -> Passing? {
        entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.filter == filter }) else { return nil }
            var entry = entries.remove(at: index)
            entry.usesToWait = max(0, entry.usesToWait - 1)
            entries.append(entry)
            return entry.passing
        }
    }

    /// How many of the nearest rows passed in earlier searches, and the number of further uses in which only the nearest
    /// rows are tried, if enough of them pass.
    func trials(_ filter: Filter) -> (trials: Trials, usesToWait: Int)? {
        entries.withLock { $0.last { $0.filter == filter } }.map { ($0.trials, $0.usesToWait) }
    }

    func add(_ trial: Trials, _ filter: Filter) {
        update(filter) { entry in
            // Earlier ones count for less and less.
            entry.trials.evaluated = entry.trials.evaluated / 2 + trial.evaluated
            entry.trials.passed = entry.trials.passed / 2 + trial.passed
        }
    }

    /// The number of rows that each of this many indexes was seen to leave at least; 0 if that isn't known.
    func leftByIndexes(_ filter: Filter, _ indexes: Int) -> Int {
        let left = entries.withLock { $0.last { $0.filter == filter } }?.leftByIndexes ?? (indexes: 0, rows: 0)
        return left.indexes == indexes ? left.rows : 0
    }

    func note(leftByIndexes rows: Int, _ indexes: Int, _ filter: Filter) {
        update(filter) { $0.leftByIndexes = (indexes, rows) }
    }

    /// Remembers the result of evaluating all rows.
    func remember(_ passing: Passing, _ filter: Filter) {
        update(filter) { entry in
            entry.passing = passing
            entry.usesToWait = Self.searchesForAllRows
        }
    }

    /// Forgets which rows passed.
    func forget() {
        entries.withLock { entries in for index in entries.indices { entries[index].passing = nil } }
    }

    private func update(_ filter: Filter, _ body: (inout Entry) -> Void) {
        entries.withLock { entries in
            let index = entries.firstIndex { $0.filter == filter }
            var entry = index.map { entries.remove(at: $0) } ?? Entry(filter: filter)
            body(&entry)
            entries.append(entry)
            if entries.count > Self.limit { entries.removeFirst() }
            var bytes = 0
            for index in entries.indices.reversed() {
                bytes += entries[index].passing?.slots.bytes ?? 0
                if bytes > Self.mostBytes { entries[index].passing = nil }
            }
        }
    }
}
