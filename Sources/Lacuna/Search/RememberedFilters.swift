/// Remembers which rows passed a filter that was evaluated over all rows, for the newest state and the filters used
/// last.
final class RememberedFilters: Sendable {
    /// The rows that passed in one state.
    struct Passing: Sendable {
        let record: StoreRecord
        let uncounted: UInt32?
        let slots: SlotBits
    }

    private struct Entry: Sendable {
        let filter: Filter
        let passing: Passing
    }

    /// The filters used last come last.
    private let entries = Guarded<[Entry]>([])
    /// The metadata that this handle's commits have changed; nil for a handle that only reads.
    private let changes: MetadataChanges?

    private static let limit = 16
    /// The most bytes of all bits that are remembered.
    private static let mostBytes = 64 << 20
    /// If more rows have changed, they are not evaluated one by one.
    private static let changeLimit = 10_000

    init(_ changes: MetadataChanges?) { self.changes = changes }

    /// The slots of a snapshot that pass a filter; nil if they aren't known. After commits of this handle, only the
    /// rows that these have changed are evaluated.
    func slots(_ filter: Filter, _ condition: StoreIndex.Condition, _ snapshot: Snapshot) throws -> SlotBits? {
        guard let known = entries.withLock({ $0.last { $0.filter.isSame(as: filter) }?.passing }) else { return nil }
        let (before, now) = (known.record, snapshot.record)
        guard before.generation == now.generation, before.moved == now.moved, before.nextSlot <= now.nextSlot,
            before.commitSequence <= now.commitSequence, known.uncounted != nil,
            known.uncounted == snapshot.uncountedChanges
        else { return nil }
        if before.commitSequence == now.commitSequence {
            remember(filter, known)
            return known.slots
        }
        guard var changed = changes?.ids(after: before.commitSequence, through: now.commitSequence),
            before.nextSlot.distance(to: now.nextSlot) + changed.count <= Self.changeLimit
        else { return nil }
        let index = snapshot.index
        var slots = known.slots
        for id in changed { if let slot = try snapshot.slot(of: id) { slots.remove(slot) } }
        try index.forEachEntry(in: before.nextSlot..<now.nextSlot, now.generation, now.codec) { _, id, _ in
            if let id { changed.append(id) }
        }
        for (_, slot) in try index.matches(among: changed, now.generation, condition) { slots.insert(slot) }
        remember(filter, Passing(record: now, uncounted: snapshot.uncountedChanges, slots: slots))
        return slots
    }

    func remember(_ filter: Filter, _ passing: Passing) {
        entries.withLock { entries in
            entries.removeAll { $0.filter.isSame(as: filter) }
            entries.append(Entry(filter: filter, passing: passing))
            while entries.count > Self.limit || entries.reduce(0, { $0 + $1.passing.slots.bytes }) > Self.mostBytes {
                entries.removeFirst()
            }
        }
    }
}

extension Filter {
    /// Whether two filters are the same, byte for byte.
    fileprivate func isSame(as other: Filter) -> Bool {
        expression.utf8.elementsEqual(other.expression.utf8) && values.count == other.values.count
            && zip(values, other.values).allSatisfy { $0.isSameValue(as: $1) }
    }
}

extension SQLValue {
    fileprivate func isSameValue(as other: SQLValue) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
        case (.real(let left), .real(let right)): left.bitPattern == right.bitPattern
        default: self == other
        }
    }
}
