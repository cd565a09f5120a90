extension VectorStore {
    /// Opens the store at a path for writing, or makes an empty one if there is none.
    ///
    /// The store that is there must be what the configuration asks for; only ``VectorStoreConfiguration/acceleration``
    /// counts for a new store alone. If another process makes the store at the same time, this opens that one.
    ///
    /// - Parameters:
    ///   - path: The store's directory; its parent must exist.
    ///   - configuration: What the store must be like.
    ///   - options: The options of this handle. If the configuration names a model, it takes the place of
    ///     ``VectorStoreOptions/model``.
    /// - Throws: The errors of ``open(at:access:options:)`` and ``create(at:configuration:options:)``;
    ///   `differentConfiguration` if the store has another dimension, metric or element; `differentModel`; `invalidID`
    ///   if its ids are of another kind.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func openOrCreate(
        at path: some StorePathConvertible,
        configuration: VectorStoreConfiguration,
        options: VectorStoreOptions = .init()
    ) throws(VectorStoreError) -> VectorStore {
        try VectorStoreConfiguration.check(configuration.dimension)
        var options = options
        if let model = configuration.model { options.model = model }
        do throws(VectorStoreError) {
            return try openChecked(path, configuration, options)
        } catch  where error.code == .noSuchStore || error.code == .notAStore {
            let refusal = error
            do throws(VectorStoreError) {
                return try create(at: path, configuration: configuration, options: options)
            } catch  where error.code == .alreadyExists {
                // Either another process was faster, or something that isn't a store is in the way.
                if refusal.code == .notAStore { throw refusal }
                return try openChecked(path, configuration, options)
            }
        }
    }

    private static func openChecked(
        _ path: some StorePathConvertible,
        _ configuration: VectorStoreConfiguration,
        _ options: VectorStoreOptions
    ) throws(VectorStoreError) -> VectorStore {
        let store = try open(at: path, options: options)
        let info = try store.info
        func check<Value: Equatable>(_ name: String, _ found: Value, _ wanted: Value) throws(VectorStoreError) {
            if found == wanted { return }
            throw VectorStoreError(
                .differentConfiguration,
                "the \(name) of the store at \(path.storePath) is \(found), not \(wanted)",
                remedy: "open it as what it is, or choose another path for a new store"
            )
        }
        try check("dimension", info.dimension, configuration.dimension)
        try check("metric", info.metric.rawValue, configuration.metric.rawValue)
        try check("element", info.element.rawValue, configuration.element.rawValue)
        return store
    }
}
