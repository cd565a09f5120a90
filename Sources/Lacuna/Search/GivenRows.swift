extension RowList {
    /// The number of ids whose rows are evaluated by one statement.
    private static let batch = 1_000

    /// Lists the rows of some ids; ids without a row are left out. Takes O(ids · log rows) time.
    init(_ snapshot: Snapshot, among ids: [SQLValue]) throws(VectorStoreError) {
        var slots = SlotBits()
        var rows: [(id: SQLValue, slot: Slot)] = []
        // In the order of the index, so that neighbours are on the same pages.
        for id in ids.sorted(by: SQLValue.idPrecedes) {
            guard let slot = try snapshot.slot(of: id), !slots.contains(slot) else { continue }
            slots.insert(slot)
            rows.append((id, slot))
        }
        self.init(rows)
    }

    /// The rows of the list that pass a filter, which is evaluated on each of them.
    func passing(_ filter: Filter, _ snapshot: Snapshot) throws -> RowList {
        let ids = slots.map(id).sorted(by: SQLValue.idPrecedes)
        return try snapshot.index.withCondition(filter) { condition in
            var rows: [(id: SQLValue, slot: Slot)] = []
            for first in stride(from: 0, to: ids.count, by: Self.batch) {
                let some = Array(ids[first..<min(ids.count, first + Self.batch)])
                rows += try snapshot.index.matches(among: some, snapshot.record.generation, condition)
            }
            return RowList(rows)
        }
    }
}
