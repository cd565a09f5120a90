/// Which slots of a data file hold a live row: one bit a slot, and the rank of each.
struct LiveBitmap: Sendable {
    let slots: Int
    private(set) var liveCount = 0
    private var words: [UInt64]
    /// Set bits before each group of `wordsPerGroup` words; made by ``finish()``.
    private var ranks: [Int] = []
    private static let wordsPerGroup = 8

    init(slots: Int) {
        self.slots = slots
        words = Array(repeating: 0, count: (slots + 63) / 64)
    }

    subscript(slot: Int) -> Bool { words[slot >> 6] >> UInt64(slot & 63) & 1 == 1 }

    /// Marks a slot as live; false if it was marked already.
    mutating func insert(_ slot: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(slot & 63)
        if words[slot >> 6] & bit != 0 { return false }
        words[slot >> 6] |= bit
        liveCount += 1
        return true
    }

    /// Counts the ranks, once all is marked.
    mutating func finish() {
        ranks.removeAll()
        var count = 0
        for (index, word) in words.enumerated() {
            if index % Self.wordsPerGroup == 0 { ranks.append(count) }
            count += word.nonzeroBitCount
        }
    }

    /// The number of live slots below `slot`: a live row's slot in a file without gaps.
    func rank(_ slot: Int) -> Int {
        if slot >= slots { return liveCount }
        let word = slot >> 6
        let group = word / Self.wordsPerGroup
        var count = ranks[group]
        for index in group * Self.wordsPerGroup..<word { count += words[index].nonzeroBitCount }
        return count + (words[word] & (1 << UInt64(slot & 63) - 1)).nonzeroBitCount
    }

    /// The slot after the last live one.
    var end: Int {
        guard let index = words.lastIndex(where: { $0 != 0 }) else { return 0 }
        return (index + 1) * 64 - words[index].leadingZeroBitCount
    }

    /// Calls `body` with each maximal run of live (or dead) slots, ascending.
    func forEachRun<E: Error>(live: Bool, _ body: (Range<Int>) throws(E) -> Void) throws(E) {
        var start = first(from: 0, live: live)
        while start < slots {
            let end = first(from: start, live: !live)
            try body(start..<end)
            start = first(from: end, live: live)
        }
    }

    /// The first slot at or after `slot` that is live (or dead); `slots` if there is none.
    func first(from slot: Int, live: Bool) -> Int {
        var index = slot >> 6
        var skip = slot & 63
        while index < words.count {
            let word = (live ? words[index] : ~words[index]) & (.max << UInt64(skip))
            if word != 0 { return min(slots, index * 64 + word.trailingZeroBitCount) }
            index += 1
            skip = 0
        }
        return slots
    }
}
