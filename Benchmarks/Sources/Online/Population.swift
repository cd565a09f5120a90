import Lacuna
import Measuring

/// Which ids a store holds, as one thread at a time knows it: the model that the store is compared with.
struct Population: Sendable {
    /// Rows a batch while a store is filled, which nobody measures.
    private static let batch = 2_000

    /// Ids that only get replaced: who reads them always finds a row.
    private(set) var lasting: [Int64] = []
    /// Ids that the load may delete.
    var passing: [Int64] = []
    var nextID: Int64 = 0
    var random: SplitMix

    var live: [Int64] { lasting + passing }

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    /// An id of its own for a new row.
    mutating func newID() -> Int64 {
        defer { nextID += 1 }
        return nextID
    }

    /// Adds rows until the store has so many. In an empty store the id is then the slot as well.
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

    /// Deletes half of the rows at random, and shares the rest out: four in five are there to stay.
    mutating func halve(_ store: VectorStore<Int64>) throws {
        let shuffled = live.shuffled(using: &random)
        let kept = shuffled.dropLast(shuffled.count / 2)
        try Self.delete(shuffled.suffix(shuffled.count / 2), from: store)
        lasting = Array(kept.dropLast(kept.count / 5))
        passing = Array(kept.suffix(kept.count / 5))
    }

    /// Deletes certain rows.
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

    /// Whether the store holds these ids and no others, each with a row of its own, and is sound.
    func isWhole(_ store: VectorStore<Int64>, _ pool: VectorPool) throws -> Bool {
        guard try store.ids() == live.sorted(), try store.verify().isSound else { return false }
        var isOwn = true
        try store.forEach { row in isOwn = isOwn && pool.isVector(row.vector, of: row.id) }
        return isOwn
    }
}
