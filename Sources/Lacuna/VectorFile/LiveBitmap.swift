/// The slots of a data file that hold a live row, and the rank of each.
///
/// It has one bit for each slot, in chunks of 512, which exist only if they have a live slot. So memory and time depend
/// on the rows that were marked, and not on the length of the file, which may be anything if the file is sparse.
struct LiveBitmap: Sendable {
    /// The slot after the last one of the file.
    private(set) var slots: Slot
    private(set) var liveCount = 0
    /// The chunks' words; after ``finish()`` in the order of their slots.
    private var words: [UInt64] = []
    /// For each chunk, its number in the file, counted from 0.
    private var numbers: [Int] = []
    /// The number of live slots before each chunk; computed by ``finish()``.
    private var ranks: [Int] = []
    /// For each of the file's first chunks, its place among the chunks that exist.
    private var places: [Int32]
    /// The same for further chunks, which only a file with more slots has.
    private var farPlaces: [Int: Int32] = [:]

    private static let chunkBits = 9
    private static let chunkWords = 8
    private static let none: Int32 = -1
    /// 16 MiB of places, for two billion slots.
    private static let mostPlaces = 1 << 22

    init(slots: Slot) {
        self.slots = slots
        places = Array(repeating: Self.none, count: Self.placeCount(slots))
    }

    private static func placeCount(_ slots: Slot) -> Int { min(slots.number >> chunkBits + 1, mostPlaces) }

    /// Adds dead slots to the end of the file.
    mutating func extend(to end: Slot) {
        slots = end
        places += Array(repeating: Self.none, count: Self.placeCount(end) - places.count)
    }

    subscript(slot: Slot) -> Bool {
        let place = place(of: slot.number >> Self.chunkBits)
        return place >= 0 && words[Self.word(slot.number, place)] >> UInt64(slot.number & 63) & 1 == 1
    }

    /// Marks a slot as live; returns false if it was marked already.
    mutating func insert(_ slot: Slot) -> Bool {
        let slot = slot.number
        let chunk = slot >> Self.chunkBits
        var place = place(of: chunk)
        if place < 0 { place = add(chunk) }
        let word = Self.word(slot, place)
        let bit: UInt64 = 1 << UInt64(slot & 63)
        if words[word] & bit != 0 { return false }
        words[word] |= bit
        liveCount += 1
        return true
    }

    /// Orders the chunks and computes the ranks. Call it after all slots are marked.
    mutating func finish() {
        sort()
        ranks = []
        ranks.reserveCapacity(numbers.count)
        var count = 0
        for place in numbers.indices {
            ranks.append(count)
            for word in place * Self.chunkWords..<(place + 1) * Self.chunkWords {
                count += words[word].nonzeroBitCount
            }
        }
        invariant(count == liveCount, "each live slot was counted once, when it was marked")
        invariant(zip(numbers, numbers.dropFirst()).allSatisfy(<), "the chunks are in the order of their slots")
        invariant(numbers.enumerated().allSatisfy { place(of: $1) == $0 }, "each chunk is found at its place")
    }

    /// The number of live slots below `slot`: for a live row, its slot in a file without gaps.
    func rank(_ slot: Slot) -> Int {
        if slot >= slots { return liveCount }
        let slot = slot.number
        let chunk = slot >> Self.chunkBits
        let place = place(of: chunk)
        if place < 0 {
            let next = numbers.partitioningIndex { $0 > chunk }
            return next < ranks.count ? ranks[next] : liveCount
        }
        let word = Self.word(slot, place)
        var count = ranks[place]
        for index in place * Self.chunkWords..<word { count += words[index].nonzeroBitCount }
        return count + (words[word] & (1 << UInt64(slot & 63) - 1)).nonzeroBitCount
    }

    /// The slot after the last live one.
    var end: Slot {
        guard let index = words.lastIndex(where: { $0 != 0 }) else { return Slot(0) }
        let first = numbers[index / Self.chunkWords] << Self.chunkBits
        return Slot(first + (index % Self.chunkWords + 1) * 64 - words[index].leadingZeroBitCount)
    }

    /// Calls `body` with each group of neighbouring live (or dead) slots, in ascending order.
    func forEachStretch<E: Error>(live: Bool, _ body: (Range<Slot>) throws(E) -> Void) throws(E) {
        var place = 0
        var start = first(from: 0, live: live, &place)
        while start < slots.number {
            let end = first(from: start, live: !live, &place)
            try body(Slot(start)..<Slot(end))
            start = first(from: end, live: live, &place)
        }
    }

    /// The first slot at or after `slot` that is live (or dead); `slots` if there is none.
    func first(from slot: Slot, live: Bool) -> Slot {
        let chunk = slot.number >> Self.chunkBits
        let known = place(of: chunk)
        var place = known < 0 ? numbers.partitioningIndex { $0 > chunk } : known
        return Slot(first(from: slot.number, live: live, &place))
    }

    /// The same; `place` is that of the chunk of `slot`, or, if that doesn't exist, of the next one.
    private func first(from slot: Int, live: Bool, _ place: inout Int) -> Int {
        var slot = slot
        while place < numbers.count {
            let start = numbers[place] << Self.chunkBits
            if start > slot {
                if !live { return slot }
                slot = start
            }
            var index = (slot - start) >> 6
            var skip = slot & 63
            while index < Self.chunkWords {
                let word = words[place * Self.chunkWords + index]
                let wanted = (live ? word : ~word) & (.max << UInt64(skip))
                if wanted != 0 { return min(slots.number, start + index * 64 + wanted.trailingZeroBitCount) }
                index += 1
                skip = 0
            }
            slot = max(slot, start + 1 << Self.chunkBits)
            place += 1
        }
        return live ? slots.number : min(slot, slots.number)
    }

    /// The live slots of a range, in ascending order.
    func slots(in range: Range<Slot>) -> some Sequence<Slot> {
        sequence(state: range.lowerBound) { next in
            let slot = first(from: next, live: true)
            next = slot.advanced(by: 1)
            return slot < range.upperBound && slot < slots ? slot : nil
        }
    }

    // MARK: Chunks

    /// The chunk's place among those that exist; negative if it doesn't exist.
    @inline(__always)
    private func place(of chunk: Int) -> Int {
        Int(chunk < places.count ? places[chunk] : farPlace(of: chunk))
    }

    @inline(never)
    private func farPlace(of chunk: Int) -> Int32 { farPlaces[chunk] ?? Self.none }

    @inline(__always)
    private static func word(_ slot: Int, _ place: Int) -> Int {
        place * chunkWords + (slot >> 6) & (chunkWords - 1)
    }

    @inline(never)
    private mutating func add(_ chunk: Int) -> Int {
        let place = numbers.count
        numbers.append(chunk)
        for _ in 0..<Self.chunkWords { words.append(0) }
        setPlace(of: chunk, place)
        return place
    }

    private mutating func setPlace(of chunk: Int, _ place: Int) {
        if chunk < places.count { places[chunk] = Int32(place) } else { farPlaces[chunk] = Int32(place) }
    }

    /// Slots are marked in the order of ids, so the chunks may be out of order.
    private mutating func sort() {
        if zip(numbers, numbers.dropFirst()).allSatisfy(<) { return }
        let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
        var sorted: [UInt64] = []
        sorted.reserveCapacity(words.count)
        for place in order { sorted += words[place * Self.chunkWords..<(place + 1) * Self.chunkWords] }
        words = sorted
        numbers = order.map { numbers[$0] }
        for (place, chunk) in numbers.enumerated() { setPlace(of: chunk, place) }
    }
}

extension LiveBitmap {
    /// The slots below `end` that are not dead.
    init(below end: Slot, except dead: SlotBits) {
        self.init(slots: end)
        dead.forEachLiveStretch(in: Slot(0)..<end) { run in
            for slot in run { _ = insert(slot) }
        }
        finish()
    }
}
