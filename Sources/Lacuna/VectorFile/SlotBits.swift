/// A set of slots of a data file, such as the dead ones. It has one bit for each slot, in chunks, which exist only if
/// they have a slot of the set.
///
/// It is a value: a copy shares its chunks until one of the two changes, so that a snapshot keeps the state with which
/// it began.
struct SlotBits: Equatable, Sendable {
    /// The number of slots in a chunk, whose bits take 2 KiB.
    static let chunkSlots = 16_384
    static let chunkBytes = chunkSlots / 8
    private static let chunkWords = chunkSlots / 64

    /// The numbers of the chunks that exist, in ascending order.
    private(set) var numbers: [Int] = []
    private var chunks: [[UInt64]] = []
    private(set) var count = 0

    static func chunk(of slot: Slot) -> Int { slot.number / chunkSlots }

    /// Whether the slot's chunk exists.
    func hasChunk(of slot: Slot) -> Bool { place(of: Self.chunk(of: slot)) != nil }

    func contains(_ slot: Slot) -> Bool {
        guard let place = place(of: Self.chunk(of: slot)) else { return false }
        return chunks[place][Self.word(slot)] & Self.bit(slot) != 0
    }

    /// The bytes of memory that the set takes.
    var bytes: Int { chunks.count * Self.chunkBytes }

    mutating func insert(_ slot: Slot) { set(slot, true) }

    mutating func insert(_ slots: Range<Slot>) {
        var rest = slots.lowerBound.number..<slots.upperBound.number
        while !rest.isEmpty {
            let chunk = rest.lowerBound / Self.chunkSlots
            let base = chunk * Self.chunkSlots
            let part = rest.clamped(to: base..<base + Self.chunkSlots)
            var words = place(of: chunk).map { chunks[$0] } ?? [UInt64](repeating: 0, count: Self.chunkWords)
            for word in (part.lowerBound - base) / 64...(part.upperBound - 1 - base) / 64 {
                let bits = part.clamped(to: base + word * 64..<base + (word + 1) * 64)
                words[word] |= (bits.count == 64 ? .max : 1 << UInt64(bits.count) - 1) << UInt64(bits.lowerBound % 64)
            }
            setChunk(chunk, words)
            rest = part.upperBound..<rest.upperBound
        }
    }

    mutating func remove(_ slot: Slot) { set(slot, false) }

    /// The slots that are in this set and not in an earlier one. All chunks of the earlier set must exist in this one.
    func slots(since earlier: SlotBits) -> [Slot] {
        var slots: [Slot] = []
        for (number, words) in zip(numbers, chunks) {
            let before = earlier.place(of: number).map { earlier.chunks[$0] }
            if before == words { continue }
            for (index, word) in words.enumerated() {
                var new = word & ~(before?[index] ?? 0)
                while new != 0 {
                    slots.append(Slot(number * Self.chunkSlots + index * 64 + new.trailingZeroBitCount))
                    new &= new - 1
                }
            }
        }
        return slots
    }

    mutating func formUnion(_ other: SlotBits) {
        for (number, words) in zip(other.numbers, other.chunks) {
            guard let place = place(of: number) else {
                setChunk(number, words)
                continue
            }
            setChunk(number, zip(chunks[place], words).map { $0 | $1 })
        }
    }

    /// A chunk's bits as bytes; nil if the chunk doesn't exist.
    func bytes(of chunk: Int) -> [UInt8]? {
        guard let place = place(of: chunk) else { return nil }
        // By a closure: the key path of `littleEndian` would be walked for each word.
        let words = chunks[place].map { $0.littleEndian }
        return unsafe words.withUnsafeBytes { unsafe Array($0) }
    }

    /// Replaces a chunk's bits. Returns false if the number of bytes is wrong.
    mutating func setChunk(_ number: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == Self.chunkBytes else { return false }
        var words = [UInt64](repeating: 0, count: Self.chunkWords)
        unsafe words.withUnsafeMutableBytes { unsafe $0.copyMemory(from: bytes) }
        for index in words.indices { words[index] = UInt64(littleEndian: words[index]) }
        setChunk(number, words)
        return true
    }

    /// Removes a slot and all later slots.
    mutating func cut(at slot: Slot) {
        let chunk = Self.chunk(of: slot)
        while let last = numbers.last, last > chunk { setChunk(last, []) }
        guard let place = place(of: chunk) else { return }
        var words = chunks[place]
        let first = Self.word(slot)
        words[first] &= Self.bit(slot) - 1
        for word in first + 1..<Self.chunkWords { words[word] = 0 }
        setChunk(chunk, words)
    }

    /// Calls `body` with each group of neighbouring slots of a range that are not in the set, in ascending order.
    func forEachLiveStretch<E: Error>(in slots: Range<Slot>, _ body: (Range<Slot>) throws(E) -> Void) throws(E) {
        var start = slots.lowerBound.number
        let end = slots.upperBound.number
        var place = numbers.partitioningIndex { $0 >= Self.chunk(of: slots.lowerBound) }
        while place < numbers.count, numbers[place] * Self.chunkSlots < end {
            let base = numbers[place] * Self.chunkSlots
            var from = max(0, start - base)
            while let dead = Self.first(from: from, in: chunks[place], isIn: true), base + dead < end {
                if base + dead > start { try body(Slot(start)..<Slot(base + dead)) }
                from = Self.first(from: dead, in: chunks[place], isIn: false) ?? Self.chunkSlots
                start = base + from
            }
            place += 1
        }
        if start < end { try body(Slot(start)..<Slot(end)) }
    }

    /// Calls `body` with each group of neighbouring slots of a range that are in the set, in ascending order.
    func forEachStretch<E: Error>(in slots: Range<Slot>, _ body: (Range<Slot>) throws(E) -> Void) throws(E) {
        var place = numbers.partitioningIndex { $0 >= Self.chunk(of: slots.lowerBound) }
        while place < numbers.count, numbers[place] * Self.chunkSlots < slots.upperBound.number {
            let base = numbers[place] * Self.chunkSlots
            var from = max(0, slots.lowerBound.number - base)
            let end = min(Self.chunkSlots, slots.upperBound.number - base)
            while let first = Self.first(from: from, in: chunks[place], isIn: true), first < end {
                from = min(end, Self.first(from: first, in: chunks[place], isIn: false) ?? Self.chunkSlots)
                try body(Slot(base + first)..<Slot(base + from))
            }
            place += 1
        }
    }

    mutating func subtract(_ other: SlotBits) {
        for (number, words) in zip(other.numbers, other.chunks) {
            guard let place = place(of: number) else { continue }
            setChunk(number, zip(chunks[place], words).map { $0 & ~$1 })
        }
    }

    // MARK: Inside

    private static func word(_ slot: Slot) -> Int { slot.number % chunkSlots / 64 }
    private static func bit(_ slot: Slot) -> UInt64 { 1 << UInt64(slot.number % 64) }

    private func place(of chunk: Int) -> Int? {
        let place = numbers.partitioningIndex { $0 >= chunk }
        return place < numbers.count && numbers[place] == chunk ? place : nil
    }

    private mutating func set(_ slot: Slot, _ isIn: Bool) {
        let chunk = Self.chunk(of: slot)
        let place = numbers.partitioningIndex { $0 >= chunk }
        if place == numbers.count || numbers[place] != chunk {
            if !isIn { return }
            numbers.insert(chunk, at: place)
            chunks.insert([UInt64](repeating: 0, count: Self.chunkWords), at: place)
        }
        let word = Self.word(slot)
        let before = chunks[place][word]
        let after = isIn ? before | Self.bit(slot) : before & ~Self.bit(slot)
        if before == after { return }
        chunks[place][word] = after
        count += isIn ? 1 : -1
    }

    private mutating func setChunk(_ number: Int, _ words: [UInt64]) {
        let place = numbers.partitioningIndex { $0 >= number }
        let isThere = place < numbers.count && numbers[place] == number
        if isThere { count -= Self.count(chunks[place]) }
        count += Self.count(words)
        switch (isThere, words.isEmpty) {
        case (true, true):
            numbers.remove(at: place)
            chunks.remove(at: place)
        case (true, false): chunks[place] = words
        case (false, true): break
        case (false, false):
            numbers.insert(number, at: place)
            chunks.insert(words, at: place)
        }
        invariant(words.isEmpty || words.count == Self.chunkWords, "a chunk has bits for all of its slots")
    }

    #if DEBUG
    /// Ends the process if the chunks are out of order, have no slot's bit too many or too few, or are counted wrongly.
    func checkInvariants() {
        invariant(numbers.count == chunks.count, "each chunk has a number")
        invariant(zip(numbers, numbers.dropFirst()).allSatisfy(<), "the chunks' numbers ascend")
        invariant(chunks.allSatisfy { $0.count == Self.chunkWords }, "a chunk has bits for all of its slots")
        invariant(count == chunks.reduce(0) { $0 + Self.count($1) }, "the set bits are counted")
    }
    #endif

    private static func count(_ words: [UInt64]) -> Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The first slot of a chunk, from `slot` on, that is in the set (or is not).
    private static func first(from slot: Int, in words: [UInt64], isIn: Bool) -> Int? {
        if slot >= chunkSlots { return nil }
        var word = slot / 64
        var mask = UInt64.max << UInt64(slot % 64)
        while word < words.count {
            let wanted = (isIn ? words[word] : ~words[word]) & mask
            if wanted != 0 { return word * 64 + wanted.trailingZeroBitCount }
            word += 1
            mask = .max
        }
        return nil
    }
}
