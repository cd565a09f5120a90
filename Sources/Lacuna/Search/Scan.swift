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
    private let isCancelled: ReadCancellation
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
    /// The most bytes at the beginning of a block that are fetched while the block before is searched.
    private static let prefetchedBytes = 4_096
    /// Fewer neighbouring rows aren't compared by their codes, which lie in blocks of 16 rows.
    private static let leastCodedSlots = 16
    /// The most tiles that are compared by their codes before the distances of the best rows are computed.
    private static let chunkTiles = 64
    /// Codes help if they exclude enough rows for all but one in this many of the queries: a single query that they don't
    /// help must not slow down the others.
    private static let queriesPerFailure = 4
    /// The most bytes of the rows in a chunk, since all of them may have to be read before the search can be cancelled.
    private static let chunkBytes = 32 << 20

    /// What a thread has found, and its own tools.
    private struct Work<Top: NearestRows> {
        var tops: [Top]
        /// What the thread has done.
        var done = SearchReport()
        /// Nil if rows aren't compared by their codes.
        var candidates: ChunkCandidates?
        /// The number of pieces, one after the other, in which codes didn't help.
        var failures = 0
        /// The number of next pieces in which rows aren't compared by their codes.
        var skipped = 0

        /// After each failure more pieces are skipped: 1, 3, 7, then always 15.
        mutating func note(isHelpful: Bool) {
            failures = isHelpful ? 0 : min(failures + 1, 4)
            skipped = (1 << failures) - 1
        }
    }

    /// The nearest rows of each query.
    ///
    /// - Parameter top: An empty set of the nearest rows of one query.
    func run<Top: NearestRows>(_ top: Top, threads: Int) throws(VectorStoreError) -> [Top] {
        let none = [Top](repeating: top, count: queries.count)
        if top.limit == 0 { return none }
        // A task knows only on its own thread that it was cancelled, and another thread may take all pieces.
        if isCancelled() { throw Self.cancelled }
        let pieceSlots = pieceSlots(threads)
        let pieces = (view.end.number + pieceSlots - 1) / pieceSlots
        let nextPiece = Atomic(0)
        let outcome = Guarded<Result<[Top], VectorStoreError>>(.success(none))
        let start = ContinuousClock.now
        let threads = max(1, min(threads, pieces))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            let mine = Result { () throws(VectorStoreError) in
                var work = Work(tops: none)
                if coded != nil {
                    work.candidates = ChunkCandidates(queries: min(Self.callQueries, queries.count), slots: pieceSlots)
                }
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

    /// The slots that a thread takes at a time.
    private func pieceSlots(_ threads: Int) -> Int {
        let tile = CodesLayout.tileSlots
        guard coded != nil else { return max(1, Self.pieceBytes / Int(view.file.stride)) }
        // Each thread has two pieces at least.
        let most = min(view.end.number / 2 / threads, Self.chunkBytes / Int(view.file.stride)) / tile
        return max(1, min(Self.chunkTiles, most)) * tile
    }

    private static var cancelled: VectorStoreError {
        VectorStoreError(.cancelled, "the search was cancelled before its end")
    }

    private func scan<Top: NearestRows>(_ slots: Range<Slot>, _ work: inout Work<Top>) throws(VectorStoreError) {
        let isSkipped = work.skipped > 0
        work.skipped = max(0, work.skipped - 1)
        try unsafe view.forEachPiece(of: slots) { piece, base throws(VectorStoreError) in
            let memory = unsafe RowsInMemory(base: base, first: piece.lowerBound, stride: Int(view.file.stride))
            guard let coded, let candidates = work.candidates, piece.lowerBound < coded.end, !isSkipped else {
                return try unsafe scanRows(piece, memory, groups, &work)
            }
            var tiles: [Range<Slot>] = []
            try rows.forEachStretch(in: piece, bridging: Self.bridgedSlots) { stretch throws(VectorStoreError) in
                var rest = stretch
                while !rest.isEmpty {
                    let tile = rest.prefix(CodesLayout.tileSlots - rest.lowerBound.number % CodesLayout.tileSlots)
                    rest = rest.dropFirst(tile.count)
                    if tile.count >= Self.leastCodedSlots, tile.upperBound <= coded.end, coded.isSound(tile) {
                        tiles.append(tile)
                    } else {
                        try unsafe scanRows(tile, memory, groups, &work)
                    }
                }
            }
            if !tiles.isEmpty { try unsafe scanCodes(coded, tiles, candidates, memory, &work) }
        }
    }

    /// Scans rows for some groups of queries.
    private func scanRows<Top: NearestRows>(
        _ slots: Range<Slot>,
        _ memory: RowsInMemory,
        _ groups: [Range<Int>],
        _ work: inout Work<Top>
    ) throws(VectorStoreError) {
        let rowBytes = unsafe memory.stride
        let blockSlots = min(max(1, Self.blockBytes / rowBytes), LACUNA_MOST_ROWS)
        /// The block before the one that was found last. While it is searched, the CPU fetches that one.
        var waiting = slots.lowerBound..<slots.lowerBound
        func search(_ block: Range<Slot>) throws(VectorStoreError) {
            if block.isEmpty { return }
            work.done.scannedRows += block.count
            work.done.readBytes += Int64(block.count * rowBytes)
            for some in groups { try unsafe self.search(block, memory.row(block.lowerBound), some, &work) }
        }
        try rows.forEachStretch(in: slots, bridging: Self.bridgedBytes / rowBytes) { stretch throws(VectorStoreError) in
            var rest = stretch
            while !rest.isEmpty {
                let block = rest.prefix(blockSlots)
                let bytes = min(block.count * rowBytes, Self.prefetchedBytes)
                unsafe lacuna_prefetch(memory.row(block.lowerBound), bytes)
                try search(waiting)
                waiting = block
                rest = rest.dropFirst(block.count)
            }
        }
        try search(waiting)
    }

    /// The queries, in groups that are compared at a time.
    private var groups: [Range<Int>] {
        Swift.stride(from: 0, to: queries.count, by: Self.callQueries).map { first in
            first..<min(queries.count, first + Self.callQueries)
        }
    }

    /// Scans the rows of some tiles by their codes, which are sound.
    private func scanCodes<Top: NearestRows>(
        _ coded: CodedScan,
        _ tiles: [Range<Slot>],
        _ candidates: ChunkCandidates,
        _ memory: RowsInMemory,
        _ work: inout Work<Top>
    ) throws(VectorStoreError) {
        let count = tiles.reduce(0) { $0 + $1.count }
        var failures = 0
        for some in groups {
            let limits = some.map { coded.limit($0, work.tops[$0].farthest) }
            candidates.begin(at: tiles[0].lowerBound)
            for tile in tiles { coded.find(in: tile, some, limits, candidates) }
            for query in some where candidates.count(query - some.lowerBound) > 0 {
                let before = work.tops[query]
                let done = try coded.insert(candidates, among: count, some, query, into: &work.tops[query], rows) {
                    slot in unsafe queries.distance(query, memory.row(slot))
                }
                if let done {
                    work.done.add(done)
                    work.done.readBytes += Int64(done.computedDistances) * view.file.stride
                    continue
                }
                failures += 1
                work.tops[query] = before
                for tile in tiles { try unsafe scanRows(tile, memory, [query..<query + 1], &work) }
            }
            if isCancelled() { throw Self.cancelled }
        }
        work.done.codedRows += count
        work.done.readBytes += tiles.reduce(0) { $0 + coded.firstLevelBytes(of: $1) }
        work.note(isHelpful: failures * Self.queriesPerFailure <= queries.count)
    }

    /// Searches one block for the nearest rows of some queries.
    private func search<Top: NearestRows>(
        _ block: Range<Slot>,
        _ first: UnsafeRawPointer,
        _ some: Range<Int>,
        _ work: inout Work<Top>
    ) throws(VectorStoreError) {
        if block.count == 1, let query = some.first, some.count == 1 {
            // A single distance costs less than the search for candidates.
            if !rows.contains(block.lowerBound) { return }
            let distance = unsafe queries.distance(query, first)
            work.done.computedDistances += 1
            return try work.tops[query].insert(Candidate(distance: distance, slot: block.lowerBound), rows)
        }
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
                try work.tops[query].insert(Candidate(distance: distance, slot: slot), rows)
            }
        }
    }
}

/// Neighbouring rows in memory.
@unsafe
private struct RowsInMemory {
    let base: UnsafeRawPointer
    let first: Slot
    let stride: Int

    func row(_ slot: Slot) -> UnsafeRawPointer { unsafe base + first.distance(to: slot) * stride }
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
