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
    /// Nil if the store has no codes that help.
    private let coded: CodedScan?
    private let isCancelled: @Sendable () -> Bool
    private let report: Guarded<SearchReport>

    init(
        _ snapshot: Snapshot,
        _ rows: SearchedRows,
        _ queries: [[Float]],
        _ codes: CodesMemory.Codes?,
        _ report: Guarded<SearchReport>
    ) {
        self.report = report
        view = snapshot.rows
        isCancelled = snapshot.isCancelled
        self.rows = rows
        self.queries = Queries(snapshot.record.metric, view.file.layout, queries)
        coded = codes.flatMap { CodedScan(queries, $0) }
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
    /// The same in slots, if rows are compared by their codes.
    private static let bridgedSlots = 7
    /// Fewer neighbouring rows aren't compared by their codes, which lie in blocks of 16 rows.
    private static let leastCodedSlots = 16
    /// If the distances of more than one row in this many must be computed in a tile, its codes didn't help. If that is
    /// so in some tiles, one after the other, the rows of the next tiles are compared themselves.
    private static let rowsPerDistance = 4

    /// What a thread has found, and its own tools.
    private struct Work {
        var tops: [TopK]
        /// What the thread has done.
        var done = SearchReport()
        let candidates = CodedCandidates(queries: Scan.callQueries)
        /// The number of tiles, one after the other, in which codes didn't help.
        var failures = 0
        /// The number of next tiles in which rows aren't compared by their codes.
        var skipped = 0

        /// After each failure more tiles are skipped: 0, 2, 6, then always 14.
        mutating func note(isHelpful: Bool) {
            failures = isHelpful ? 0 : min(failures + 1, 4)
            skipped = max(0, (1 << failures) - 2)
        }
    }

    /// The `limit` nearest rows of each query within the bounds.
    func run(limit: Int, _ bounds: RankBounds, threads: Int) throws(VectorStoreError) -> [TopK] {
        let none = [TopK](repeating: TopK(limit: limit, bounds), count: queries.count)
        if limit == 0 { return none }
        // A task knows only on its own thread that it was cancelled, and another thread may take all pieces.
        if isCancelled() { throw Self.cancelled }
        let tile = coded == nil ? 1 : CodesLayout.tileSlots
        let pieceSlots = max(1, Self.pieceBytes / Int(view.file.stride) / tile) * tile
        let pieces = (view.end.number + pieceSlots - 1) / pieceSlots
        let nextPiece = Atomic(0)
        let outcome = Guarded<Result<[TopK], VectorStoreError>>(.success(none))
        let start = ContinuousClock.now
        let threads = max(1, min(threads, pieces))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            let mine = Result { () throws(VectorStoreError) in
                var work = Work(tops: none)
                defer { report.withLock { $0.add(work.done) } }
                while case let piece = nextPiece.add(1, ordering: .relaxed).oldValue, piece < pieces {
                    if isCancelled() {
                        nextPiece.store(pieces, ordering: .relaxed)
                        throw Self.cancelled
                    }
                    let end = min(view.end.number, (piece + 1) * pieceSlots)
                    try scan(Slot(piece * pieceSlots)..<Slot(end), &work)
                }
                return work.tops
            }
            outcome.withLock { outcome in
                outcome = Result { () throws(VectorStoreError) in
                    var all = try outcome.get()
                    for (index, top) in try mine.get().enumerated() { try all[index].merge(top, rows) }
                    return all
                }
            }
        }
        report.withLock { report in
            report.passes += 1
            report.threads = max(report.threads, threads)
            report.scanDuration += .now - start
        }
        return try outcome.withLock { $0 }.get()
    }

    private static var cancelled: VectorStoreError {
        VectorStoreError(.cancelled, "the search was cancelled before its end")
    }

    private func scan(_ slots: Range<Slot>, _ work: inout Work) throws(VectorStoreError) {
        try unsafe view.forEachPiece(of: slots) { piece, base throws(VectorStoreError) in
            guard let coded, piece.lowerBound < coded.end else {
                return try unsafe scanRows(piece, base, &work)
            }
            try rows.forEachStretch(in: piece, bridging: Self.bridgedSlots) { stretch throws(VectorStoreError) in
                var rest = stretch
                while !rest.isEmpty {
                    let tile = rest.prefix(CodesLayout.tileSlots - rest.lowerBound.number % CodesLayout.tileSlots)
                    rest = rest.dropFirst(tile.count)
                    let first = unsafe base + piece.lowerBound.distance(to: tile.lowerBound) * Int(view.file.stride)
                    if work.skipped > 0 || tile.count < Self.leastCodedSlots || tile.upperBound > coded.end {
                        work.skipped = max(0, work.skipped - 1)
                        try unsafe scanRows(tile, first, &work)
                    } else {
                        try unsafe scanCodes(coded, tile, first, &work)
                    }
                }
            }
        }
    }

    /// Scans rows, the first of which lies at `base`.
    private func scanRows(
        _ slots: Range<Slot>,
        _ base: UnsafeRawPointer,
        _ work: inout Work
    ) throws(VectorStoreError) {
        let rowBytes = Int(view.file.stride)
        let blockSlots = min(max(1, Self.blockBytes / rowBytes), LACUNA_MOST_ROWS)
        try rows.forEachStretch(in: slots, bridging: Self.bridgedBytes / rowBytes) { stretch throws(VectorStoreError) in
            var rest = stretch
            while !rest.isEmpty {
                let block = rest.prefix(blockSlots)
                let first = unsafe base + slots.lowerBound.distance(to: block.lowerBound) * rowBytes
                work.done.scannedRows += block.count
                work.done.readBytes += Int64(block.count * rowBytes)
                for some in groups { try unsafe search(block, first, some, &work) }
                rest = rest.dropFirst(block.count)
            }
        }
    }

    /// The queries, in groups that are compared at a time.
    private var groups: some Sequence<Range<Int>> {
        Swift.stride(from: 0, to: queries.count, by: Self.callQueries).lazy.map { first in
            first..<min(queries.count, first + Self.callQueries)
        }
    }

    /// Scans the rows of a tile, the first of which lies at `first`, by their codes.
    private func scanCodes(
        _ coded: CodedScan,
        _ tile: Range<Slot>,
        _ first: UnsafeRawPointer,
        _ work: inout Work
    ) throws(VectorStoreError) {
        let before = work.done.computedDistances
        for some in groups {
            let limits = some.map { coded.limit($0, work.tops[$0].farthest) }
            guard coded.find(in: tile, some, limits, work.candidates) else {
                return try unsafe scanRows(tile, first, &work)
            }
            for query in some where work.candidates.count(query - some.lowerBound) > 0 {
                let left = try coded.insert(work.candidates, in: tile, some, query, into: &work.tops[query], rows) {
                    slot in
                    let row = unsafe first + tile.lowerBound.distance(to: slot) * Int(view.file.stride)
                    return unsafe queries.distance(query, row)
                }
                work.done.add(left)
                work.done.readBytes += Int64(left.computedDistances) * view.file.stride
            }
        }
        work.done.codedRows += tile.count
        work.done.readBytes += coded.firstLevelBytes(of: tile)
        let distances = work.done.computedDistances - before
        work.note(isHelpful: distances <= tile.count * queries.count / Self.rowsPerDistance)
    }

    /// Searches one block for the nearest rows of some queries.
    private func search(
        _ block: Range<Slot>,
        _ first: UnsafeRawPointer,
        _ some: Range<Int>,
        _ work: inout Work
    ) throws(VectorStoreError) {
        let candidates = unsafe queries.candidates(first, block.count, some, limits: work.tops[some].map(\.farthest))
        var rest = candidates[...]
        while let query = rest.first?.query {
            var ofQuery = rest.prefix { $0.query == query }
            rest = rest.dropFirst(ofQuery.count)
            let query = some.lowerBound + Int(query)
            // The nearest come first, because they exclude most of the others.
            if ofQuery.count > work.tops[query].limit { ofQuery.sort { $0.bound < $1.bound } }
            for candidate in ofQuery where candidate.bound <= work.tops[query].farthest {
                let slot = block.lowerBound.advanced(by: Int(candidate.row))
                if !rows.contains(slot) { continue }
                let row = unsafe first + Int(candidate.row) * Int(view.file.stride)
                let distance = unsafe queries.distance(query, row)
                work.done.computedDistances += 1
                try work.tops[query].insert(TopK.Candidate(distance: distance, slot: slot), rows)
            }
        }
    }
}

/// The queries of a search, in the form that the kernels read.
private struct Queries: Sendable {
    private let metric: lacuna_metric
    private let layout: RowLayout
    private let values: [Float]
    private let squares: [Double]

    init(_ metric: DistanceMetric, _ layout: RowLayout, _ queries: [[Float]]) {
        self.metric = metric.kernel
        self.layout = layout
        values = Array(queries.joined())
        squares = queries.map { unsafe lacuna_square($0, $0.count) }
    }

    var count: Int { squares.count }
    private var dimension: Int { layout.dimension }

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
                    sum_error: LACUNA_SUM_ERROR,
                    element: layout.element.kernel
                )
                return unsafe [lacuna_candidate](unsafeUninitializedCapacity: some.count * count) { buffer, found in
                    unsafe found = lacuna_candidates(
                        &queries,
                        rows,
                        Int(layout.stride),
                        count,
                        limits,
                        buffer.baseAddress
                    )
                }
            }
        }
    }

    func distance(_ query: Int, _ row: UnsafeRawPointer) -> Double {
        unsafe values[query * dimension..<(query + 1) * dimension].withUnsafeBufferPointer { values in
            unsafe lacuna_distance(metric, values.baseAddress, squares[query], layout.element.kernel, row, dimension)
        }
    }
}
