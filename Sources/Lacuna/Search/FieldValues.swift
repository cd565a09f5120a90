/// The values of a field of metadata in one state of the store, as numbers, by slot.
struct FieldValues: Sendable {
    /// The numbers of neighbouring slots; 0 for none. Chunks without a value don't exist, so that memory depends on the
    /// rows that are there.
    private var chunks: [Int: [UInt32]] = [:]
    /// For each number from 1, the number of rows with its value.
    private var counts: [Int] = []

    private static let chunkSlots = 16_384

    /// Reads the values of all rows. Takes O(rows) time.
    init(_ field: MetadataField, _ snapshot: Snapshot) throws {
        var numbers: [FieldValue: Int] = [:]
        try snapshot.index.forEachValue(of: field, snapshot.record.generation, nil) { id, slot, value in
            try snapshot.check(id, slot)
            guard let value else { return }
            let number = numbers[value, default: counts.count + 1]
            if number > counts.count {
                numbers[value] = number
                counts.append(0)
            }
            counts[number - 1] += 1
            let (chunk, place) = Self.place(slot)
            chunks[chunk, default: [UInt32](repeating: 0, count: Self.chunkSlots)][place] = UInt32(number)
        }
    }

    private static func place(_ slot: Slot) -> (chunk: Int, place: Int) {
        let (chunk, place) = slot.number.quotientAndRemainder(dividingBy: chunkSlots)
        return (chunk, place)
    }

    /// The number of the value of the row in a slot; nil if it has none.
    subscript(slot: Slot) -> UInt32? {
        let (chunk, place) = Self.place(slot)
        let number = chunks[chunk]?[place] ?? 0
        return number == 0 ? nil : number
    }

    /// The most rows that can be found if each value may occur `most` times.
    func mostRows(_ most: Int, of liveRows: Int) -> Int {
        counts.reduce(liveRows) { $0 - max(0, $1 - most) }
    }
}
