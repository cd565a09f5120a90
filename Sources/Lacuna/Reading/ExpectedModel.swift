/// The model that a handle was opened with, and, after a re-embedding of its own, the new one.
final class ExpectedModel: Sendable {
    /// The models, with the first generation for which each is expected. Empty if the handle was opened without one.
    private let models: Guarded<[Entry]>

    private struct Entry: Sendable {
        let generation: Int64
        let model: EmbeddingModel?
    }

    init(_ model: EmbeddingModel?) { models = Guarded(model.map { [Entry(generation: 0, model: $0)] } ?? []) }

    /// Expects another model from a generation on. Called before the commit that makes the generation current.
    func expect(_ model: EmbeddingModel?, from generation: Int64) {
        models.withLock { if !$0.isEmpty { $0.append(Entry(generation: generation, model: model)) } }
    }

    /// Takes ``expect(_:from:)`` back, if that commit wasn't made.
    func forget(_ generation: Int64) { models.withLock { $0.removeAll { $0.generation == generation } } }

    /// Throws `differentModel` if the vectors of a state are of another model.
    func check(_ index: StoreIndex, _ generation: Int64, _ path: String) throws(VectorStoreError) {
        let model = models.withLock { models in models.last { $0.generation <= generation }?.model }
        if let model { try index.checkModel(model, path) }
    }
}
