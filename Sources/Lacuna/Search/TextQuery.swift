/// What to look for in a text index: ``VectorStore/search(for:matching:fusion:depth:limit:where:)``.
public struct TextQuery: Sendable, Equatable {
    /// The expression in FTS5's language.
    let expression: String

    /// Rows with at least one of these words; rows with more of them, with rarer ones, and with shorter texts rank higher
    /// (BM25). Whatever the text contains is looked for as it is: no character has a meaning of its own.
    ///
    /// - Parameter text: Words with white space between them.
    public static func words(_ text: String) -> TextQuery {
        let words = text.split(whereSeparator: \.isWhitespace).map { "\"\($0.replacing("\"", with: "\"\""))\"" }
        return TextQuery(expression: words.isEmpty ? "\"\"" : words.joined(separator: " OR "))
    }

    /// Rows that match an expression of FTS5, as in `proc* NOT kernel` or `title : "process monitor"`.
    ///
    /// Source: SQLite's documentation of FTS5, section *Full-text Query Syntax*.
    public static func expression(_ expression: String) -> TextQuery { TextQuery(expression: expression) }

    private static let mostBytes = 16_384

    func check() throws(VectorStoreError) {
        if expression.utf8.count <= Self.mostBytes, !expression.utf8.contains(0) { return }
        throw VectorStoreError(
            .invalidArgument,
            "the words to search for have \(expression.utf8.count) bytes, of at most \(Self.mostBytes), or a NUL character",
            remedy: "search for fewer words"
        )
    }
}

/// A way to make one ranking of two: of distances, and of texts.
public enum Fusion: Sendable, Equatable {
    /// A row's score is the sum of 1 / (k + rank) over the two rankings, whose first row has the rank 1.
    ///
    /// Source: G. V. Cormack, C. L. A. Clarke, S. Büttcher, *Reciprocal rank fusion outperforms Condorcet and individual
    /// rank learning methods*, SIGIR 2009; they use k = 60.
    case reciprocalRank(k: Double = 60)
    /// A row's score is this weight times its vector's score, plus the rest to 1 times its text's score. Each is scaled
    /// so that the first row of the ranking has 1 and the last has 0; if all are equal, each has 1.
    case weighted(Double)

    func check() throws(VectorStoreError) {
        switch self {
        case .reciprocalRank(let k) where !(k >= 0 && k.isFinite):
            throw Self.invalid("\(k) is no constant for ranks", "choose a number of at least 0, such as 60")
        case .weighted(let weight) where !(0...1).contains(weight):
            throw Self.invalid("\(weight) is no weight", "choose a number from 0 to 1")
        default: return
        }
    }

    private static func invalid(_ problem: String, _ remedy: VectorStoreError.Remedy) -> VectorStoreError {
        VectorStoreError(.invalidArgument, problem, remedy: remedy)
    }
}

/// A row that a search for a vector and words found.
public struct FusedMatch<ID: VectorID>: Sendable, Hashable, Identifiable {
    /// The row's id.
    public let id: ID
    /// The score by the ``Fusion``; higher is better.
    public let score: Double
    /// The rank in the ranking by distance, from 1; nil if the row isn't among its first `depth`.
    public let vectorRank: Int?
    /// The distance; nil if the row isn't among the first `depth` of its ranking.
    public let distance: Double?
    /// The rank in the ranking by words, from 1; nil if the row isn't among its first `depth`.
    public let textRank: Int?
    /// The row's BM25 score, higher is better; nil if the row isn't among the first `depth` of its ranking.
    public let textScore: Double?

    /// Makes a match, as for a preview or a test.
    public init(
        id: ID,
        score: Double,
        vectorRank: Int? = nil,
        distance: Double? = nil,
        textRank: Int? = nil,
        textScore: Double? = nil
    ) {
        self.id = id
        self.score = score
        self.vectorRank = vectorRank
        self.distance = distance
        self.textRank = textRank
        self.textScore = textScore
    }
}
