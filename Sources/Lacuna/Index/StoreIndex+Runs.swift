/// The table `runs`: the id and the checksum of each slot.
extension StoreIndex {
    /// The last run that begins before a slot; nil if there is none.
    func lastRun(_ generation: Int64, before slot: Slot) throws(VectorStoreError) -> PendingRun? {
        try statements.lastRun.first(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(GenerationKey.key(generation, 0), at: 1)
            try statement.bind(GenerationKey.key(generation, slot.number), at: 2)
        } _: { row throws(VectorStoreError) in
            try Self.run(row)
        }
    }

    /// The first run that begins in a slot or after it; nil if there is none.
    func firstRun(_ generation: Int64, from slot: Slot) throws(VectorStoreError) -> PendingRun? {
        try connection.first(
            "SELECT place, slots, rows FROM runs WHERE place >= ? AND place <= ? ORDER BY place LIMIT 1",
            [
                .integer(GenerationKey.key(generation, slot.number)),
                .integer(GenerationKey.keys(generation).upperBound),
            ],
            Self.run
        )
    }

    private static func run(_ row: Statement) throws(VectorStoreError) -> PendingRun {
        guard let slots = Int(exactly: row.integer(1)), slots >= 1, slots < Slot.most else { throw RunCodec.damaged }
        return PendingRun(
            at: Slot(GenerationKey.number(row.integer(0))),
            slots: slots,
            bytes: unsafe row.withBlob(2) { unsafe Array($0) }
        )
    }

    /// The first slot of the first run that begins after a slot.
    private func firstRun(_ generation: Int64, after slot: Slot) throws(VectorStoreError) -> Slot? {
        try connection.first(
            "SELECT place FROM runs WHERE place > ? AND place <= ? ORDER BY place LIMIT 1",
            [
                .integer(GenerationKey.key(generation, slot.number)),
                .integer(GenerationKey.keys(generation).upperBound),
            ]
        ) { Slot(GenerationKey.number($0.integer(0))) }
    }

    func write(_ run: PendingRun, _ generation: Int64) throws(VectorStoreError) {
        if run.slots == 0 { return }
        _ = try statements.writeRun.run(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(GenerationKey.key(generation, run.first.number), at: 1)
            try statement.bind(Int64(run.slots), at: 2)
            try statement.bind(run.bytes, at: 3)
        }
    }

    /// Calls `body` with the id, if it is known, and the checksum of each slot of a range that a run describes, in the
    /// order of the slots. Takes one statement.
    func forEachEntry(
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec,
        _ body: (Slot, SQLValue?, UInt32) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try unsafe forEachRawEntry(in: slots, generation, codec) { slot, id, checksum throws(VectorStoreError) in
            try body(slot, unsafe codec.id(id), checksum)
        }
    }

    private func forEachRawEntry(
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec,
        _ body: (Slot, UnsafeRawBufferPointer, UInt32) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        if slots.isEmpty { return }
        let first = try lastRun(generation, before: slots.lowerBound.advanced(by: 1))?.first ?? slots.lowerBound
        let keys = (first.number, slots.upperBound.number - 1)
        var end = first
        try connection.forEach(
            "SELECT place, slots, rows FROM runs WHERE place BETWEEN ? AND ? ORDER BY place",
            [.integer(GenerationKey.key(generation, keys.0)), .integer(GenerationKey.key(generation, keys.1))]
        ) { row throws(VectorStoreError) in
            let begin = Slot(GenerationKey.number(row.integer(0)))
            guard begin >= end, let count = Int(exactly: row.integer(1)), count >= 1, count < Slot.most else {
                throw RunCodec.damaged
            }
            end = begin.advanced(by: count)
            try unsafe row.withBlob(2) { bytes throws(VectorStoreError) in
                try unsafe codec.forEachEntry(of: bytes, count: count) {
                    number,
                    id,
                    checksum throws(VectorStoreError) in
                    let slot = begin.advanced(by: number)
                    if slots.contains(slot) { try unsafe body(slot, id, checksum) }
                }
            }
        }
    }

    /// Calls `body` with the key of each slot's id, for the slots of a range that a run describes.
    func forEachKey(
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec,
        _ body: (Slot, RowKey) -> Void
    ) throws(VectorStoreError) {
        try unsafe forEachRawEntry(in: slots, generation, codec) { slot, id, _ in body(slot, unsafe codec.key(id)) }
    }

    /// The rows of some slots of a range, which must be in ascending order; nil for a slot that no run describes. Takes
    /// memory for all of them.
    func knownRows(
        _ wanted: some Sequence<Slot>,
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec
    ) throws(VectorStoreError) -> [LiveRow?] {
        var rows: [LiveRow?] = []
        var rest = wanted.makeIterator()
        var next = rest.next()
        try forEachEntry(in: slots, generation, codec) { slot, id, checksum in
            while let missing = next, missing < slot {
                rows.append(nil)
                next = rest.next()
            }
            if next == slot {
                rows.append(id.map { LiveRow(id: $0, slot: slot, checksum: checksum) })
                next = rest.next()
            }
        }
        while next != nil {
            rows.append(nil)
            next = rest.next()
        }
        return rows
    }

    /// The same; an undescribed slot is an error.
    ///
    /// - Throws: `damaged` if no run describes one of the slots.
    func rows(
        _ wanted: some Sequence<Slot>,
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec
    ) throws(VectorStoreError) -> [LiveRow] {
        let known = try knownRows(wanted, in: slots, generation, codec)
        let rows = known.compactMap { $0 }
        if rows.count == known.count { return rows }
        throw .damaged(
            "the index's table `runs` has no entry for \(known.count - rows.count) of \(known.count) slots"
        )
    }

    /// The ids in whose slots the runs have no id, or another one.
    func idsThatRunsContradict(_ record: StoreRecord, below end: Slot) throws(VectorStoreError) -> [SQLValue] {
        let runs = RunReader(self, record)
        var ids: [SQLValue] = []
        try forEachRow(record.generation) { id, slot throws(VectorStoreError) in
            guard slot >= Slot(0), slot < end else { return }
            if try runs.checksum(of: id, in: slot) == nil { ids.append(id) }
        }
        return ids
    }

    /// The error if the tables `vectors` and `runs` contradict each other in rows below a slot: it names those rows.
    func contradiction(_ record: StoreRecord, below end: Slot) throws(VectorStoreError) -> VectorStoreError {
        let ids = try idsThatRunsContradict(record, below: end).map(\.idText)
        return .damaged(
            "the index's tables `vectors` and `runs` contradict each other in the rows of \(VectorStoreError.list(ids))",
            ids: ids
        )
    }

    /// Replaces the entries of some slots, which must be in ascending order.
    func replaceEntries(_ rows: [LiveRow], _ generation: Int64, _ codec: RunCodec) throws(VectorStoreError) {
        var rest = rows[...]
        while let next = rest.first {
            let before = try lastRun(generation, before: next.slot.advanced(by: 1))
            if let run = before, run.end > next.slot {
                let inside = rest.prefix { $0.slot < run.end }
                try replaceRun(run, inside, generation, codec)
                rest = rest.dropFirst(inside.count)
            } else {
                // No run describes the slot yet.
                let border = try firstRun(generation, after: next.slot) ?? Slot(Slot.most)
                var run = PendingRun(at: next.slot)
                while let row = rest.first, row.slot == run.end, row.slot < border,
                    run.append(row.id, row.checksum, codec)
                {
                    rest = rest.dropFirst()
                }
                try write(run, generation)
            }
        }
    }

    /// Writes a run with other entries for some of its slots, as several runs if it gets too long.
    private func replaceRun(
        _ run: PendingRun,
        _ rows: ArraySlice<LiveRow>,
        _ generation: Int64,
        _ codec: RunCodec
    ) throws(VectorStoreError) {
        var rest = rows
        var new = PendingRun(at: run.first)
        try run.forEachEntry(codec) { slot, id, checksum throws(VectorStoreError) in
            var entry = (id, checksum)
            if let row = rest.first, row.slot == slot {
                entry = (row.id, row.checksum)
                rest = rest.dropFirst()
            }
            if !new.append(entry.0, entry.1, codec) {
                try write(new, generation)
                new = PendingRun(at: slot)
                _ = new.append(entry.0, entry.1, codec)
            }
        }
        try write(new, generation)
    }

    /// Removes the entries of a slot and of all later slots.
    func cutRuns(at slot: Slot, _ generation: Int64, _ codec: RunCodec) throws(VectorStoreError) {
        try connection.run(
            "DELETE FROM runs WHERE place BETWEEN ? AND ?",
            [
                .integer(GenerationKey.key(generation, slot.number)),
                .integer(GenerationKey.keys(generation).upperBound),
            ]
        )
        guard let last = try lastRun(generation, before: slot), last.end > slot else { return }
        var shorter = PendingRun(at: last.first)
        try last.forEachEntry(codec) { place, id, checksum in
            if place < slot { _ = shorter.append(id, checksum, codec) }
        }
        try write(shorter, generation)
    }

    /// Removes the ids of dead slots from some runs, from one slot on. Returns the slot to go on from; nil if all are
    /// done.
    func forgetDeadIDs(
        from slot: Slot,
        runs limit: Int,
        _ generation: Int64,
        _ codec: RunCodec,
        _ isDead: (Slot) -> Bool
    ) throws(VectorStoreError) -> Slot? {
        var runs: [PendingRun] = []
        try connection.forEach(
            "SELECT place, slots, rows FROM runs WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
            [
                .integer(GenerationKey.key(generation, slot.number)),
                .integer(GenerationKey.keys(generation).upperBound), .integer(Int64(limit)),
            ]
        ) { row throws(VectorStoreError) in runs.append(try Self.run(row)) }
        for run in runs {
            var new = PendingRun(at: run.first)
            try run.forEachEntry(codec) { slot, id, checksum in
                _ = isDead(slot) ? new.append(nil, 0, codec) : new.append(id, checksum, codec)
            }
            if new.bytes != run.bytes { try write(new, generation) }
        }
        return runs.count < limit ? nil : runs.last?.end
    }
}

extension PendingRun {
    func forEachEntry(
        _ codec: RunCodec,
        _ body: (Slot, SQLValue?, UInt32) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        try unsafe bytes.span.withUnsafeBytes { buffer throws(VectorStoreError) in
            try unsafe codec.forEachEntry(of: buffer, count: slots) { number, id, checksum throws(VectorStoreError) in
                try body(first.advanced(by: number), unsafe codec.id(id), checksum)
            }
        }
    }
}
