/// The rows among which a search finds the nearest: their slots, and ids on demand.
///
/// `@unchecked Sendable`: several threads of one search share it. One thread at a time uses `runs`, under `lock`, while
/// the thread that owns the connection waits for the others.
final class SearchedRows: @unchecked Sendable {
    private enum Kind {
        /// All rows that are not dead. Their ids come from the cache of ids, or from the runs.
        case live(SlotBits, StoreRecord, RowIDs?, RunReader)
        /// The rows in some slots. Their ids come from the same places.
        case among(SlotBits, StoreRecord, RowIDs?, RunReader)
        case listed(RowList)
    }

    private let kind: Kind
    private let lock = Guarded(())

    /// All rows of a snapshot, except those in dead slots.
    init(_ snapshot: Snapshot, except dead: SlotBits, _ ids: RowIDs?) {
        kind = .live(dead, snapshot.record, ids, RunReader(snapshot.index, snapshot.record))
    }

    /// The rows of a snapshot in some slots.
    init(_ snapshot: Snapshot, among slots: SlotBits, _ ids: RowIDs?) {
        kind = .among(slots, snapshot.record, ids, RunReader(snapshot.index, snapshot.record))
    }

    init(_ list: RowList) { kind = .listed(list) }

    /// Calls `body` with each group of neighbouring slots in a range, in ascending order.
    func forEachStretch<E: Error>(in slots: Range<Slot>, _ body: (Range<Slot>) throws(E) -> Void) throws(E) {
        switch kind {
        case .live(let dead, _, _, _): try dead.forEachLiveStretch(in: slots, body)
        case .among(let some, _, _, _): try some.forEachStretch(in: slots, body)
        case .listed(let list): try list.forEachStretch(in: slots, body)
        }
    }

    /// Calls `body` as ``forEachStretch(in:_:)`` does, but joins groups with at most `gap` slots between them. Check each
    /// slot of a joined group with ``contains(_:)``.
    func forEachStretch<E: Error>(
        in slots: Range<Slot>,
        bridging gap: Int,
        _ body: (Range<Slot>) throws(E) -> Void
    ) throws(E) {
        var stretch = slots.lowerBound..<slots.lowerBound
        try forEachStretch(in: slots) { run throws(E) in
            if stretch.isEmpty || stretch.upperBound.distance(to: run.lowerBound) > gap {
                if !stretch.isEmpty { try body(stretch) }
                stretch = run
            } else {
                stretch = stretch.lowerBound..<run.upperBound
            }
        }
        if !stretch.isEmpty { try body(stretch) }
    }

    func contains(_ slot: Slot) -> Bool {
        switch kind {
        case .live(let dead, _, _, _): !dead.contains(slot)
        case .among(let some, _, _, _): some.contains(slot)
        case .listed(let list): list.contains(slot)
        }
    }

    func ids(of slots: [Slot]) throws(VectorStoreError) -> [SQLValue] {
        switch kind {
        case .listed(let list): return slots.map(list.id)
        case .live(_, let record, let known, let runs), .among(_, let record, let known, let runs):
            if let ids = known?.ids(of: slots, record) { return ids }
            return try lock.withLock { _ throws(VectorStoreError) in
                var ids: [SQLValue] = []
                for slot in slots {
                    guard let row = try runs.row(in: slot) else {
                        throw .damaged("the index's table `runs` has no entry for slot \(slot.number)")
                    }
                    ids.append(row.id)
                }
                return ids
            }
        }
    }
}

/// Rows by slot, with their ids.
struct RowList: Sendable {
    /// Ascending.
    let slots: [Slot]
    private let ids: [SQLValue]

    /// Lists rows in any order, each once. Takes O(rows · log rows) time.
    init(_ rows: [(id: SQLValue, slot: Slot)]) {
        let rows = rows.sorted { $0.slot < $1.slot }
        slots = rows.map(\.slot)
        ids = rows.map(\.id)
    }

    /// Lists all rows that the table `vectors` names, or those that pass a filter. Takes O(rows · log rows) time.
    init(_ snapshot: Snapshot, _ condition: StoreIndex.Condition? = nil) throws {
        var rows: [(id: SQLValue, slot: Slot)] = []
        try snapshot.index.forEachRowThatPasses(snapshot.record.generation, condition) { id, slot in
            try snapshot.check(id, slot)
            rows.append((id, slot))
        }
        self.init(rows)
    }

    /// The list without the rows of some slots.
    func removing(_ some: SlotBits) -> RowList {
        some.count == 0 ? self : RowList(zip(ids, slots).filter { !some.contains($0.1) }.map { ($0, $1) })
    }

    /// The id of one of the rows.
    func id(of slot: Slot) -> SQLValue { ids[slots.partitioningIndex { $0 >= slot }] }

    func contains(_ slot: Slot) -> Bool {
        let index = slots.partitioningIndex { $0 >= slot }
        return index < slots.count && slots[index] == slot
    }

    func forEachStretch<E: Error>(in range: Range<Slot>, _ body: (Range<Slot>) throws(E) -> Void) throws(E) {
        var index = slots.partitioningIndex { $0 >= range.lowerBound }
        while index < slots.count, slots[index] < range.upperBound {
            let first = slots[index]
            var end = first.advanced(by: 1)
            index += 1
            while index < slots.count, slots[index] == end, end < range.upperBound {
                end = end.advanced(by: 1)
                index += 1
            }
            try body(first..<end)
        }
    }
}
