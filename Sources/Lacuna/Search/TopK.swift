/// The `limit` nearest candidates so far: a binary heap with the farthest of them at the root.
struct TopK {
    struct Candidate {
        let distance: Double
        /// The row's place in the ``LiveRows`` that are searched.
        let row: Int
    }

    private let limit: Int
    private let rows: LiveRows
    private var heap: [Candidate] = []

    init(limit: Int, rows: LiveRows) {
        self.limit = limit
        self.rows = rows
    }

    /// Whether `left` ranks after `right`: farther, or as far with a higher id.
    private func ranksAfter(_ left: Candidate, _ right: Candidate) -> Bool {
        if left.distance != right.distance { return left.distance > right.distance }
        return SQLValue.idPrecedes(rows.ids[right.row], rows.ids[left.row])
    }

    mutating func insert(_ candidate: Candidate) {
        if heap.count < limit {
            heap.append(candidate)
            siftUp(heap.count - 1)
        } else if let farthest = heap.first, candidate.distance <= farthest.distance, ranksAfter(farthest, candidate) {
            heap[0] = candidate
            siftDown()
        }
    }

    /// The candidates, nearest first.
    var ranked: [Candidate] { heap.sorted { ranksAfter($1, $0) } }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard ranksAfter(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var farthest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && ranksAfter(heap[child], heap[farthest]) {
                farthest = child
            }
            if farthest == parent { return }
            heap.swapAt(parent, farthest)
            parent = farthest
        }
    }
}
