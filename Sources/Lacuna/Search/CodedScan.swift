import CLacunaVectorKernels

/// The part of a scan that compares rows by their codes.
struct CodedScan: Sendable {
    private let codes: CodesMemory.Codes
    private let queries: CodedQueries

    /// The number of rows whose second level is read before the limit is looked at again.
    private static let batch = 16
    /// In each round, one in this many of the candidates is compared by the second level: those with the best scores.
    private static let rounds = 4
    /// The number of candidates that show whether the second level helps, if the first doesn't.
    private static let sample = 64
    /// Codes help if they leave at most one row in this many.
    private static let rowsPerCandidate = 4

    /// Nil if the codes say nothing about one of the queries.
    init?(_ queries: [[Float]], _ codes: CodesMemory.Codes) {
        self.codes = codes
        self.queries = CodedQueries(queries, codes.file.coder)
        if !self.queries.areCoded { return nil }
    }

    /// The slot after the last one with codes.
    var end: Slot { codes.end }

    func limit(_ query: Int, _ distance: Double) -> Float { queries.limit(query, distance) }

    /// The number of blocks with the rows of a tile.
    private func blocks(of tile: Range<Slot>) -> Int {
        let end = (tile.upperBound.number + Coder.blockRows - 1) / Coder.blockRows
        return end - tile.lowerBound.number / Coder.blockRows
    }

    /// The bytes of the first level of these blocks.
    func firstLevelBytes(of tile: Range<Slot>) -> Int64 { Int64(blocks(of: tile) * queries.coder.blockBytes) }

    func isSound(_ tile: Range<Slot>) -> Bool {
        unsafe codes.file.tile(codes.file.layout.tile(of: tile.lowerBound)) != nil
    }

    /// Adds the rows of a sound tile that may reach limits by the first level to the candidates.
    func find(in tile: Range<Slot>, _ some: Range<Int>, _ limits: [Float], _ candidates: ChunkCandidates) {
        let layout = codes.file.layout
        guard let codes = unsafe codes.file.tile(layout.tile(of: tile.lowerBound)) else { return }
        let first = unsafe UnsafeRawBufferPointer(rebasing: codes[layout.block(of: tile.lowerBound)...])
        unsafe queries.find(in: first, blocks(of: tile), some, limits, candidates.ofTile)
        candidates.addTile(tile, some.count)
    }

    /// Adds the candidates that are near enough to the nearest rows of one of the queries. Returns a report with the rows
    /// that each level has left, and the bytes of codes that were read; nil if the codes exclude so few rows that
    /// comparing all rows costs less. Then some may have been added.
    ///
    /// The rows with the best scores come first. They bring the farthest distance down, which excludes most others.
    ///
    /// - Parameter count: The number of rows among which the candidates were found.
    func insert(
        _ candidates: ChunkCandidates,
        among count: Int,
        _ some: Range<Int>,
        _ query: Int,
        into top: inout some NearestRows,
        _ rows: SearchedRows,
        distance: (Slot) -> Double
    ) throws(VectorStoreError) -> SearchReport? {
        var rest = unsafe candidates.ofQuery(query - some.lowerBound)
        var done = SearchReport()
        // Rows of earlier pages have good scores, but aren't added; so more may be needed.
        var wanted = top.limit
        while top.farthest == .infinity, !rest.isEmpty {
            let best = min(wanted, rest.count)
            unsafe lacuna_best_candidates(rest.baseAddress, rest.count, best)
            try unsafe insert(rest.part(0..<best), candidates.origin, into: &top, rows, &done, distance)
            unsafe rest = rest.part(best..<rest.count)
            wanted = 2 * best
        }
        unsafe rest = drop(rest, query, top)
        if rest.count > count / Self.rowsPerCandidate, unsafe !isHelpful(rest, query, top, candidates.origin) {
            return nil
        }
        while !rest.isEmpty {
            let best = min(rest.count, max(Self.batch, rest.count / Self.rounds))
            unsafe lacuna_best_candidates(rest.baseAddress, rest.count, best)
            for first in stride(from: 0, to: best, by: Self.batch) {
                let batch = unsafe drop(rest.part(first..<min(first + Self.batch, best)), query, top)
                let kept = unsafe refine(batch, query, top, candidates.origin)
                done.note(batch.count, kept.count, queries.coder.secondLevelBytes)
                try unsafe insert(kept, candidates.origin, into: &top, rows, &done, distance)
            }
            unsafe rest = drop(rest.part(best..<rest.count), query, top)
        }
        return done
    }

    /// The candidates that may still be near enough.
    @unsafe
    private func drop(_ found: CandidateBuffer, _ query: Int, _ top: some NearestRows) -> CandidateBuffer {
        let limit = queries.limit(query, top.farthest)
        return unsafe found.part(0..<lacuna_drop_candidates(limit, found.baseAddress, found.count))
    }

    /// Whether the second level excludes enough, judged by some of the candidates.
    @unsafe
    private func isHelpful(_ found: CandidateBuffer, _ query: Int, _ top: some NearestRows, _ origin: Slot) -> Bool {
        var sample = (0..<Self.sample).map { unsafe found[$0 * found.count / Self.sample] }
        return unsafe sample.withUnsafeMutableBufferPointer { sample in
            unsafe refine(sample, query, top, origin).count <= Self.sample / Self.rowsPerCandidate
        }
    }

    /// Computes the distances of candidates, and adds those that are near enough.
    @unsafe
    private func insert(
        _ candidates: CandidateBuffer,
        _ origin: Slot,
        into top: inout some NearestRows,
        _ rows: SearchedRows,
        _ done: inout SearchReport,
        _ distance: (Slot) -> Double
    ) throws(VectorStoreError) {
        for place in 0..<candidates.count {
            let slot = unsafe origin.advanced(by: Int(candidates[place].row))
            if !rows.contains(slot) { continue }
            done.computedDistances += 1
            try top.insert(Candidate(distance: distance(slot), slot: slot), rows)
        }
    }

    /// The candidates that may reach the limit by the second level too.
    @unsafe
    private func refine(_ found: CandidateBuffer, _ query: Int, _ top: some NearestRows, _ origin: Slot)
        -> CandidateBuffer
    {
        if queries.coder.secondLevelBytes == 0 { return unsafe found }
        let limit = queries.limit(query, top.farthest)
        return unsafe found.part(0..<queries.refine(found, query, limit, codes.file.tiles(from: origin)))
    }
}

typealias CandidateBuffer = UnsafeMutableBufferPointer<lacuna_coded_candidate>

extension CandidateBuffer {
    @unsafe
    fileprivate func part(_ places: Range<Int>) -> CandidateBuffer {
        unsafe UnsafeMutableBufferPointer(rebasing: self[places])
    }
}

extension SearchReport {
    /// Notes the candidates that were found by the first level, and those that the second level has left.
    fileprivate mutating func note(_ first: Int, _ second: Int, _ secondLevelBytes: Int) {
        leftByFirstLevel += first
        leftBySecondLevel += second
        readBytes += Int64(first * secondLevelBytes)
    }
}

/// The candidates among the rows of some tiles, query by query. One thread uses it for one chunk after the other.
@safe
final class ChunkCandidates {
    /// The slot of the candidates' row 0, where a tile begins.
    private(set) var origin = Slot(0)
    fileprivate let ofTile: CodedCandidates
    private let all: CandidateBuffer
    private let slots: Int
    private var counts: [Int]

    /// - Parameters:
    ///   - queries: The most queries that are compared at a time.
    ///   - slots: The most slots of a chunk.
    init(queries: Int, slots: Int) {
        self.slots = slots
        ofTile = CodedCandidates(queries: queries)
        unsafe all = .allocate(capacity: queries * slots)
        counts = Array(repeating: 0, count: queries)
    }

    deinit { unsafe all.deallocate() }

    /// Begins with a chunk. The candidates of earlier ones are gone.
    func begin(at slot: Slot) {
        origin = CodesLayout.tilesEnd(before: slot)
        for place in counts.indices { counts[place] = 0 }
    }

    /// Adds the candidates of a tile. The first block may have rows before the tile's, and the last one rows behind it.
    fileprivate func addTile(_ tile: Range<Slot>, _ queries: Int) {
        let first = Slot(tile.lowerBound.number / Coder.blockRows * Coder.blockRows)
        let offset = origin.distance(to: first)
        let wanted = first.distance(to: tile.lowerBound)..<first.distance(to: tile.upperBound)
        for place in 0..<queries {
            let found = unsafe ofTile.ofQuery(place)
            var count = counts[place]
            for index in unsafe found.indices {
                var candidate = unsafe found[index]
                if !wanted.contains(Int(candidate.row)) { continue }
                candidate.row += UInt32(offset)
                unsafe all[place * slots + count] = candidate
                count += 1
            }
            counts[place] = count
        }
    }

    /// The number of candidates of the query at a place.
    func count(_ place: Int) -> Int { counts[place] }

    @unsafe
    fileprivate func ofQuery(_ place: Int) -> CandidateBuffer {
        unsafe UnsafeMutableBufferPointer(rebasing: all[place * slots..<place * slots + counts[place]])
    }
}
