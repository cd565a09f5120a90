extension StoreIndex {
    /// The first schema version that can say which model made the vectors, and that can re-embed them.
    static let modelVersion = 4

    /// The model that made the vectors; nil if the store doesn't say it.
    func model() throws(VectorStoreError) -> EmbeddingModel? {
        if version < Self.modelVersion { return nil }
        return try connection.first("SELECT name, version, normalized FROM model") { row throws(VectorStoreError) in
            try row.model(at: 0)
        }
    }

    /// Says which model made the vectors (nil: says none); the caller's transaction commits it.
    func setModel(_ model: EmbeddingModel?) throws(VectorStoreError) {
        try connection.run("DELETE FROM model")
        guard let model else { return }
        try connection.run(
            "INSERT INTO model (singleton, name, version, normalized) VALUES (1, ?, ?, ?)",
            model.values
        )
    }

    /// Throws unless the store's vectors may be of a model. A store that doesn't say its model may be of any.
    ///
    /// - Parameter path: The store's path, for the message.
    func checkModel(_ model: EmbeddingModel?, _ path: String) throws(VectorStoreError) {
        guard let own = try self.model(), let model, !own.agrees(with: model) else { return }
        throw VectorStoreError(.differentModel, "the vectors of \(path) are of the model \(own), and not of \(model)")
    }
}

extension EmbeddingModel {
    /// The values of the three columns that describe a model.
    var values: [SQLValue] {
        [
            .text(name), version.map { .text($0) } ?? .null,
            isNormalized.map { .integer($0 ? 1 : 0) } ?? .null,
        ]
    }
}

extension Statement {
    /// The model that three neighbouring columns describe.
    func model(at column: Int) throws(VectorStoreError) -> EmbeddingModel {
        let number = integer(column + 2)
        let model = EmbeddingModel(
            try text(column),
            version: isNull(column + 1) ? nil : try text(column + 1),
            normalized: isNull(column + 2) ? nil : number == 1
        )
        guard (try? model.check()) != nil, (0...1).contains(number) else {
            throw .damaged("the index's description of the model is out of range")
        }
        return model
    }
}
