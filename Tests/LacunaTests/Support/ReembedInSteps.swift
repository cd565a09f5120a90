@testable import Lacuna

extension VectorStore {
    /// Re-embeds `rows` rows at a time, so that a small store has many batches.
    @discardableResult
    func reembed(
        to dimension: Int,
        model: EmbeddingModel? = nil,
        rows: Int,
        _ embed: ([ID], [String?], [[Float]]) throws -> [[Float]]
    ) throws -> ReembeddingReport {
        let widest = max(dimension, try info.dimension)
        return try reembed(dimension, model, Pace { _ in }, .small(rows: rows, dimension: widest), embed)
    }
}
