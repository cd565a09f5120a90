import Lacuna
import Measuring

/// The ids that a store must have: the model with which the store is compared. One thread at a time uses it.
struct Population: Sendable {
    /// The number of rows in a batch while a store is filled, which isn't measured.
    private static let batch = 2_000

    /// Ids whose rows are replaced but never deleted, so that a read always finds a row.
    private(set) var lasting: [Int64] = []
    /// Ids that the load may delete.
    var passing: [Int64] = []
    var nextID: Int64 = 0
    var random: SplitMix

    var live: [Int64] { lasting + passing }

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    /// A new id for a new row.
    mutating func newID() -> Int64 {
        defer { nextID += 1 }
        return nextID
    }

    /// Adds rows until the store has `rows` rows. In an empty store the id is then also the slot.
    mutating func fill(_ store: VectorStore<Int64>, to rows: Int, _ pool: VectorPool) throws {
        var missing = rows - lasting.count - passing.count
        while missing > 0 {
            let added = (0..<min(Self.batch, missing)).map { _ in newID() }
            try store.write { batch in
                for id in added { try batch.put(pool.vector(for: id), for: id) }
            }
            passing += added
            missing -= added.count
        }
    }

    /// Deletes half of the rows at random, and divides the rest: four in five are never deleted later.
    mutating func halve(_ store: VectorStore<Int64>) throws {
        let shuffled = live.shuffled(using: &random)
        let kept = shuffled.dropLast(shuffled.count / 2)
        try Self.delete(shuffled.suffix(shuffled.count / 2), from: store)
        lasting = Array(kept.dropLast(kept.count / 5))
        passing = Array(kept.suffix(kept.count / 5))
    }

    /// Deletes the rows of some ids.
    mutating func delete(_ ids: Set<Int64>, from store: VectorStore<Int64>) throws {
        try Self.delete(ids.sorted()[...], from: store)
        lasting.removeAll { ids.contains($0) }
        passing.removeAll { ids.contains($0) }
    }

    private static func delete(_ ids: ArraySlice<Int64>, from store: VectorStore<Int64>) throws {
        for first in stride(from: ids.startIndex, to: ids.endIndex, by: batch) {
            try store.delete(Array(ids[first..<min(first + batch, ids.endIndex)]))
        }
    }

    /// Whether the store has exactly these ids, each with its own row, and is sound.
    func isWhole(_ store: VectorStore<Int64>, _ pool: VectorPool) throws -> Bool {
        guard try store.ids() == live.sorted(), try store.verify().isSound else { return false }
        var isOwn = true
        try store.forEach { row in isOwn = isOwn && pool.isVector(row.vector, of: row.id) }
        return isOwn
    }
}
