/// The dead slots in the newest state that this handle has searched. The changes of later commits bring them up to
/// date. They can be read again from the index at any time.
final class RowDirectory: Sendable {
    private struct State: Sendable {
        let generation: Int64
        let sequence: Int64
        /// See ``Snapshot/uncountedChanges``.
        let uncounted: UInt32?
        let dead: SlotBits
        /// The bytes of all slots, dead ones too.
        let bytes: Int64
        /// The number of rows that another program has deleted: dead by the table `vectors`, but not by the store's
        /// count.
        let uncountedRows: Int64
    }

    private let state = Guarded<State?>(nil)

    /// If the record claims more dead slots than this for each live row, plus `fewDead`, they are not computed from the
    /// table `vectors`: memory must depend on the rows that are there, not on the record.
    private static let deadPerLive: Int64 = 64
    private static let fewDead: Int64 = 1 << 24

    /// The dead slots of a snapshot; nil if only the table `vectors` can be trusted. Takes O(dead slots) time at first,
    /// and later O(1) plus the changes since. If another program has written to the index, takes O(rows) time.
    func deadSlots(_ snapshot: Snapshot) throws(VectorStoreError) -> SlotBits? {
        let record = snapshot.record
        let known = state.withLock { $0 }.flatMap { $0.generation == record.generation ? $0 : nil }
        if let before = known?.uncounted, let now = snapshot.uncountedChanges, before != now {
            return try rebuild(snapshot)
        }
        var dead: SlotBits
        if let known, record.moved <= known.sequence, known.sequence <= record.commitSequence {
            if known.sequence == record.commitSequence { return known.dead }
            dead = known.dead
            var changed = SlotBits()
            try snapshot.index.readDeadSlots(record.generation, after: known.sequence, into: &changed)
            // While no row is moved, a dead slot stays dead.
            dead.formUnion(changed)
        } else {
            dead = try snapshot.index.deadSlots(record.generation)
        }
        let uncountedRows = known?.uncountedRows ?? 0
        if Int64(dead.count) != record.deadRows + uncountedRows { return try rebuild(snapshot) }
        remember(dead, snapshot, uncountedRows)
        return dead
    }

    /// The bytes of rows that a search reads; nil if nothing was searched yet.
    var bytes: Int64? { state.withLock { $0?.bytes } }

    func forget() { state.withLock { $0 = nil } }

    /// Computes the dead slots from the table `vectors` alone, after other data have contradicted it. Takes O(rows)
    /// time.
    func rebuild(_ snapshot: Snapshot) throws(VectorStoreError) -> SlotBits? {
        let record = snapshot.record
        if record.deadRows / Self.deadPerLive > record.liveRows + Self.fewDead / Self.deadPerLive { return nil }
        let live = try LiveBitmap.load(snapshot.index, record)
        var dead = SlotBits()
        live.forEachStretch(live: false) { dead.insert($0) }
        remember(dead, snapshot, Int64(dead.count) - record.deadRows)
        return dead
    }

    private func remember(_ dead: SlotBits, _ snapshot: Snapshot, _ uncountedRows: Int64) {
        let record = snapshot.record
        state.withLock { state in
            if let state, (state.generation, state.sequence) > (record.generation, record.commitSequence) { return }
            state = State(
                generation: record.generation,
                sequence: record.commitSequence,
                uncounted: snapshot.uncountedChanges,
                dead: dead,
                bytes: Int64(snapshot.rows.end.number) * snapshot.rows.file.stride,
                uncountedRows: uncountedRows
            )
        }
    }
}
