import CLacunaVectorKernels
import Dispatch
import Synchronization

/// Exact k-nearest-neighbour search over one snapshot.
struct Searcher {
    private let snapshot: Snapshot
    private let directory: RowDirectory
    private let ids: RowIDs?
    private let threads: Int

    init(_ snapshot: Snapshot, _ directory: RowDirectory, _ ids: RowIDs?, threads: Int) {
        self.snapshot = snapshot
        self.directory = directory
        self.ids = ids
        self.threads = threads
    }

    /// The nearest rows of each query, nearest first; rows at equal distances in the order of their ids.
    func nearest(_ queries: [[Float]], limit: Int) throws -> [[FoundRow]] {
        if let found = try nearestLive(queries, limit: limit) { return found }
        return try nearest(queries, limit: limit, RowList(snapshot))
    }

    /// The same among some rows.
    func nearest(_ queries: [[Float]], limit: Int, _ list: RowList) throws -> [[FoundRow]] {
        try scan(SearchedRows(list), queries, limit)
    }

    /// The same among the rows of some slots. The table `vectors` names rows in these slots.
    func nearest(
        _ queries: [[Float]],
        limit: Int,
        among slots: SlotBits,
        _ dead: SlotBits
    ) throws -> [[FoundRow]] {
        var live = slots
        live.subtract(dead)
        return try scan(SearchedRows(snapshot, among: live, ids), queries, limit)
    }

    /// The nearest rows of one query. Their ids are looked up when they are needed.
    func candidates(_ query: [Float], limit: Int, except dead: SlotBits) throws -> RankedCandidates {
        let rows = SearchedRows(snapshot, except: dead, ids)
        ids?.missed(snapshot.record, reads: limit)
        let found = try Scan(snapshot, rows, [query]).run(limit: limit, threads: threads)
        return try RankedCandidates(found[0], rows)
    }

    /// Nil if the table `vectors` contradicts the runs and the dead slots, because another program has written to the
    /// index.
    private func nearestLive(_ queries: [[Float]], limit: Int) throws -> [[FoundRow]]? {
        guard let dead = try directory.deadSlots(snapshot) else { return nil }
        if let found = try nearest(queries, limit: limit, except: dead) { return found }
        return try directory.rebuild(snapshot).flatMap { try nearest(queries, limit: limit, except: $0) }
    }

    /// Nil if a row that was found isn't in the slot that the table `vectors` names.
    private func nearest(_ queries: [[Float]], limit: Int, except dead: SlotBits) throws -> [[FoundRow]]? {
        let found: [[FoundRow]]
        do { found = try scan(SearchedRows(snapshot, except: dead, ids), queries, limit) } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
        for row in found.joined() where try snapshot.index.slot(of: row.id, snapshot.record.generation) != row.slot {
            return nil
        }
        return found
    }

    private func scan(_ rows: SearchedRows, _ queries: [[Float]], _ limit: Int) throws(VectorStoreError) -> [[FoundRow]]
    {
        let scan = Scan(snapshot, rows, queries)
        var found = try scan.run(limit: min(limit, Int(snapshot.record.liveRows)), threads: threads)
        var ranked: [[FoundRow]] = []
        for index in found.indices { ranked.append(try found[index].ranked(rows)) }
        return ranked
    }
}

/// One pass over rows for several queries. The result doesn't depend on the number of threads: a row's distance is the same
/// wherever it is computed, and the order of (distance, id) is total.
private struct Scan: Sendable {
    let view: RowView
    let metric: DistanceMetric
    let rows: SearchedRows
    let queries: [[Float]]

    init(_ snapshot: Snapshot, _ rows: SearchedRows, _ queries: [[Float]]) {
        view = snapshot.rows
        metric = snapshot.record.metric
        self.rows = rows
        self.queries = queries
    }

    /// The number of rows whose distances to one query one call of the kernel computes. They stay in the processor's
    /// cache while all queries are compared with them.
    private static let blockRows = 256
    /// The bytes of rows that a thread takes at a time. If there is less than one such piece for a thread, starting it
    /// costs more than it saves.
    private static let pieceBytes = 1 << 20

    func run(limit: Int, threads: Int) throws(VectorStoreError) -> [TopK] {
        if limit == 0 { return queries.map { _ in TopK(limit: 0) } }
        let pieceSlots = max(Self.blockRows, Self.pieceBytes / Int(view.file.stride))
        let pieces = (view.end.number + pieceSlots - 1) / pieceSlots
        let nextPiece = Atomic(0)
        let outcome = Guarded<Result<[TopK], VectorStoreError>>(.success(queries.map { _ in TopK(limit: limit) }))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, pieces))) { _ in
            let mine = Result { () throws(VectorStoreError) in
                var tops = queries.map { _ in TopK(limit: limit) }
                while case let piece = nextPiece.add(1, ordering: .relaxed).oldValue, piece < pieces {
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

    private func scan(_ slots: Range<Slot>, _ tops: inout [TopK]) throws(VectorStoreError) {
        var block = Block(capacity: Self.blockRows)
        try unsafe view.forEachPiece(of: slots) { piece, base throws(VectorStoreError) in
            try rows.forEachRun(in: piece) { run throws(VectorStoreError) in
                var rest = run
                while !rest.isEmpty {
                    let part = rest.prefix(Self.blockRows - block.slots.count)
                    for slot in part {
                        block.add(slot, at: view.file.stride * Int64(piece.lowerBound.distance(to: slot)))
                    }
                    rest = rest.dropFirst(part.count)
                    if block.slots.count == Self.blockRows { try unsafe score(&block, base, &tops) }
                }
            }
            try unsafe score(&block, base, &tops)
        }
    }

    private func score(_ block: inout Block, _ base: UnsafeRawPointer, _ tops: inout [TopK]) throws(VectorStoreError) {
        if block.slots.isEmpty { return }
        for (query, vector) in queries.enumerated() {
            unsafe lacuna_distances(
                metric.kernel,
                vector,
                vector.count,
                base,
                block.offsets,
                block.offsets.count,
                &block.distances
            )
            for (index, slot) in block.slots.enumerated() where tops[query].accepts(block.distances[index]) {
                try tops[query].insert(TopK.Candidate(distance: block.distances[index], slot: slot), rows)
            }
        }
        block.removeAll()
    }

    /// Rows whose distances are computed together. `offsets` are the offsets of their bytes from one place in memory.
    private struct Block {
        private(set) var slots: [Slot] = []
        private(set) var offsets: [Int64] = []
        var distances: [Double]

        init(capacity: Int) {
            slots.reserveCapacity(capacity)
            offsets.reserveCapacity(capacity)
            distances = [Double](repeating: 0, count: capacity)
        }

        mutating func add(_ slot: Slot, at offset: Int64) {
            slots.append(slot)
            offsets.append(offset)
        }

        mutating func removeAll() {
            slots.removeAll(keepingCapacity: true)
            offsets.removeAll(keepingCapacity: true)
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
