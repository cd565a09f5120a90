/// The values of a field of metadata in one state of the store, as numbers, by slot.
struct FieldValues: Sendable {
    /// The numbers of neighbouring slots; 0 for none. Chunks without a value don't exist, so that memory depends on the
    /// rows that are there.
    private var chunks: [Int: [UInt32]] = [:]
    private var numbers: [FieldValue: UInt32] = [:]
    /// For each number from 1, at least the number of rows with its value.
    private var counts: [Int] = []
    /// At least the number of rows without a value.
    private var without = 0

    private static let chunkSlots = 16_384

    /// Reads the values of all rows. Takes O(rows) time.
    init(_ field: MetadataField, _ snapshot: Snapshot) throws { try read(field, of: nil, snapshot) }

    /// Reads the values of the rows of some ids, or of all rows.
    mutating func read(_ field: MetadataField, of ids: [SQLValue]?, _ snapshot: Snapshot) throws {
        if ids?.isEmpty == true { return }
        let generation = snapshot.record.generation
        try snapshot.index.forEachValue(of: field, among: ids, generation, nil) { id, slot, value in
            try snapshot.check(id, slot)
            set(slot, value)
        }
    }

    private mutating func set(_ slot: Slot, _ value: FieldValue?) {
        let (chunk, place) = slot.number.quotientAndRemainder(dividingBy: Self.chunkSlots)
        guard let value else {
            without += 1
            chunks[chunk]?[place] = 0
            return
        }
        let number = numbers[value] ?? UInt32(counts.count + 1)
        if number > counts.count {
            numbers[value] = number
            counts.append(0)
        }
        counts[Int(number) - 1] += 1
        chunks[chunk, default: [UInt32](repeating: 0, count: Self.chunkSlots)][place] = number
    }

    /// The number of the value of the row in a slot; nil if it has none.
    subscript(slot: Slot) -> UInt32? {
        let (chunk, place) = slot.number.quotientAndRemainder(dividingBy: Self.chunkSlots)
        let number = chunks[chunk]?[place] ?? 0
        return number == 0 ? nil : number
    }

    /// At least the number of rows that can be found if each value may occur `most` times.
    func mostRows(_ most: Int) -> Int { counts.reduce(without) { $0 + min($1, most) } }
}
