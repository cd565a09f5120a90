/// The changes of one transaction: ``VectorStore/write(_:)``.
///
/// If one of its calls fails, the whole batch fails, even if the error was caught.
public struct WriteBatch<ID: VectorID>: ~Copyable {
    let rows: RowWriter
    let coding: MetadataCoding

    init(_ rows: RowWriter, _ coding: MetadataCoding) {
        self.rows = rows
        self.coding = coding
    }

    /// Encodes metadata for an id, or for several. A value that can't be metadata makes the batch fail, like any other
    /// failed step.
    func encode(_ metadata: some Encodable, for id: ID? = nil) throws(VectorStoreError) -> String {
        try rows.remembering { () throws(VectorStoreError) in
            guard let id else { return try coding.encode(metadata) }
            return try coding.encode(metadata, for: id)
        }
    }

    /// Adds a row, and its metadata as JSON text if given.
    ///
    /// - Parameters:
    ///   - vector: As many components as the store's dimension, all of them finite numbers that the store's
    ///     ``ElementType`` can hold.
    ///   - id: The row's id.
    ///   - metadataJSON: One JSON object without the key `id`; the text is kept exactly.
    ///   - replacing: Whether the new row replaces one that the id has. New metadata replace the old ones.
    ///   - oldMetadata: What becomes of the metadata of a row that is replaced, if no new ones are given.
    /// - Throws: `invalidVector`, `invalidMetadata`, `duplicateID` unless `replacing`; `invalidID` for a text with NUL, and
    ///   for an id of a type of your own that couldn't be read back (see ``VectorID``).
    public func put(
        _ vector: Span<Float>,
        for id: ID,
        metadataJSON: String? = nil,
        replacing: Bool = false,
        oldMetadata: OldMetadata = .keep
    ) throws(VectorStoreError) {
        try storeErrors {
            try rows.put(
                vector,
                for: try rows.remembering(id.storable),
                metadata: metadataJSON,
                replacing: replacing,
                oldMetadata: oldMetadata
            )
        }
    }

    /// Adds a row; see ``put(_:for:metadataJSON:replacing:oldMetadata:)-(Span<Float>,_,_,_,_)``.
    public func put(
        _ vector: [Float],
        for id: ID,
        metadataJSON: String? = nil,
        replacing: Bool = false,
        oldMetadata: OldMetadata = .keep
    ) throws(VectorStoreError) {
        try storeErrors {
            try put(vector.span, for: id, metadataJSON: metadataJSON, replacing: replacing, oldMetadata: oldMetadata)
        }
    }

    /// Adds a row with metadata; see ``VectorStore/put(_:for:metadata:replacing:)``.
    public func put(
        _ vector: [Float],
        for id: ID,
        metadata: some Encodable,
        replacing: Bool = false
    ) throws(VectorStoreError) {
        try storeErrors {
            try put(vector, for: id, metadataJSON: try encode(metadata, for: id), replacing: replacing)
        }
    }

    /// Deletes the id's row and metadata; does nothing if no row has this id. `write` throws the error of a failed
    /// delete.
    public func delete(_ id: ID) {
        rows.delete(id.sqlValue)
    }
}

extension VectorStore {
    /// Makes all the changes that `body` asks for, or none, in one transaction. It is durable when this returns (but
    /// see ``Durability``).
    ///
    /// A transaction costs two syncs (of the data file, then of the index), whatever the number of rows: put many rows
    /// in one batch. It takes memory for 8 MiB of rows at most, which the handle keeps for the next batch. Other
    /// writers of this handle wait while `body` runs, so `body` must not wait for one of them: neither would ever end.
    /// Readers see the state before.
    ///
    /// - Returns: What `body` returns.
    /// - Throws: The error of `body`, or an error of the store; then nothing has changed. `diskFull` and
    ///   `tooManyOpenFiles` leave the store readable and writable. After an `ioError` of this store the handle refuses
    ///   to write: `needsReopen`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func write<R>(_ body: (borrowing WriteBatch<ID>) throws -> R) throws -> R {
        try writing().write { rows in try body(WriteBatch(rows, metadataCoding)) }
    }

    /// Makes everything written so far durable: commits the writes that a handle with ``Durability/relaxed(interval:)``
    /// has gathered before it returns. With full durability there is nothing to do.
    ///
    /// - Throws: The error that kept the writes since the last commit from being committed; they are not in the store
    ///   then.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func flush() throws(VectorStoreError) {
        try storeErrors { try writing().flush() }
    }

    /// Adds one row; durable as the handle's ``Durability`` says. With `replacing` and without metadata, the id keeps
    /// the metadata that it has, unless `oldMetadata` is `.drop`. See
    /// ``WriteBatch/put(_:for:metadataJSON:replacing:oldMetadata:)-(Span<Float>,_,_,_,_)``.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func put(
        _ vector: [Float],
        for id: ID,
        metadataJSON: String? = nil,
        replacing: Bool = false,
        oldMetadata: OldMetadata = .keep
    ) throws(VectorStoreError) {
        try put(vector.span, for: id, metadataJSON: metadataJSON, replacing: replacing, oldMetadata: oldMetadata)
    }

    /// Adds one row with a vector in any memory, which isn't copied before. All else is as with an array.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func put(
        _ vector: Span<Float>,
        for id: ID,
        metadataJSON: String? = nil,
        replacing: Bool = false,
        oldMetadata: OldMetadata = .keep
    ) throws(VectorStoreError) {
        let stored = try id.storable()
        // A closure may not capture a span.
        let result: Result<Void, VectorStoreError> = unsafe vector.withUnsafeBufferPointer { vector in
            Result { () throws(VectorStoreError) in
                try storeErrors {
                    try writing().write(mayTakeLong: false) {
                        try $0.put(
                            unsafe vector.span,
                            for: stored,
                            metadata: metadataJSON,
                            replacing: replacing,
                            oldMetadata: oldMetadata
                        )
                    }
                }
            }
        }
        try result.get()
    }

    /// Adds one row with metadata; durable as the handle's ``Durability`` says. With `replacing`, the new row and metadata
    /// replace those that the id has.
    ///
    /// - Parameters:
    ///   - vector: As many components as the store's dimension; see
    ///     ``WriteBatch/put(_:for:metadataJSON:replacing:oldMetadata:)-(Span<Float>,_,_,_,_)``.
    ///   - id: The row's id.
    ///   - metadata: A value that encodes as a JSON object, by ``VectorStoreOptions/metadataCoding``. If its type is
    ///     `Identifiable` and it has the row's id under the key `id`, that is left out: the row has it, and a decoded model
    ///     gets it from there. A UUID may be in upper or lower case; it comes back in lower case. Other types must not
    ///     have the key `id`.
    ///   - replacing: Whether the new row replaces one that the id has.
    /// - Throws: `invalidVector`, `invalidID`, `duplicateID` unless `replacing`; `invalidMetadata`, also for a model with
    ///   another id than the row's, which names both.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func put(
        _ vector: [Float],
        for id: ID,
        metadata: some Encodable,
        replacing: Bool = false
    ) throws(VectorStoreError) {
        try storeErrors {
            try put(vector, for: id, metadataJSON: try metadataCoding.encode(metadata, for: id), replacing: replacing)
        }
    }

    /// Deletes one row and its metadata; durable when it returns, with every ``Durability``.
    ///
    /// - Returns: Whether there was such a row.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func delete(_ id: ID) throws(VectorStoreError) -> Bool {
        try storeErrors { try delete([id]) == 1 }
    }

    /// Deletes rows and their metadata in one transaction, durable when this returns, with every ``Durability``. It
    /// works on a full disk too, since the data file's tail is its reserve.
    ///
    /// - Returns: The number of rows deleted.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func delete(_ ids: [ID]) throws(VectorStoreError) -> Int {
        try storeErrors { try writing().delete(ids.map { $0.sqlValue }) }
    }

    /// Deletes the rows that pass a filter, and their metadata, in one transaction, durable when this returns, with
    /// every ``Durability``. It works on a full disk too.
    ///
    /// The filter is evaluated on each row of the newest state, before the first row is deleted, and no other write
    /// comes between: other writers of this handle wait meanwhile, and readers don't. It takes memory for the ids. To
    /// delete very many rows with short waits, delete those of ``ids(where:)`` in parts.
    ///
    /// - Returns: The number of rows deleted.
    /// - Throws: `invalidFilter`; `cancelled` (``VectorStoreOptions/shouldCancel``), while the filter is evaluated.
    ///   Nothing is deleted then.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func delete(where filter: Filter) throws(VectorStoreError) -> Int {
        try storeErrors { try writing().delete(where: filter) }
    }
}
