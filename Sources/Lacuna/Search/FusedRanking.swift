/// One ranking of two.
struct FusedRanking {
    struct Row {
        let id: SQLValue
        var score = 0.0
        /// The place in each ranking, from 0.
        var vectorPlace: Int?
        var textPlace: Int?
    }

    /// By score; rows of the same score in the order of their ids.
    let rows: [Row]

    /// - Parameters:
    ///   - vectors: The ids and distances of the first rows by distance.
    ///   - texts: The ids and scores of the first rows by words.
    init(
        vectors: [(id: SQLValue, distance: Double)],
        texts: [WordsSearch.FoundText],
        _ fusion: Fusion,
        _ kind: VectorIDKind
    ) {
        let vectorScores = fusion.scores(vectors.map { -$0.distance })
        let textScores = fusion.scores(texts.map(\.score))
        let (vectorWeight, textWeight) = fusion.weights
        var rows: [RowKey: Row] = [:]
        for (place, vector) in vectors.enumerated() {
            guard let key = RowKey(vector.id, kind) else { continue }
            rows[key] = Row(id: vector.id, score: vectorWeight * vectorScores[place], vectorPlace: place)
        }
        for (place, text) in texts.enumerated() {
            guard let key = RowKey(text.id, kind) else { continue }
            rows[key, default: Row(id: text.id)].textPlace = place
            rows[key]?.score += textWeight * textScores[place]
        }
        self.rows = rows.values.sorted {
            $0.score == $1.score ? SQLValue.idPrecedes($0.id, $1.id) : $0.score > $1.score
        }
    }
}

extension Fusion {
    fileprivate var weights: (vectors: Double, texts: Double) {
        switch self {
        case .reciprocalRank: (1, 1)
        case .weighted(let weight): (weight, 1 - weight)
        }
    }

    /// The score of each row of a ranking.
    ///
    /// - Parameter values: The values by which the rows rank, the highest first.
    fileprivate func scores(_ values: [Double]) -> [Double] {
        switch self {
        case .reciprocalRank(let k): return values.indices.map { 1 / (k + Double($0 + 1)) }
        case .weighted:
            guard let first = values.first, let last = values.last, first > last else { return values.map { _ in 1 } }
            return values.map { ($0 - last) / (first - last) }
        }
    }
}
