/// A set of slots whose memory follows what is in it and not the file: one bit a row, where rows lie together.
struct SlotSet {
    private(set) var count = 0
    private var chunks: [Int: [UInt64]] = [:]
    private static let wordsPerChunk = 64

    func contains(_ slot: Int) -> Bool {
        guard let words = chunks[slot / (64 * Self.wordsPerChunk)] else { return false }
        return words[slot / 64 % Self.wordsPerChunk] >> UInt64(slot & 63) & 1 == 1
    }

    mutating func insert(_ slot: Int) {
        if contains(slot) { return }
        chunks[slot / (64 * Self.wordsPerChunk), default: Array(repeating: 0, count: Self.wordsPerChunk)][
            slot / 64 % Self.wordsPerChunk
        ] |= 1 << UInt64(slot & 63)
        count += 1
    }
}
