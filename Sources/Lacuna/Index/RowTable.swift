/// Where each row lies: a hash table from ids to slots, 18 to 32 bytes a row.
///
/// Open addressing with linear probing (Knuth, The Art of Computer Programming, vol. 3, 6.4) in 256 parts, each of which
/// grows by itself: no insertion moves more than a 256th of the rows. Not thread-safe.
@safe
final class RowTable {
    private struct Entry {
        var high: UInt64
        var low: UInt32
        /// `free` where there is no row.
        var slot: UInt32

        static let free = UInt32.max
    }

    @safe
    private struct Part {
        var entries: UnsafeMutablePointer<Entry>
        var capacity: Int
        var count: Int
    }

    private let parts: UnsafeMutablePointer<Part>
    /// Drawn for each table, so that no choice of ids makes them meet.
    private let seed = UInt64.random(in: .min ... .max)
    private(set) var count = 0

    private static let partBits = 8
    private static let partCount = 1 << partBits
    private static let smallest = 8

    /// Slots that a table can hold.
    static let maxSlots = Int(Entry.free)
    /// The most that a row takes.
    static let bytesPerRow = 32

    /// With room for as many rows.
    init(rows: Int) {
        unsafe parts = .allocate(capacity: Self.partCount)
        let capacity = Self.capacity(for: rows / Self.partCount)
        for part in 0..<Self.partCount {
            unsafe (parts + part).initialize(to: Part(entries: Self.allocate(capacity), capacity: capacity, count: 0))
        }
    }

    deinit {
        for part in 0..<Self.partCount { unsafe parts[part].entries.deallocate() }
        unsafe parts.deallocate()
    }

    /// The id's slot; nil if there is none.
    @inline(__always)
    func slot(_ key: RowKey) -> Int? {
        let hash = hash(key.high, key.low)
        let part = unsafe parts[Int(hash >> (64 - UInt64(Self.partBits)))]
        var index = Self.home(hash, part.capacity)
        while true {
            let entry = unsafe part.entries[index]
            if entry.slot == Entry.free { return nil }
            if entry.high == key.high && entry.low == key.low { return Int(entry.slot) }
            index = index + 1 == part.capacity ? 0 : index + 1
        }
    }

    /// Puts the id where it is now, or takes it out: nil.
    func set(_ key: RowKey, _ slot: Int?) {
        let hash = hash(key.high, key.low)
        let number = Int(hash >> (64 - UInt64(Self.partBits)))
        if let slot {
            insert(Entry(high: key.high, low: key.low, slot: UInt32(slot)), hash, number)
        } else {
            remove(key, hash, number)
        }
    }

    /// The first slot beyond all that it names. O(rows).
    var slotsEnd: Int {
        var end = 0
        for number in 0..<Self.partCount {
            let part = unsafe parts[number]
            for index in 0..<part.capacity where unsafe part.entries[index].slot != Entry.free {
                unsafe end = max(end, Int(part.entries[index].slot) + 1)
            }
        }
        return end
    }

    // MARK: Inside

    @inline(__always)
    private func hash(_ high: UInt64, _ low: UInt32) -> UInt64 {
        let product = (high ^ seed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15 ^ UInt64(low))
        return product.high ^ product.low
    }

    /// Where an id's search begins: its hash, but for the bits that chose the part, scaled to the capacity.
    private static func home(_ hash: UInt64, _ capacity: Int) -> Int {
        Int((hash << UInt64(partBits)).multipliedFullWidth(by: UInt64(capacity)).high)
    }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Entry> {
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        unsafe entries.initialize(repeating: Entry(high: 0, low: 0, slot: Entry.free), count: capacity)
        return unsafe entries
    }

    /// Five sevenths full with so many rows: a fifth more fit until the part grows.
    private static func capacity(for rows: Int) -> Int { max(smallest, rows * 7 / 5) }

    private func insert(_ entry: Entry, _ hash: UInt64, _ number: Int) {
        let part = unsafe parts[number]
        var index = Self.home(hash, part.capacity)
        while unsafe part.entries[index].slot != Entry.free {
            if unsafe part.entries[index].high == entry.high && part.entries[index].low == entry.low {
                unsafe part.entries[index].slot = entry.slot
                return
            }
            index = index + 1 == part.capacity ? 0 : index + 1
        }
        unsafe part.entries[index] = entry
        unsafe parts[number].count += 1
        count += 1
        if unsafe parts[number].count * 8 > part.capacity * 7 { resize(number) }
    }

    /// Moves what comes after the gap into it, where that lets it be found still.
    private func remove(_ key: RowKey, _ hash: UInt64, _ number: Int) {
        let part = unsafe parts[number]
        func next(_ index: Int) -> Int { index + 1 == part.capacity ? 0 : index + 1 }
        var gap = Self.home(hash, part.capacity)
        while unsafe part.entries[gap].high != key.high || part.entries[gap].low != key.low {
            if unsafe part.entries[gap].slot == Entry.free { return }
            gap = next(gap)
        }
        if unsafe part.entries[gap].slot == Entry.free { return }
        var index = next(gap)
        while unsafe part.entries[index].slot != Entry.free {
            let entry = unsafe part.entries[index]
            let home = Self.home(self.hash(entry.high, entry.low), part.capacity)
            let distance = { (from: Int, to: Int) in to >= from ? to - from : to - from + part.capacity }
            if distance(home, index) >= distance(gap, index) {
                unsafe part.entries[gap] = entry
                gap = index
            }
            index = next(index)
        }
        unsafe part.entries[gap].slot = Entry.free
        unsafe parts[number].count -= 1
        count -= 1
        if unsafe parts[number].count * 2 < part.capacity && part.capacity > Self.smallest { resize(number) }
    }

    private func resize(_ number: Int) {
        let old = unsafe parts[number]
        let capacity = Self.capacity(for: old.count)
        unsafe parts[number] = Part(entries: Self.allocate(capacity), capacity: capacity, count: old.count)
        let part = unsafe parts[number]
        for index in 0..<old.capacity where unsafe old.entries[index].slot != Entry.free {
            let entry = unsafe old.entries[index]
            var place = Self.home(hash(entry.high, entry.low), capacity)
            while unsafe part.entries[place].slot != Entry.free { place = place + 1 == capacity ? 0 : place + 1 }
            unsafe part.entries[place] = entry
        }
        unsafe old.entries.deallocate()
    }
}
