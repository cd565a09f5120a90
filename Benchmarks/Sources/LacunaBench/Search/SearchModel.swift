import Measuring

/// A model of a store's contents: vectors, metadata, and the distance of each row to each query. It knows what a search
/// must find, so that each answer can be checked.
struct SearchModel: Sendable {
    struct Neighbour {
        let row: Int
        let distance: Double
    }

    private struct Row {
        /// `n` of the metadata.
        var number: UInt16
        /// `far` of the metadata: whether the row is in the half that is farther from the first query.
        let isFar: Bool
        var isLive = true
    }

    /// `n` of the metadata is below this, at random.
    static let numbers = 10_000
    private static let queryCount = 4
    /// The tolerance: a store sums in float32, and the model in double.
    private static let rounding = 1e-5

    let dimension: Int
    let queries: [[Float]]
    private let median: Double
    private var rows: [Row] = []
    /// The vectors of rows that were put or replaced later. Those of the first rows are drawn again.
    private var laterVectors: [Int: [Float]] = [:]
    /// The distances by query, then by row.
    private var distances: [[Double]]

    init(rows count: Int, dimension: Int) {
        self.dimension = dimension
        queries = (0..<Self.queryCount).map { Self.vector(seed: .max - UInt64($0), dimension) }
        distances = queries.map { _ in [] }
        for row in 0..<count {
            let vector = Self.vector(seed: UInt64(row), dimension)
            for query in queries.indices { distances[query].append(Self.distance(queries[query], vector)) }
        }
        median = distances[0].median
        for row in 0..<count { rows.append(newRow(row)) }
    }

    private func newRow(_ row: Int) -> Row {
        Row(number: Self.drawnNumber(row), isFar: distances[0][row] > median)
    }

    private static func drawnNumber(_ seed: Int) -> UInt16 {
        var random = SplitMix(seed: ~UInt64(seed))
        return UInt16.random(in: 0..<UInt16(numbers), using: &random)
    }

    private static func vector(seed: UInt64, _ dimension: Int) -> [Float] {
        var random = SplitMix(seed: seed)
        return (0..<dimension).map { _ in random.nextFloat() }
    }

    private static func distance(_ query: [Float], _ vector: [Float]) -> Double {
        var square = 0.0
        for index in query.indices {
            let difference = Double(query[index]) - Double(vector[index])
            square += difference * difference
        }
        return square.squareRoot()
    }

    // MARK: Rows

    /// The number of all rows that ever existed.
    var count: Int { rows.count }
    var liveRows: [Int] { rows.indices.filter { rows[$0].isLive } }

    func isLive(_ row: Int) -> Bool { rows[row].isLive }
    func isFar(_ row: Int) -> Bool { rows[row].isFar }
    func number(of row: Int) -> Int { Int(rows[row].number) }

    func vector(of row: Int) -> [Float] { laterVectors[row] ?? Self.vector(seed: UInt64(row), dimension) }

    func metadata(of row: Int) -> String {
        let (number, isFar) = (number(of: row), isFar(row))
        return "{\"n\":\(number),\"section\":\"s\(number % 10)\",\"far\":\(isFar ? 1 : 0)}"
    }

    /// A vector whose distance to a query is `share` times that of the nearest row.
    func vector(near query: Int, _ share: Float) -> [Float] {
        var vector = queries[query]
        vector[0] += share * Float(nearest(to: query, limit: 1).first?.distance ?? 1)
        return vector
    }

    /// - Returns: The new row's number.
    mutating func append(_ vector: [Float]) -> Int {
        let row = rows.count
        for query in queries.indices { distances[query].append(Self.distance(queries[query], vector)) }
        laterVectors[row] = vector
        rows.append(newRow(row))
        return row
    }

    mutating func replace(_ row: Int, with vector: [Float]) {
        for query in queries.indices { distances[query][row] = Self.distance(queries[query], vector) }
        laterVectors[row] = vector
    }

    /// Gives a row other metadata.
    mutating func renumber(_ row: Int) {
        rows[row].number = (rows[row].number + UInt16(Self.numbers / 7)) % UInt16(Self.numbers)
    }

    mutating func delete(_ row: Int) { rows[row].isLive = false }

    // MARK: Searches

    /// The nearest live rows that pass, nearest first.
    func nearest(to query: Int, limit: Int, where filter: SearchFilter? = nil) -> [Neighbour] {
        var found: [Neighbour] = []
        var bound = Double.infinity
        func keepNearest() {
            found.sort { $0.distance < $1.distance }
            found.removeLast(max(0, found.count - limit))
            if found.count == limit { bound = found.last?.distance ?? bound }
        }
        for (row, distance) in distances[query].enumerated()
        where distance < bound && rows[row].isLive && filter?.passes(self, row) ?? true {
            found.append(Neighbour(row: row, distance: distance))
            if found.count >= 2 * limit { keepNearest() }
        }
        keepNearest()
        return found
    }

    /// Throws unless the answer consists of the nearest rows. Rows that float32 can't tell apart may change places.
    func check(_ answer: SearchAnswer, to query: Int, limit: Int, where filter: SearchFilter?) throws {
        let wanted = nearest(to: query, limit: limit, where: filter)
        let isRight =
            answer.rows.count == wanted.count && Set(answer.rows).count == wanted.count
            && wanted.indices.allSatisfy { place in
                guard let row = answer.rows[place], rows.indices.contains(row), rows[row].isLive else { return false }
                return filter?.passes(self, row) ?? true
                    && Self.isSame(distances[query][row], wanted[place].distance)
                    && Self.isSame(answer.distances[place], wanted[place].distance)
            }
        if !isRight { throw WrongAnswer(answer, wanted: wanted) }
    }

    private static func isSame(_ left: Double, _ right: Double) -> Bool { abs(left - right) <= rounding * right }
}
