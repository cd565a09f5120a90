import CLacunaVectorKernels

/// Queries in the form in which codes are compared with them.
///
/// `@unchecked Sendable`: nothing changes after `init`, and `encoded` points into `bytes`; only `deinit` releases both.
@safe
final class CodedQueries: @unchecked Sendable {
    let coder: Coder
    private let bytes: UnsafeMutablePointer<Int8>
    private let encoded: UnsafeMutableBufferPointer<lacuna_coded_query>

    init(_ queries: [[Float]], _ coder: Coder) {
        self.coder = coder
        let count = unsafe lacuna_query_code_bytes(coder.inC)
        unsafe bytes = .allocate(capacity: count * queries.count)
        unsafe encoded = .allocate(capacity: queries.count)
        var work = [Double](repeating: 0, count: coder.dimension + coder.components)
        for (index, query) in queries.enumerated() {
            let code = unsafe lacuna_encode_query(coder.inC, query, bytes + index * count, &work)
            unsafe encoded.initializeElement(at: index, to: code)
        }
    }

    deinit {
        unsafe encoded.deallocate()
        unsafe bytes.deallocate()
    }

    /// Whether codes say something about each query.
    var areCoded: Bool { unsafe encoded.allSatisfy { unsafe $0.is_coded } }

    /// The least score of rows that may be within a distance of a query; −infinity if nothing is known.
    func limit(_ query: Int, _ distance: Double) -> Float {
        unsafe lacuna_score_limit(coder.inC, &encoded[query], distance)
    }

    /// Finds the rows of at most 16 blocks that may reach the queries' limits by the first level.
    @unsafe
    func find(
        in blocks: UnsafeRawBufferPointer,
        _ count: Int,
        _ some: Range<Int>,
        _ limits: [Float],
        _ candidates: CodedCandidates
    ) {
        unsafe lacuna_coded_candidates(
            coder.inC,
            UnsafeBufferPointer(rebasing: encoded[some]).baseAddress,
            some.count,
            limits,
            blocks.baseAddress,
            count,
            candidates.all.baseAddress,
            candidates.counts.baseAddress
        )
    }

    /// Moves those candidates of one query to the front that may reach its limit by the second level, and returns their
    /// number. `tiles` begins with the tile of the candidates' row 0.
    @unsafe
    func refine(
        _ candidates: UnsafeMutableBufferPointer<lacuna_coded_candidate>,
        _ query: Int,
        _ limit: Float,
        _ tiles: CodedTiles
    ) -> Int {
        unsafe lacuna_refine_candidates(
            coder.inC,
            &encoded[query],
            limit,
            tiles.blocks,
            tiles.secondLevel,
            tiles.tileBytes,
            candidates.baseAddress,
            candidates.count
        )
    }
}

/// Memory for the candidates among some blocks, query by query. One thread uses it for one group of blocks after the
/// other.
@safe
final class CodedCandidates {
    fileprivate let all: UnsafeMutableBufferPointer<lacuna_coded_candidate>
    fileprivate let counts: UnsafeMutableBufferPointer<Int>

    /// - Parameter queries: The most queries that are compared at a time.
    init(queries: Int) {
        unsafe all = .allocate(capacity: queries * LACUNA_MOST_CODED_CANDIDATES)
        unsafe counts = .allocate(capacity: queries)
        unsafe counts.initialize(repeating: 0)
    }

    deinit {
        unsafe all.deallocate()
        unsafe counts.deallocate()
    }

    /// The number of candidates of the query at a place.
    func count(_ place: Int) -> Int { unsafe counts[place] }

    /// The candidates of the query at a place.
    @unsafe
    func ofQuery(_ place: Int) -> Slice<UnsafeMutableBufferPointer<lacuna_coded_candidate>> {
        let first = place * LACUNA_MOST_CODED_CANDIDATES
        return unsafe all[first..<first + counts[place]]
    }
}
