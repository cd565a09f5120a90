/// A set of slots whose memory depends on its contents and not on the file: a few bits a row if rows lie together, and
/// some thirty bytes a row if a hostile index has them far apart.
struct SlotSet {
    private(set) var count = 0
    /// Each word has the bits of 64 neighbouring slots.
    private var words: [Int: UInt64] = [:]

    func contains(_ slot: Slot) -> Bool { (words[slot.number >> 6] ?? 0) >> UInt64(slot.number & 63) & 1 == 1 }

    mutating func insert(_ slot: Slot) {
        if contains(slot) { return }
        words[slot.number >> 6, default: 0] |= 1 << UInt64(slot.number & 63)
        count += 1
    }
}
