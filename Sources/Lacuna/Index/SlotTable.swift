/// A table from ids to slots and from slots to ids. It takes 13 bytes a row for integers, and 21 for other ids.
///
/// The keys lie in chunks, in the order of their slots. A hash table of slots finds them, by open addressing with
/// linear probing (Knuth, The Art of Computer Programming, vol. 3, 6.4). It has 256 parts, and each grows by itself, so
/// that no insertion moves more than a 256th of the rows. Not thread-safe.
@safe
final class SlotTable {
    @safe
    private struct Part {
        var entries: UnsafeMutablePointer<UInt32>
        var capacity: Int
        var count: Int
    }

    /// The keys of neighbouring slots: first their first halves, then their second halves (which integers don't have),
    /// then a bit for each slot that says whether it has a key.
    @safe
    private struct Chunk {
        var words: UnsafeMutablePointer<UInt64>?
    }

    private let parts: UnsafeMutablePointer<Part>
    private var chunks: [Chunk] = []
    private let hasLows: Bool
    /// Drawn for each table, so that no choice of ids can make their hashes collide.
    private let seed = UInt64.random(in: .min ... .max)
    /// The number of ids that have a slot.
    private(set) var count = 0
    private var filledChunks = 0

    private static let free = UInt32.max
    private static let partBits = 8
    private static let partCount = 1 << partBits
    private static let smallest = 8
    private static let chunkBits = 12
    private static let chunkSlots = 1 << chunkBits
    private static func chunkWords(hasLows: Bool) -> Int { chunkSlots * (hasLows ? 2 : 1) + chunkSlots / 64 }

    /// The largest number of slots.
    static let maxSlots = Int(free)

    /// The most bytes that a table of this many rows and slots takes, approximately.
    static func bytes(slots: Int, rows: Int, _ kind: VectorIDKind) -> Int {
        let chunks = (slots + chunkSlots - 1) / chunkSlots
        return chunks * chunkWords(hasLows: kind != .integer) * 8 + partCount * capacity(for: rows / partCount + 1) * 4
    }

    /// Makes a table with room for this many rows.
    init(rows: Int, _ kind: VectorIDKind) {
        hasLows = kind != .integer
        unsafe parts = .allocate(capacity: Self.partCount)
        let capacity = Self.capacity(for: rows / Self.partCount)
        for part in 0..<Self.partCount {
            unsafe (parts + part).initialize(to: Part(entries: Self.allocate(capacity), capacity: capacity, count: 0))
        }
    }

    deinit {
        for part in 0..<Self.partCount { unsafe parts[part].entries.deallocate() }
        unsafe parts.deallocate()
        for chunk in chunks { unsafe chunk.words?.deallocate() }
    }

    /// The number of bytes that the table takes.
    var bytes: Int {
        var entries = 0
        for part in 0..<Self.partCount { unsafe entries += parts[part].capacity }
        return entries * 4 + filledChunks * Self.chunkWords(hasLows: hasLows) * 8
    }

    /// The id's slot; nil if there is none.
    @inline(__always)
    func slot(_ key: RowKey) -> Int? {
        let hash = hash(key)
        let part = unsafe parts[Int(hash >> (64 - UInt64(Self.partBits)))]
        var index = Self.home(hash, part.capacity)
        while true {
            let slot = unsafe part.entries[index]
            if slot == Self.free { return nil }
            if hasKey(key, Int(slot)) { return Int(slot) }
            index = index + 1 == part.capacity ? 0 : index + 1
        }
    }

    /// The last key that was put into a slot; nil if there is none. The row may be dead.
    func key(_ slot: Int) -> RowKey? { key(slot, in: chunks) }

    @inline(__always)
    private func key(_ slot: Int, in chunks: [Chunk]) -> RowKey? {
        let chunk = slot >> Self.chunkBits
        guard chunk < chunks.count, let words = unsafe chunks[chunk].words else { return nil }
        let place = slot & (Self.chunkSlots - 1)
        let bits = unsafe words[keyBits(place)]
        if bits >> UInt64(place & 63) & 1 == 0 { return nil }
        return unsafe RowKey(high: words[place], low: hasLows ? words[Self.chunkSlots + place] : 0)
    }

    /// Sets the key of a slot. If its row is live, also sets the slot of the key.
    func put(_ key: RowKey, _ slot: Int, isLive: Bool = true) {
        setKey(key, slot)
        if isLive { insert(UInt32(slot), key) }
    }

    /// Removes an id that has no row any more.
    func remove(_ key: RowKey) {
        let hash = hash(key)
        let number = Int(hash >> (64 - UInt64(Self.partBits)))
        let part = unsafe parts[number]
        func next(_ index: Int) -> Int { index + 1 == part.capacity ? 0 : index + 1 }
        var gap = Self.home(hash, part.capacity)
        while case let slot = unsafe part.entries[gap], slot == Self.free || !hasKey(key, Int(slot)) {
            if slot == Self.free { return }
            gap = next(gap)
        }
        // An entry after the gap moves into the gap, if a search from the entry's home still finds it there.
        var index = next(gap)
        while case let slot = unsafe part.entries[index], slot != Self.free {
            let home = Self.home(self.hash(ownKey(Int(slot))), part.capacity)
            let distance = { (from: Int, to: Int) in to >= from ? to - from : to - from + part.capacity }
            if distance(home, index) >= distance(gap, index) {
                unsafe part.entries[gap] = slot
                gap = index
            }
            index = next(index)
        }
        unsafe part.entries[gap] = Self.free
        unsafe parts[number].count -= 1
        count -= 1
        if unsafe parts[number].count * 2 < part.capacity && part.capacity > Self.smallest { resize(number) }
    }

    /// Gives each row its slot in another data file: the rank of its slot among those from which rows were copied. The
    /// places in the hash table stay, since they depend on the keys alone. Returns false if a row was not copied; then
    /// the table can't be used any more.
    func move(_ copied: LiveBitmap) -> Bool {
        for number in 0..<Self.partCount {
            let part = unsafe parts[number]
            for index in 0..<part.capacity {
                let slot = unsafe part.entries[index]
                if slot == Self.free { continue }
                let source = Slot(Int(slot))
                guard source < copied.slots, copied[source] else { return false }
                unsafe part.entries[index] = UInt32(copied.rank(source))
            }
        }
        moveKeys(copied)
        return true
    }

    // MARK: Keys

    /// Moves also the keys of dead rows: a search in the state of an earlier commit may still ask for them.
    private func moveKeys(_ copied: LiveBitmap) {
        var old = chunks
        chunks = []
        filledChunks = 0
        var (first, rank) = (0, 0)
        copied.forEachStretch(live: true) { slots in
            // The chunks before are not needed any more, so that there is never more than one chunk too many.
            while first < min(slots.lowerBound.number >> Self.chunkBits, old.count) {
                unsafe old[first].words?.deallocate()
                unsafe old[first].words = nil
                first += 1
            }
            for slot in slots {
                if let key = key(slot.number, in: old) { setKey(key, rank) }
                rank += 1
            }
        }
        for chunk in old { unsafe chunk.words?.deallocate() }
    }

    @inline(__always)
    private func hasKey(_ key: RowKey, _ slot: Int) -> Bool {
        let (chunk, place) = (slot >> Self.chunkBits, slot & (Self.chunkSlots - 1))
        let words = unsafe chunks[chunk].words.unsafelyUnwrapped
        return unsafe words[place] == key.high && (!hasLows || words[Self.chunkSlots + place] == key.low)
    }

    /// The key of a slot that the hash table names, and which therefore has a key.
    private func ownKey(_ slot: Int) -> RowKey { key(slot) ?? RowKey(high: 0, low: 0) }

    private func setKey(_ key: RowKey, _ slot: Int) {
        let (chunk, place) = (slot >> Self.chunkBits, slot & (Self.chunkSlots - 1))
        while chunks.count <= chunk { unsafe chunks.append(Chunk(words: nil)) }
        let words = unsafe chunks[chunk].words ?? makeChunk(chunk)
        unsafe words[place] = key.high
        if hasLows { unsafe words[Self.chunkSlots + place] = key.low }
        unsafe words[keyBits(place)] |= 1 << UInt64(place & 63)
    }

    private func makeChunk(_ chunk: Int) -> UnsafeMutablePointer<UInt64> {
        let count = Self.chunkWords(hasLows: hasLows)
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
        unsafe words.initialize(repeating: 0, count: count)
        unsafe chunks[chunk].words = words
        filledChunks += 1
        return unsafe words
    }

    /// The word with the bit that says whether a slot of a chunk has a key.
    private func keyBits(_ place: Int) -> Int { Self.chunkSlots * (hasLows ? 2 : 1) + place / 64 }

    // MARK: The hash table

    @inline(__always)
    private func hash(_ key: RowKey) -> UInt64 {
        let product = (key.high ^ seed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15 ^ key.low)
        return product.high ^ product.low
    }

    /// The place at which an id's search begins: its hash, without the bits that chose the part, scaled to the
    /// capacity.
    @inline(__always)
    private static func home(_ hash: UInt64, _ capacity: Int) -> Int {
        Int((hash << UInt64(partBits)).multipliedFullWidth(by: UInt64(capacity)).high)
    }

    #if DEBUG
    /// Ends the process if an id isn't found by its key, or if the entries or the chunks are counted wrongly. Takes
    /// O(rows) time.
    func checkInvariants() {
        var entries = 0
        for number in 0..<Self.partCount {
            let part = unsafe parts[number]
            let slots = (0..<part.capacity).map { unsafe part.entries[$0] }.filter { $0 != Self.free }
            invariant(slots.count == part.count, "the entries of a part are counted")
            invariant(part.count < part.capacity, "a part has a free entry, at which a search ends")
            for slot in slots {
                let key = key(Int(slot))
                invariant(key != nil, "a slot that the hash table names has a key")
                invariant(key.flatMap { self.slot($0) } == Int(slot), "an id is found by its key")
            }
            entries += slots.count
        }
        invariant(entries == count, "the entries are counted")
        invariant(chunks.count { unsafe $0.words != nil } == filledChunks, "the chunks with keys are counted")
    }
    #endif

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<UInt32> {
        let entries = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
        unsafe entries.initialize(repeating: free, count: capacity)
        return unsafe entries
    }

    /// With `rows` rows, a part is five sevenths full; a fifth more fit until it grows.
    private static func capacity(for rows: Int) -> Int { max(smallest, rows * 7 / 5) }

    private func insert(_ slot: UInt32, _ key: RowKey) {
        let hash = hash(key)
        let number = Int(hash >> (64 - UInt64(Self.partBits)))
        let part = unsafe parts[number]
        var index = Self.home(hash, part.capacity)
        while case let found = unsafe part.entries[index], found != Self.free {
            if hasKey(key, Int(found)) {
                unsafe part.entries[index] = slot
                return
            }
            index = index + 1 == part.capacity ? 0 : index + 1
        }
        unsafe part.entries[index] = slot
        unsafe parts[number].count += 1
        count += 1
        if unsafe parts[number].count * 8 > part.capacity * 7 { resize(number) }
    }

    private func resize(_ number: Int) {
        let old = unsafe parts[number]
        let capacity = Self.capacity(for: old.count)
        unsafe parts[number] = Part(entries: Self.allocate(capacity), capacity: capacity, count: old.count)
        let part = unsafe parts[number]
        for index in 0..<old.capacity {
            let slot = unsafe old.entries[index]
            if slot == Self.free { continue }
            var place = Self.home(hash(ownKey(Int(slot))), capacity)
            while unsafe part.entries[place] != Self.free { place = place + 1 == capacity ? 0 : place + 1 }
            unsafe part.entries[place] = slot
        }
        unsafe old.entries.deallocate()
        invariant(part.count < part.capacity, "a part has a free entry, at which a search ends")
    }
}
