import CLacunaVectorKernels
import Dispatch

/// Exact k-nearest-neighbour search over one snapshot.
struct Searcher: Sendable {
    private let view: RowView
    private let metric: DistanceMetric
    private let rows: LiveRows
    private let threads: Int

    /// Rows whose distances to one query are taken in one call of the kernel.
    private static let blockRows = 256
    /// A thread gets at least this many bytes of rows: for less, starting it costs more than it saves.
    private static let bytesPerThread = 1 << 20

    init(
        _ snapshot: Snapshot,
        _ filter: Filter?,
        _ liveRows: SnapshotRows,
        threads: Int
    ) throws {
        view = snapshot.rows
        metric = snapshot.record.metric
        rows = filter == nil ? try liveRows.rows(snapshot) : try LiveRows.load(snapshot, filter)
        let useful = rows.offsets.count * Int(snapshot.record.stride) / Self.bytesPerThread
        self.threads = max(1, min(threads, useful))
    }

    /// The nearest rows of each query, nearest first; equal distances by id. The result doesn't depend on the number of
    /// threads: a row's distance is the same wherever it is computed, and the order of (distance, id) is total.
    func nearest(
        _ queries: [[Float]],
        limit: Int
    ) -> [[(id: SQLValue, distance: Double)]] {
        let count = rows.offsets.count
        let limit = min(limit, count)
        if limit == 0 { return queries.map { _ in [] } }
        let found = Guarded(queries.map { _ in TopK(limit: limit, rows: rows) })
        let threads = threads
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let range = count * thread / threads..<count * (thread + 1) / threads
            let mine = scan(range, queries, limit)
            found.withLock { found in
                for (query, candidates) in mine.enumerated() {
                    for candidate in candidates.ranked { found[query].insert(candidate) }
                }
            }
        }
        return found.withLock { $0 }.map { top in
            top.ranked.map { (rows.ids[$0.row], $0.distance) }
        }
    }

    /// The nearest of the rows in `range`: each block of rows stays in the cache while all queries meet it.
    private func scan(_ range: Range<Int>, _ queries: [[Float]], _ limit: Int) -> [TopK] {
        var tops = queries.map { _ in TopK(limit: limit, rows: rows) }
        var distances = [Double](repeating: 0, count: Self.blockRows)
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + Self.blockRows, range.upperBound)
            unsafe view.forEachSegment(rows.offsets[start..<end]) { base, offsets, baseOffset in
                for (query, vector) in queries.enumerated() {
                    unsafe distance(vector, base, offsets, baseOffset, &distances)
                    for (index, row) in offsets.indices.enumerated() {
                        tops[query].insert(TopK.Candidate(distance: distances[index], row: row))
                    }
                }
            }
            start = end
        }
        return tops
    }

    private func distance(
        _ query: [Float],
        _ base: UnsafeRawPointer,
        _ offsets: ArraySlice<Int64>,
        _ baseOffset: Int64,
        _ distances: inout [Double]
    ) {
        // The kernel wants offsets from its base; the file's offsets count from the file's start.
        let origin = unsafe base - Int(baseOffset)
        unsafe offsets.withUnsafeBufferPointer { offsets in
            unsafe lacuna_distances(
                metric.kernel,
                query,
                query.count,
                origin,
                offsets.baseAddress,
                offsets.count,
                &distances
            )
        }
    }
}

extension DistanceMetric {
    fileprivate var kernel: lacuna_metric {
        switch self {
        case .cosine: LACUNA_COSINE
        case .dot: LACUNA_DOT
        case .euclidean: LACUNA_EUCLIDEAN
        }
    }
}
