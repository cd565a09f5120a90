/// A row that a search found.
struct FoundRow {
    let id: SQLValue
    let slot: Slot
    let distance: Double
}

/// A row whose distance was computed.
struct Candidate {
    let distance: Double
    let slot: Slot
}

/// The nearest rows of a query so far, as a scan collects them.
protocol NearestRows: Sendable {
    /// The number of rows that are collected.
    var limit: Int { get }
    /// The largest distance at which a row can be among the nearest. It never grows.
    var farthest: Double { get }
    mutating func insert(_ candidate: Candidate, _ rows: SearchedRows) throws(VectorStoreError)
    /// Adds all rows of another one.
    mutating func merge(_ other: Self, _ rows: SearchedRows) throws(VectorStoreError)
    /// The rows with their ids, nearest first.
    mutating func ranked(_ rows: SearchedRows) throws(VectorStoreError) -> [FoundRow]
}

/// The `limit` nearest rows so far, of those within the bounds. Rows at equal distances rank by their ids. An id is
/// looked up only if the choice or the order of the nearest rows depends on it.
struct TopK: NearestRows {
    let limit: Int
    private let bounds: RankBounds
    /// A binary heap with the farthest at the root.
    private var heap: [Candidate] = []
    /// Rows beyond the limit that are as far as the farthest.
    private var ties: [Slot] = []

    /// If there are more ties, they are decided at once, so that memory stays bounded even if all rows are alike.
    private static let mostTies = 1_024

    init(limit: Int, _ bounds: RankBounds) {
        self.limit = limit
        self.bounds = bounds
    }

    var farthest: Double { heap.count < limit ? bounds.radius : heap[0].distance }

    mutating func insert(_ candidate: Candidate, _ rows: SearchedRows) throws(VectorStoreError) {
        if try bounds.contains(candidate, rows) { try insertWithinBounds(candidate, rows) }
    }

    private mutating func insertWithinBounds(_ candidate: Candidate, _ rows: SearchedRows) throws(VectorStoreError) {
        if heap.count < limit {
            heap.append(candidate)
            siftUp(heap.count - 1)
        } else if candidate.distance < heap[0].distance {
            let last = heap[0]
            heap[0] = candidate
            siftDown()
            if heap[0].distance == last.distance { ties.append(last.slot) } else { ties.removeAll() }
        } else if candidate.distance == heap[0].distance {
            ties.append(candidate.slot)
        }
        if ties.count > Self.mostTies { try decideTies(rows) }
    }

    mutating func merge(_ other: TopK, _ rows: SearchedRows) throws(VectorStoreError) {
        for candidate in other.heap { try insertWithinBounds(candidate, rows) }
        guard let farthest = other.heap.first?.distance else { return }
        for slot in other.ties { try insertWithinBounds(Candidate(distance: farthest, slot: slot), rows) }
    }

    mutating func ranked(_ rows: SearchedRows) throws(VectorStoreError) -> [FoundRow] {
        try rows.ranked(byDistance(rows)[...])
    }

    /// The rows, nearest first; rows at equal distances in any order.
    fileprivate mutating func byDistance(_ rows: SearchedRows) throws(VectorStoreError) -> [Candidate] {
        try decideTies(rows)
        return heap.sorted { $0.distance < $1.distance }
    }

    /// Keeps, of the rows that are as far as the farthest, those with the lowest ids.
    private mutating func decideTies(_ rows: SearchedRows) throws(VectorStoreError) {
        guard let farthest = heap.first?.distance, !ties.isEmpty else { return }
        let kept = heap.filter { $0.distance < farthest }
        let slots = (heap.filter { $0.distance == farthest }.map(\.slot) + ties).sorted()
        let lowest = zip(try rows.ids(of: slots), slots).sorted { SQLValue.idPrecedes($0.0, $1.0) }.prefix(
            limit - kept.count
        )
        heap = lowest.map { Candidate(distance: farthest, slot: $0.1) } + kept
        ties.removeAll(keepingCapacity: true)
        for index in heap.indices { siftUp(index) }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].distance > heap[parent].distance else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while case let left = 2 * parent + 1, left < heap.count {
            let right = left + 1
            let child = right < heap.count && heap[right].distance > heap[left].distance ? right : left
            guard heap[child].distance > heap[parent].distance else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }
}

/// The nearest rows of a query, nearest first. Their ids are looked up when they are needed.
struct RankedCandidates {
    private let candidates: [Candidate]
    private let rows: SearchedRows

    init(_ top: TopK, _ rows: SearchedRows) throws(VectorStoreError) {
        var top = top
        candidates = try top.byDistance(rows)
        self.rows = rows
    }

    var count: Int { candidates.count }

    /// About `count` of the rows from a place on, in order; a few more if distances are equal.
    func rows(from first: Int, count: Int) throws(VectorStoreError) -> [FoundRow] {
        var end = min(candidates.count, first + count)
        while end < candidates.count, candidates[end].distance == candidates[end - 1].distance { end += 1 }
        return try rows.ranked(candidates[first..<end])
    }
}

extension SearchedRows {
    /// Candidates with their ids, nearest first.
    func ranked(_ candidates: ArraySlice<Candidate>) throws(VectorStoreError) -> [FoundRow] {
        let ids = try ids(of: candidates.map(\.slot))
        return zip(ids, candidates).map { FoundRow(id: $0, slot: $1.slot, distance: $1.distance) }.sorted {
            left,
            right in
            left.distance == right.distance
                ? SQLValue.idPrecedes(left.id, right.id) : left.distance < right.distance
        }
    }
}
