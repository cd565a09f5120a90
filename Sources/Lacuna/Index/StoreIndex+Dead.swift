/// The table `dead`: the slots of the data file that hold no live row.
extension StoreIndex {
    /// Reads the dead slots of a generation into `dead`; with `sequence`, only the chunks that commits after it have
    /// changed.
    ///
    /// - Throws: `damaged` if the bits are not as they should be.
    func readDeadSlots(
        _ generation: Int64,
        after sequence: Int64 = -1,
        into dead: inout SlotBits
    ) throws(VectorStoreError) {
        try readDeadSlots(GenerationKey.keys(generation), after: sequence, into: &dead)
    }

    private func readDeadSlots(
        _ keys: ClosedRange<Int64>,
        after sequence: Int64,
        into dead: inout SlotBits
    ) throws(VectorStoreError) {
        try connection.forEach(
            "SELECT place, bits FROM dead WHERE place BETWEEN ? AND ? AND changed > ? ORDER BY place",
            [.integer(keys.lowerBound), .integer(keys.upperBound), .integer(sequence)]
        ) { row throws(VectorStoreError) in
            let chunk = GenerationKey.number(row.integer(0))
            guard chunk < Slot.most / SlotBits.chunkSlots, unsafe row.withBlob(1, { unsafe dead.setChunk(chunk, $0) })
            else { throw .damaged("a row of the index's table `dead` is malformed") }
        }
    }

    func deadSlots(_ generation: Int64) throws(VectorStoreError) -> SlotBits {
        var dead = SlotBits()
        try readDeadSlots(generation, into: &dead)
        return dead
    }

    /// The rows of some slots that are not dead, in the order of the slots. Takes memory for all of them.
    func liveRows(
        in slots: Range<Slot>,
        _ generation: Int64,
        _ codec: RunCodec
    ) throws(VectorStoreError) -> [LiveRow] {
        guard let last = slots.last else { return [] }
        var dead = SlotBits()
        let chunks = SlotBits.chunk(of: slots.lowerBound)..<SlotBits.chunk(of: last) + 1
        try readDeadSlots(GenerationKey.keys(generation, chunks), after: -1, into: &dead)
        return try rows(slots.lazy.filter { !dead.contains($0) }, in: slots, generation, codec)
    }

    /// Notes which slots have become dead, and which hold a live row again, in a transaction that makes the commit `sequence`.
    func changeDead(
        adding: [Slot],
        removing: [Slot] = [],
        _ generation: Int64,
        _ sequence: Int64
    ) throws(VectorStoreError) {
        if PlantedBug.deadNotNoted.isPlanted { return }
        var dead = SlotBits()
        for slot in adding {
            if !dead.hasChunk(of: slot) { try readChunk(SlotBits.chunk(of: slot), generation, into: &dead) }
            dead.insert(slot)
        }
        for slot in removing {
            if !dead.hasChunk(of: slot) { try readChunk(SlotBits.chunk(of: slot), generation, into: &dead) }
            dead.remove(slot)
        }
        try writeDead(dead, generation, sequence)
    }

    /// Removes the bits of `slot` and later slots, in a transaction that makes the commit `sequence`.
    func cutDead(at slot: Slot, _ generation: Int64, _ sequence: Int64) throws(VectorStoreError) {
        let chunk = SlotBits.chunk(of: slot)
        try connection.run(
            "DELETE FROM dead WHERE place BETWEEN ? AND ?",
            [
                .integer(GenerationKey.key(generation, chunk + 1)),
                .integer(GenerationKey.keys(generation).upperBound),
            ]
        )
        var dead = SlotBits()
        try readChunk(chunk, generation, into: &dead)
        if dead.numbers.isEmpty { return }
        dead.cut(at: slot)
        try writeChunk(chunk, of: dead, generation, sequence)
    }

    /// Writes the chunks that `dead` has, in place of those in the table.
    func writeDead(_ dead: SlotBits, _ generation: Int64, _ sequence: Int64) throws(VectorStoreError) {
        for chunk in dead.numbers { try writeChunk(chunk, of: dead, generation, sequence) }
    }

    private func readChunk(
        _ chunk: Int,
        _ generation: Int64,
        into dead: inout SlotBits
    ) throws(VectorStoreError) {
        let isSound = try statements.readDead.first(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(GenerationKey.key(generation, chunk), at: 1)
        } _: { row in
            unsafe row.withBlob(0) { unsafe dead.setChunk(chunk, $0) }
        }
        if isSound == false { throw .damaged("a row of the index's table `dead` is malformed") }
    }

    private func writeChunk(
        _ chunk: Int,
        of dead: SlotBits,
        _ generation: Int64,
        _ sequence: Int64
    ) throws(VectorStoreError) {
        guard let bytes = dead.bytes(of: chunk) else { return }
        _ = try statements.writeDead.run(on: connection) { statement throws(VectorStoreError) in
            try statement.bind(GenerationKey.key(generation, chunk), at: 1)
            try statement.bind(sequence, at: 2)
            try statement.bind(bytes, at: 3)
        }
    }
}
