/// Calls `body`, which throws nothing but ``VectorStoreError``s: it runs no closure of the caller and decodes nothing.
func storeErrors<R>(_ body: () throws -> R) throws(VectorStoreError) -> R {
    do { return try body() } catch let error as VectorStoreError { throw error } catch {
        throw VectorStoreError(.ioError, "an error that isn't the store's own: \(error)", cause: error)
    }
}
