/// Which slots are dead in the newest state that this handle has searched, brought forward by what later commits have
/// changed. SQLite can rebuild it at any time.
final class RowDirectory: Sendable {
    private struct State: Sendable {
        let generation: Int64
        let sequence: Int64
        /// See ``Snapshot/uncountedChanges``.
        let uncounted: UInt32?
        let dead: SlotBits
        /// Rows that another program has deleted: dead by the table of ids, and not by the store's count.
        let uncountedRows: Int64
    }

    private let state = Guarded<State?>(nil)

    /// More dead slots for each live row, and so many besides, are not gathered from the table of ids: memory follows the rows
    /// that are there, and not what the record says.
    private static let deadPerLive: Int64 = 64
    private static let fewDead: Int64 = 1 << 24

    /// The dead slots of a snapshot; nil where only the table of ids can be believed. O(dead slots) the first time, and O(1)
    /// but for what has changed since; O(rows) where another program has written to the index.
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
            // As long as no row moves, a dead slot stays so.
            dead.formUnion(changed)
        } else {
            dead = try snapshot.index.deadSlots(record.generation)
        }
        let uncountedRows = known?.uncountedRows ?? 0
        if Int64(dead.count) != record.deadRows + uncountedRows { return try rebuild(snapshot) }
        remember(dead, snapshot, uncountedRows)
        return dead
    }

    /// The same from the table of ids alone: what was known contradicts it. O(rows).
    func rebuild(_ snapshot: Snapshot) throws(VectorStoreError) -> SlotBits? {
        let record = snapshot.record
        if record.deadRows / Self.deadPerLive > record.liveRows + Self.fewDead / Self.deadPerLive { return nil }
        let live = try LiveBitmap.load(snapshot.index, record)
        var dead = SlotBits()
        live.forEachRun(live: false) { dead.insert($0) }
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
                uncountedRows: uncountedRows
            )
        }
    }
}
