import CLacunaVectorKernels
import Dispatch
import Synchronization

/// One pass over rows for several queries.
///
/// Sums in float32 show which rows can be as near as the nearest so far. The distance of such a row is then computed in
/// double, and the row ranks by that distance. So the answer doesn't depend on the kernel, the number of threads, or
/// the other queries.
struct Scan: Sendable {
    private let view: RowView
    private let rows: SearchedRows
    private let queries: Queries
    private let isCancelled: @Sendable () -> Bool

    init(_ snapshot: Snapshot, _ rows: SearchedRows, _ queries: [[Float]]) {
        view = snapshot.rows
        isCancelled = snapshot.isCancelled
        self.rows = rows
        self.queries = Queries(snapshot.record.metric, view.file.layout.dimension, queries)
    }

    /// The bytes of rows that a thread takes at a time. If there is less than one such piece for a thread, starting it
    /// costs more than it saves.
    private static let pieceBytes = 1 << 20
    /// The bytes of a block of rows. A block stays in the cache while all queries are compared with it.
    private static let blockBytes = 1 << 17
    /// The number of queries that one call compares with a block.
    private static let callQueries = 16
    /// Dead slots between live ones are read too if they have at most this many bytes: leaving them out would cost
    /// more.
    private static let bridgedBytes = 2_048

    /// The `limit` nearest rows of each query.
    func run(limit: Int, threads: Int) throws(VectorStoreError) -> [TopK] {
        let none = [TopK](repeating: TopK(limit: limit), count: queries.count)
        if limit == 0 { return none }
        // A task knows only on its own thread that it was cancelled, and another thread may take all pieces.
        if isCancelled() { throw Self.cancelled }
        let pieceSlots = max(1, Self.pieceBytes / Int(view.file.stride))
        let pieces = (view.end.number + pieceSlots - 1) / pieceSlots
        let nextPiece = Atomic(0)
        let outcome = Guarded<Result<[TopK], VectorStoreError>>(.success(none))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, pieces))) { _ in
            let mine = Result { () throws(VectorStoreError) in
                var tops = none
                while case let piece = nextPiece.add(1, ordering: .relaxed).oldValue, piece < pieces {
                    if isCancelled() {
                        nextPiece.store(pieces, ordering: .relaxed)
                        throw Self.cancelled
                    }
                    let end = min(view.end.number, (piece + 1) * pieceSlots)
                    try scan(Slot(piece * pieceSlots)..<Slot(end), &tops)
                }
                return tops
            }
            outcome.withLock { outcome in
                outcome = Result { () throws(VectorStoreError) in
                    var all = try outcome.get()
                    for (index, top) in try mine.get().enumerated() { try all[index].merge(top, rows) }
                    return all
                }
            }
        }
        return try outcome.withLock { $0 }.get()
    }

    private static var cancelled: VectorStoreError {
        VectorStoreError(.cancelled, "the search was cancelled before its end")
    }

    private func scan(_ slots: Range<Slot>, _ tops: inout [TopK]) throws(VectorStoreError) {
        let rowBytes = Int(view.file.stride)
        let blockSlots = min(max(1, Self.blockBytes / rowBytes), LACUNA_MOST_ROWS)
        try unsafe view.forEachPiece(of: slots) { piece, base throws(VectorStoreError) in
            try rows.forEachStretch(in: piece, bridging: Self.bridgedBytes / rowBytes) {
                stretch throws(VectorStoreError) in
                var rest = stretch
                while !rest.isEmpty {
                    let block = rest.prefix(blockSlots)
                    let first = unsafe base + piece.lowerBound.distance(to: block.lowerBound) * rowBytes
                    for some in Swift.stride(from: 0, to: queries.count, by: Self.callQueries) {
                        let some = some..<min(queries.count, some + Self.callQueries)
                        try unsafe search(block, first, some, &tops)
                    }
                    rest = rest.dropFirst(block.count)
                }
            }
        }
    }

    /// Searches one block for the nearest rows of some queries.
    private func search(
        _ block: Range<Slot>,
        _ first: UnsafeRawPointer,
        _ some: Range<Int>,
        _ tops: inout [TopK]
    ) throws(VectorStoreError) {
        let candidates = unsafe queries.candidates(first, block.count, some, limits: tops[some].map(\.farthest))
        var rest = candidates[...]
        while let query = rest.first?.query {
            var ofQuery = rest.prefix { $0.query == query }
            rest = rest.dropFirst(ofQuery.count)
            let query = some.lowerBound + Int(query)
            // The nearest come first, because they exclude most of the others.
            if ofQuery.count > tops[query].limit { ofQuery.sort { $0.bound < $1.bound } }
            for candidate in ofQuery where candidate.bound <= tops[query].farthest {
                let slot = block.lowerBound.advanced(by: Int(candidate.row))
                if !rows.contains(slot) { continue }
                let row = unsafe first + Int(candidate.row) * Int(view.file.stride)
                let distance = unsafe queries.distance(query, row)
                try tops[query].insert(TopK.Candidate(distance: distance, slot: slot), rows)
            }
        }
    }
}

/// The queries of a search, in the form that the kernels read.
private struct Queries: Sendable {
    private let metric: lacuna_metric
    private let dimension: Int
    private let values: [Float]
    private let squares: [Double]

    init(_ metric: DistanceMetric, _ dimension: Int, _ queries: [[Float]]) {
        self.metric = metric.kernel
        self.dimension = dimension
        values = Array(queries.joined())
        squares = queries.map { unsafe lacuna_square($0, $0.count) }
    }

    var count: Int { squares.count }

    /// Of `count` rows in memory, those that may be within the limits of some of the queries. The result is in the
    /// order of queries and rows, both counted from the first.
    func candidates(
        _ rows: UnsafeRawPointer,
        _ count: Int,
        _ some: Range<Int>,
        limits: [Double]
    ) -> [lacuna_candidate] {
        let values = values[some.lowerBound * dimension..<some.upperBound * dimension]
        return unsafe values.withUnsafeBufferPointer { values in
            unsafe squares[some].withUnsafeBufferPointer { squares in
                var queries = unsafe lacuna_queries(
                    metric: metric,
                    dimension: dimension,
                    count: some.count,
                    values: values.baseAddress,
                    squares: squares.baseAddress,
                    sum_error: LACUNA_SUM_ERROR
                )
                return unsafe [lacuna_candidate](unsafeUninitializedCapacity: some.count * count) { buffer, found in
                    unsafe found = lacuna_candidates(
                        &queries,
                        rows,
                        dimension * MemoryLayout<Float>.stride,
                        count,
                        limits,
                        buffer.baseAddress
                    )
                }
            }
        }
    }

    func distance(_ query: Int, _ row: UnsafeRawPointer) -> Double {
        let row = unsafe row.assumingMemoryBound(to: Float.self)
        return unsafe values[query * dimension..<(query + 1) * dimension].withUnsafeBufferPointer { values in
            unsafe lacuna_distance(metric, values.baseAddress, squares[query], row, dimension)
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
