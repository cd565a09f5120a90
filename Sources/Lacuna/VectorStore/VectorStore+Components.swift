// Reading rows of float16 and int8 as they are stored. Swift has no `Float16` on Macs with Intel processors.

extension VectorStore {
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    /// Calls `body` with the id's vector as a store of float16 has it, straight from the mapped file, and otherwise as
    /// ``withVector(for:_:)`` does: nothing is copied or converted.
    ///
    /// - Returns: What `body` returns; nil if no row has this id.
    /// - Throws: `invalidArgument` if the store's element isn't float16; the error of `body`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func withVector<R>(
        for id: ID,
        as type: Float16.Type,
        _ body: (Span<Float16>) throws -> R
    ) throws -> R? {
        try withStoredComponents(for: id, body)
    }
    #endif

    /// Calls `body` with the id's vector as a store of int8 has it, straight from the mapped file, and otherwise as
    /// ``withVector(for:_:)`` does: nothing is copied or converted.
    ///
    /// - Returns: What `body` returns; nil if no row has this id.
    /// - Throws: `invalidArgument` if the store's element isn't int8; the error of `body`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func withVector<R>(for id: ID, as type: Int8.Type, _ body: (Span<Int8>) throws -> R) throws -> R? {
        try withStoredComponents(for: id, body)
    }

    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    /// Calls `body` with the id's vector of float16, on a thread of the store's own, and otherwise as the blocking call.
    public func withVector<R>(
        for id: ID,
        as type: Float16.Type,
        _ body: sending @escaping (Span<Float16>) throws -> sending R
    ) async throws -> sending R? {
        try await calls.reading.run { [self] in
            nonisolated(unsafe) let result = try withVector(for: id, as: type, body)
            return unsafe result
        }
    }
    #endif

    /// Calls `body` with the id's vector of int8, on a thread of the store's own, and otherwise as the blocking call.
    public func withVector<R>(
        for id: ID,
        as type: Int8.Type,
        _ body: sending @escaping (Span<Int8>) throws -> sending R
    ) async throws -> sending R? {
        try await calls.reading.run { [self] in
            nonisolated(unsafe) let result = try withVector(for: id, as: type, body)
            return unsafe result
        }
    }

    private func withStoredComponents<C: RowComponent, R>(for id: ID, _ body: (Span<C>) throws -> R) throws -> R? {
        try element.check(C.self)
        return try withComponents(for: id, body)
    }
}

extension VectorStoreSnapshot {
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    /// Calls `body` with the id's vector, straight from the mapped file of a store of float16; nil if no row has this
    /// id.
    ///
    /// - Throws: `invalidArgument` if the store's element isn't float16; the error of `body`.
    public func withVector<R>(
        for id: ID,
        as type: Float16.Type,
        _ body: (Span<Float16>) throws -> R
    ) throws -> R? {
        try withStoredComponents(for: id, body)
    }
    #endif

    /// Calls `body` with the id's vector, straight from the mapped file of a store of int8; nil if no row has this id.
    ///
    /// - Throws: `invalidArgument` if the store's element isn't int8; the error of `body`.
    public func withVector<R>(for id: ID, as type: Int8.Type, _ body: (Span<Int8>) throws -> R) throws -> R? {
        try withStoredComponents(for: id, body)
    }

    private func withStoredComponents<C: RowComponent, R>(for id: ID, _ body: (Span<C>) throws -> R) throws -> R? {
        try snapshot.record.layout.element.check(C.self)
        return try withComponents(for: id, body)
    }
}

extension ElementType {
    /// Refuses a type that isn't this element's.
    fileprivate func check<C: RowComponent>(_ type: C.Type) throws(VectorStoreError) {
        guard type.element != self else { return }
        throw VectorStoreError(
            .invalidArgument,
            "the store's components are \(rawValue), and can't be read as \(type)",
            remedy: "read them as floats with withVector(for:), or in the element's own type"
        )
    }
}
