// Metadata alone. Each function for one id has a sibling for all rows that pass a filter, and each that takes a value has
// one that takes JSON text.

extension WriteBatch {
    /// Replaces the metadata of an id that has a row.
    public func setMetadata(_ metadata: some Encodable, for id: ID) throws(VectorStoreError) {
        try storeErrors { try setMetadataJSON(try encode(metadata, for: id), for: id) }
    }

    /// Replaces the metadata of an id that has a row; nil removes them.
    ///
    /// - Throws: `unknownID`, `invalidMetadata`.
    public func setMetadataJSON(_ json: String?, for id: ID) throws(VectorStoreError) {
        try storeErrors { try rows.edit(json.map(MetadataEdit.set) ?? .remove, for: id.sqlValue) }
    }

    /// Applies a patch to the metadata of an id that has a row: see ``VectorStore/patchMetadata(_:for:)``.
    public func patchMetadata(_ patch: some Encodable, for id: ID) throws(VectorStoreError) {
        try storeErrors { try patchMetadataJSON(try encode(patch, for: id), for: id) }
    }

    /// Applies a patch to the metadata of an id that has a row: see ``VectorStore/patchMetadataJSON(_:for:)``.
    public func patchMetadataJSON(_ patch: String, for id: ID) throws(VectorStoreError) {
        try storeErrors { try rows.edit(.patch(patch), for: id.sqlValue) }
    }

    /// Removes the metadata of an id that has a row.
    ///
    /// - Throws: `unknownID`.
    public func removeMetadata(for id: ID) throws(VectorStoreError) {
        try storeErrors { try rows.edit(.remove, for: id.sqlValue) }
    }

    /// Replaces the metadata of all rows that pass a filter, by the same for each: see
    /// ``VectorStore/setMetadata(_:where:)``.
    @discardableResult
    public func setMetadata(
        _ metadata: some Encodable,
        where filter: Filter
    ) throws(VectorStoreError) -> Int {
        try storeErrors { try setMetadataJSON(try encode(metadata), where: filter) }
    }

    /// Replaces the metadata of all rows that pass a filter, by the same for each: see
    /// ``VectorStore/setMetadata(_:where:)``.
    @discardableResult
    public func setMetadataJSON(_ json: String, where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try rows.edit(.set(json), where: filter) }
    }

    /// Applies a patch to the metadata of all rows that pass a filter: see ``VectorStore/patchMetadata(_:where:)``.
    @discardableResult
    public func patchMetadata(
        _ patch: some Encodable,
        where filter: Filter
    ) throws(VectorStoreError) -> Int {
        try storeErrors { try patchMetadataJSON(try encode(patch), where: filter) }
    }

    /// Applies a patch to the metadata of all rows that pass a filter: see
    /// ``VectorStore/patchMetadataJSON(_:where:)``.
    @discardableResult
    public func patchMetadataJSON(_ patch: String, where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try rows.edit(.patch(patch), where: filter) }
    }

    /// Removes the metadata of all rows that pass a filter: see ``VectorStore/removeMetadata(where:)``.
    @discardableResult
    public func removeMetadata(where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try rows.edit(.remove, where: filter) }
    }
}

extension VectorStore {
    // MARK: Of one id

    /// Replaces an id's metadata; durable as the handle's ``Durability`` says.
    ///
    /// - Parameters:
    ///   - metadata: A value that encodes as a JSON object, by ``VectorStoreOptions/metadataCoding``. A model that is
    ///     `Identifiable` is stored without its `id`, as by ``put(_:for:metadata:replacing:)``; no other may have that
    ///     key.
    ///   - id: The id of a row.
    /// - Throws: `unknownID`, `invalidMetadata`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func setMetadata(_ metadata: some Encodable, for id: ID) throws(VectorStoreError) {
        try storeErrors { try setMetadataJSON(try metadataCoding.encode(metadata, for: id), for: id) }
    }

    /// Replaces an id's metadata by JSON text, or removes them; durable as the handle's ``Durability``
    /// says.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func setMetadataJSON(_ json: String?, for id: ID) throws(VectorStoreError) {
        try storeErrors { try edit(json.map(MetadataEdit.set) ?? .remove, for: id) }
    }

    /// Applies a JSON merge patch (RFC 7396) to an id's metadata; durable as the handle's ``Durability`` says. See
    /// ``patchMetadataJSON(_:for:)``.
    ///
    /// - Parameters:
    ///   - patch: A value that encodes as a JSON object without the key `id`, which only an `Identifiable` model with the
    ///     row's id may have. To remove a member, it must encode as `null`, as nil does in a dictionary
    ///     (`["year": Int?.none]`); the optionals of a `Codable` structure are left out if they are nil, and so change
    ///     nothing.
    ///   - id: The id of a row.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func patchMetadata(_ patch: some Encodable, for id: ID) throws(VectorStoreError) {
        try storeErrors { try patchMetadataJSON(try metadataCoding.encode(patch, for: id), for: id) }
    }

    /// Applies a JSON merge patch (RFC 7396) to an id's metadata; durable as the handle's ``Durability`` says.
    ///
    ///     try store.patchMetadataJSON(#"{"year": 2025, "place": null}"#, for: id)
    ///
    /// The patch is an object. Each of its members replaces that of the same key, or is added; one that is `null` removes
    /// the other, and one that is an object is itself a patch for the other. An id without metadata counts as one with
    /// `{}`, and if nothing is left, `{}` is.
    ///
    /// Members that the patch doesn't name keep their bytes, and so their order of keys, spelling of numbers and white
    /// space. A changed value stays where the old one was, and new members come last, spelled as in the patch.
    ///
    /// - Throws: `unknownID`; `invalidMetadata` for a patch that is no JSON object, has the key `id`, or has a key twice
    ///   in one object, and for an id whose metadata are no such object (another program can write those).
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func patchMetadataJSON(_ patch: String, for id: ID) throws(VectorStoreError) {
        try storeErrors { try edit(.patch(patch), for: id) }
    }

    /// Removes an id's metadata; durable as the handle's ``Durability`` says.
    ///
    /// - Throws: `unknownID`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func removeMetadata(for id: ID) throws(VectorStoreError) {
        try storeErrors { try edit(.remove, for: id) }
    }

    private func edit(_ edit: MetadataEdit, for id: ID) throws {
        try writing().write(mayTakeLong: false) { try $0.edit(edit, for: id.sqlValue) }
    }

    // MARK: Of all rows that pass a filter

    /// Replaces the metadata of all rows that pass a filter, by the same for each: see
    /// ``patchMetadataJSON(_:where:)``.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func setMetadata(
        _ metadata: some Encodable,
        where filter: Filter
    ) throws(VectorStoreError) -> Int {
        try storeErrors { try setMetadataJSON(try metadataCoding.encode(metadata), where: filter) }
    }

    /// Replaces the metadata of all rows that pass a filter, by the same for each: see
    /// ``patchMetadataJSON(_:where:)``.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func setMetadataJSON(_ json: String, where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try edit(.set(json), where: filter) }
    }

    /// Applies a JSON merge patch to the metadata of all rows that pass a filter: see ``patchMetadata(_:for:)`` for the
    /// patch, and ``patchMetadataJSON(_:where:)`` for the rest.
    ///
    /// - Returns: The number of rows that passed.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func patchMetadata(
        _ patch: some Encodable,
        where filter: Filter
    ) throws(VectorStoreError) -> Int {
        try storeErrors { try patchMetadataJSON(try metadataCoding.encode(patch), where: filter) }
    }

    /// Applies a JSON merge patch to the metadata of all rows that pass a filter; durable as the handle's ``Durability``
    /// says.
    ///
    ///     let count = try store.patchMetadataJSON(#"{"seen": true}"#, where: "metadata ->> 'year' < \(year)")
    ///
    /// The call is one transaction, in which all rows are changed or none is. The filter is evaluated inside of it, once,
    /// on all rows as they are before the first change.
    ///
    /// **Cost.** Evaluating the filter takes as long as in ``forEach(where:limit:includingVectors:_:)``; each row that passes
    /// costs as much as a change of one id's metadata without its syncs. Meanwhile other writers of this handle wait.
    /// SQLite's log takes up to the changed part of the index, and memory the ids that pass. To change very many rows
    /// with short waits, change them in parts, such as ranges of ids.
    ///
    /// - Parameters:
    ///   - patch: See ``patchMetadataJSON(_:for:)``.
    ///   - filter: The rows to change.
    /// - Returns: The number of rows that passed.
    /// - Throws: `invalidMetadata`, `invalidFilter`; `cancelled` (``VectorStoreOptions/shouldCancel``); `damaged`, with the
    ///   id, for metadata that don't match their checksum. Nothing has changed then.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func patchMetadataJSON(_ patch: String, where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try edit(.patch(patch), where: filter) }
    }

    /// Removes the metadata of all rows that pass a filter: see ``patchMetadataJSON(_:where:)``.
    ///
    /// - Returns: The number of rows that passed, with metadata or without.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func removeMetadata(where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try edit(.remove, where: filter) }
    }

    private func edit(_ edit: MetadataEdit, where filter: Filter) throws -> Int {
        try writing().write { try $0.edit(edit, where: filter) }
    }
}
