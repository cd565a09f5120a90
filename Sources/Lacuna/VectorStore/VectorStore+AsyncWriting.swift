// See VectorStore+AsyncReading.swift. Metadata are encoded before the call waits, on the caller's thread, so they need
// not be `Sendable`.

extension VectorStore {
    /// Makes all the changes that `body` asks for, or none, in one transaction, on a thread of the store's own. It is
    /// durable as the handle's ``Durability`` says: see ``write(_:)``.
    ///
    /// `body` isn't asynchronous, since a batch can't live across a suspension: compute what must be awaited before.
    ///
    /// - Throws: The error of `body`; `CancellationError` if the task was cancelled before its turn to write; an error
    ///   of the store. Nothing has changed then.
    public func write<R>(
        _ body: sending @escaping (borrowing WriteBatch<ID>) throws -> sending R
    ) async throws -> sending R {
        try await calls.writing.run { [self] in
            nonisolated(unsafe) let result = try write(body)
            return unsafe result
        }
    }

    /// Makes everything written so far durable: see ``flush()``. It does so in a cancelled task too.
    public func flush() async throws {
        try await calls.writing.run(isCancellable: false) { [self] in try flush() }
    }

    /// Adds one row; durable as the handle's ``Durability`` says: see
    /// ``put(_:for:metadataJSON:replacing:oldMetadata:)``. Puts of several tasks share their syncs.
    ///
    /// If the task is cancelled before the put's turn, nothing has changed; after that the put is finished, and returns.
    public func put(
        _ vector: [Float],
        for id: ID,
        metadataJSON: String? = nil,
        replacing: Bool = false,
        oldMetadata: OldMetadata = .keep
    ) async throws {
        try await calls.writing.run { [self] in
            try put(vector, for: id, metadataJSON: metadataJSON, replacing: replacing, oldMetadata: oldMetadata)
        }
    }

    /// Adds one row with metadata; durable as the handle's ``Durability`` says: see ``put(_:for:metadata:replacing:)``.
    /// The metadata are encoded before the call waits, so they need not be `Sendable`.
    public func put(_ vector: [Float], for id: ID, metadata: some Encodable, replacing: Bool = false) async throws {
        let json = try metadataCoding.encode(metadata, for: id)
        try await put(vector, for: id, metadataJSON: json, replacing: replacing)
    }

    /// Deletes one row and its metadata; durable when it returns, with every ``Durability``: see ``delete(_:)``.
    ///
    /// - Returns: Whether there was such a row.
    @discardableResult
    public func delete(_ id: ID) async throws -> Bool { try await delete([id]) == 1 }

    /// Deletes rows and their metadata in one transaction, durable when this returns, with every ``Durability``.
    ///
    /// - Returns: The number of rows deleted.
    @discardableResult
    public func delete(_ ids: [ID]) async throws -> Int {
        try await calls.writing.run { [self] in try delete(ids) }
    }

    /// Deletes the rows that pass a filter, and their metadata, in one transaction, durable when this returns: see
    /// ``delete(where:)``. If the task is cancelled while the filter is evaluated, nothing is deleted.
    ///
    /// - Returns: The number of rows deleted.
    @discardableResult
    public func delete(where filter: Filter) async throws -> Int {
        try await calls.writing.run { [self] in try delete(where: filter) }
    }

    // MARK: Metadata

    /// Replaces an id's metadata; durable as the handle's ``Durability`` says: see ``setMetadata(_:for:)``.
    public func setMetadata(_ metadata: some Encodable, for id: ID) async throws {
        try await setMetadataJSON(try metadataCoding.encode(metadata, for: id), for: id)
    }

    /// Replaces an id's metadata by JSON text, or removes them; durable as the handle's ``Durability`` says.
    public func setMetadataJSON(_ json: String?, for id: ID) async throws {
        try await calls.writing.run { [self] in try setMetadataJSON(json, for: id) }
    }

    /// Applies a JSON merge patch (RFC 7396) to an id's metadata: see ``patchMetadata(_:for:)``.
    public func patchMetadata(_ patch: some Encodable, for id: ID) async throws {
        try await patchMetadataJSON(try metadataCoding.encode(patch, for: id), for: id)
    }

    /// Applies a JSON merge patch (RFC 7396) to an id's metadata: see ``patchMetadataJSON(_:for:)``.
    public func patchMetadataJSON(_ patch: String, for id: ID) async throws {
        try await calls.writing.run { [self] in try patchMetadataJSON(patch, for: id) }
    }

    /// Removes an id's metadata; durable as the handle's ``Durability`` says.
    public func removeMetadata(for id: ID) async throws {
        try await calls.writing.run { [self] in try removeMetadata(for: id) }
    }

    /// Replaces the metadata of all rows that pass a filter, by the same for each.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    public func setMetadata(_ metadata: some Encodable, where filter: Filter) async throws -> Int {
        try await setMetadataJSON(try metadataCoding.encode(metadata), where: filter)
    }

    /// Replaces the metadata of all rows that pass a filter, by the same for each.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    public func setMetadataJSON(_ json: String, where filter: Filter) async throws -> Int {
        try await calls.writing.run { [self] in try setMetadataJSON(json, where: filter) }
    }

    /// Applies a JSON merge patch to the metadata of all rows that pass a filter: see ``patchMetadataJSON(_:where:)``.
    /// If the task is cancelled while the filter is evaluated, nothing has changed.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    public func patchMetadata(_ patch: some Encodable, where filter: Filter) async throws -> Int {
        try await patchMetadataJSON(try metadataCoding.encode(patch), where: filter)
    }

    /// Applies a JSON merge patch to the metadata of all rows that pass a filter: see ``patchMetadataJSON(_:where:)``.
    /// If the task is cancelled while the filter is evaluated, nothing has changed.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    public func patchMetadataJSON(_ patch: String, where filter: Filter) async throws -> Int {
        try await calls.writing.run { [self] in try patchMetadataJSON(patch, where: filter) }
    }

    /// Removes the metadata of all rows that pass a filter.
    ///
    /// - Returns: The number of rows that passed, with metadata or without.
    @discardableResult
    public func removeMetadata(where filter: Filter) async throws -> Int {
        try await calls.writing.run { [self] in try removeMetadata(where: filter) }
    }
}
