/// A state of the store, of whose rows a handle remembers something.
struct RememberedState: Sendable {
    private let record: StoreRecord
    private let uncounted: UInt32?

    /// If more rows have changed, they are not read one by one.
    private static let mostChanges = 10_000

    init(_ snapshot: Snapshot) {
        record = snapshot.record
        uncounted = snapshot.uncountedChanges
    }

    /// The ids of rows whose metadata this handle's commits have changed since this state, and those of rows that were
    /// put since; none if the state is the same. Nil if that isn't known, or if there are too many. A row that is no
    /// longer live may be among them, and keeps its slot.
    func changes(
        until snapshot: Snapshot,
        _ metadataChanges: MetadataChanges?
    ) throws -> (metadata: [SQLValue], rows: [SQLValue])? {
        let (before, now) = (record, snapshot.record)
        guard before.generation == now.generation, before.moved == now.moved, before.nextSlot <= now.nextSlot,
            before.commitSequence <= now.commitSequence, uncounted != nil, uncounted == snapshot.uncountedChanges
        else { return nil }
        if before.commitSequence == now.commitSequence { return ([], []) }
        guard let changed = metadataChanges?.ids(after: before.commitSequence, through: now.commitSequence),
            before.nextSlot.distance(to: now.nextSlot) + changed.count <= Self.mostChanges
        else { return nil }
        var rows: [SQLValue] = []
        try snapshot.index.forEachEntry(in: before.nextSlot..<now.nextSlot, now.generation, now.codec) { _, id, _ in
            if let id { rows.append(id) }
        }
        return (Array(Set(changed)), rows)
    }
}
