import CLacunaVectorKernels

/// The part of a scan that compares rows by their codes.
struct CodedScan: Sendable {
    private let codes: CodesMemory.Codes
    private let queries: CodedQueries

    /// The number of rows whose second level is read before the limit is looked at again.
    private static let batch = 16

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

    /// Finds the rows of a tile that may reach limits by the first level. Returns false if the codes are damaged. Rows
    /// beside those of `tile`, in the same blocks, may be among the candidates.
    func find(
        in tile: Range<Slot>,
        _ some: Range<Int>,
        _ limits: [Float],
        _ candidates: CodedCandidates
    ) -> Bool {
        let layout = codes.file.layout
        guard let codes = unsafe codes.file.tile(layout.tile(of: tile.lowerBound)) else { return false }
        let first = unsafe UnsafeRawBufferPointer(rebasing: codes[layout.block(of: tile.lowerBound)...])
        unsafe queries.find(in: first, blocks(of: tile), some, limits, candidates)
        return true
    }

    /// Adds the rows of the tile that are near enough to the nearest rows of one of the queries. Returns a report with
    /// the rows that each level has left, and the bytes of codes that were read.
    ///
    /// The rows with the best scores come first. They bring the farthest distance down, which excludes most others.
    func insert(
        _ candidates: CodedCandidates,
        in tile: Range<Slot>,
        _ some: Range<Int>,
        _ query: Int,
        into top: inout TopK,
        _ rows: SearchedRows,
        distance: (Slot) -> Double
    ) throws(VectorStoreError) -> SearchReport {
        let first = Slot(tile.lowerBound.number / Coder.blockRows * Coder.blockRows)
        var rest = unsafe candidates.ofQuery(query - some.lowerBound)
        if unsafe rest.count > 1 { unsafe rest.sort { $0.score > $1.score } }
        var farthest = top.farthest
        var limit = queries.limit(query, farthest)
        var done = SearchReport()
        while let best = unsafe rest.first, !(best.score < limit) {
            let batch = unsafe rest.prefix(Self.batch)
            unsafe rest = rest.dropFirst(batch.count)
            let kept = unsafe refine(batch, query, limit, first)
            done.leftByFirstLevel += unsafe batch.count
            done.leftBySecondLevel += kept
            done.readBytes += unsafe Int64(batch.count * queries.coder.secondLevelBytes)
            for place in unsafe batch.startIndex..<batch.startIndex + kept {
                let candidate = unsafe batch[place]
                let slot = first.advanced(by: Int(candidate.row))
                if candidate.score < limit || !tile.contains(slot) || !rows.contains(slot) { continue }
                done.computedDistances += 1
                try top.insert(TopK.Candidate(distance: distance(slot), slot: slot), rows)
                if top.farthest < farthest {
                    farthest = top.farthest
                    limit = queries.limit(query, farthest)
                }
            }
        }
        return done
    }

    /// Moves the candidates to the front that may reach the limit by the second level too, and returns their number.
    @unsafe
    private func refine(
        _ found: Slice<UnsafeMutableBufferPointer<lacuna_coded_candidate>>,
        _ query: Int,
        _ limit: Float,
        _ first: Slot
    ) -> Int {
        let layout = codes.file.layout
        guard queries.coder.secondLevelBytes > 0, let codes = unsafe codes.file.tile(layout.tile(of: first)) else {
            return unsafe found.count
        }
        return unsafe queries.refine(
            found,
            query,
            limit,
            UnsafeRawBufferPointer(rebasing: codes[layout.block(of: first)...]),
            UnsafeRawBufferPointer(rebasing: codes[layout.secondLevel(of: first)...])
        )
    }
}
