extension VectorStore {
    /// Makes an index on a field of the metadata, by which filters that compare the field find rows without reading
    /// others: typed filters, filters in JSON, and SQL of the form `json_extract(metadata, '$."section"') = …`.
    ///
    ///     try store.createMetadataIndex(on: "section")
    ///     try store.createMetadataIndex(on: "author", "name")
    ///
    /// Searches, `ids`, `count`, `forEach`, `delete` and changes of metadata use it if it is faster, and have the same
    /// answer with and without it. Every write keeps it up to date, also those of the `sqlite3` shell; a row costs a
    /// few microseconds more for each index. If the field has an index already, the call does nothing. A field that no
    /// row has can have an index.
    ///
    /// The call is one durable transaction. It reads all metadata, in a few seconds for a million rows, and writes the
    /// index, for which the disk needs room twice. Readers go on meanwhile; writers wait.
    ///
    /// - Parameters:
    ///   - key: A key of ASCII letters and digits and the characters `_-. :@#$`; a dot in it is a dot.
    ///   - more: The keys inside of it, if its value is an object.
    ///   - progress: Called again and again with an estimate of how much is done. An error that it throws ends the call,
    ///     which throws it, and nothing has changed. It must not use this store.
    /// - Throws: `invalidArgument` for a key with other characters; `unsupported` beyond 16 indexes; `diskFull`,
    ///   `cancelled` (``VectorStoreOptions/shouldCancel``). Nothing has changed then.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func createMetadataIndex(
        on key: String,
        _ more: String...,
        progress: @escaping ProgressHandler = { _ in }
    ) throws {
        try createMetadataIndex([key] + more, progress)
    }

    func createMetadataIndex(_ keys: [String], _ progress: @escaping ProgressHandler) throws {
        try createMetadataIndex(FilterPath(keys), progress)
    }

    /// The same for a field as filters in JSON write it.
    package func createMetadataIndex(field: String, progress: @escaping ProgressHandler) throws -> IndexInfo {
        let index = try createMetadataIndex(try Self.path(field), progress)
        return try readers.read { try $0.index.describe(index) }
    }

    @discardableResult
    private func createMetadataIndex(_ path: FilterPath, _ progress: @escaping ProgressHandler) throws -> MetadataIndex
    {
        try writing().settled { session in
            let index = session.index
            if let existing = try index.metadataIndex(on: path) { return existing }
            let estimate = IndexingProgress(rows: Int(try index.record().liveRows), progress)
            do {
                return try index.connection.cancellable(by: { estimate.advance() || session.isCancelled() }) {
                    try session.commit { () throws(VectorStoreError) in try index.addMetadataIndex(on: path) }
                }
            } catch { throw estimate.error ?? error }
        }
    }

    /// Drops the index on a field of the metadata, in one durable transaction.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func dropMetadataIndex(on key: String, _ more: String...) throws(VectorStoreError) -> Bool {
        try storeErrors { try dropMetadataIndex([key] + more) }
    }

    func dropMetadataIndex(_ keys: [String]) throws -> Bool { try dropMetadataIndex(FilterPath(keys)) != nil }

    /// The same for a field as filters in JSON write it; returns the index's name.
    package func dropMetadataIndex(field: String) throws -> String? { try dropMetadataIndex(try Self.path(field)) }

    private func dropMetadataIndex(_ path: FilterPath) throws -> String? {
        try writing().settled { session in
            guard let index = try session.index.metadataIndex(on: path) else { return nil }
            try session.commit { () throws(VectorStoreError) in try session.index.drop(index) }
            return index.name
        }
    }

    /// Makes a text index on fields of the metadata, in which searches look for words: see
    /// ``search(for:matching:fusion:depth:limit:where:)``.
    ///
    /// A store has at most one. If it has one on the same fields, which isn't stale, the call does nothing; any other is
    /// replaced. A row belongs to the index if one of the fields is a text; other values are passed over. Every write of
    /// this library keeps it up to date in the same transaction. The `sqlite3` shell doesn't: make the index anew, by
    /// dropping it first, after changing metadata there. A process whose SQLite has no FTS5 leaves the index stale, and
    /// searches refuse it until this call is made in one that has it.
    ///
    /// The call is one durable transaction, which reads all metadata in O(words) time. Readers go on meanwhile; writers
    /// wait.
    ///
    /// - Parameters:
    ///   - fields: 1 to 8 fields, written as in a filter in JSON: `title`, `author.name`.
    ///   - tokenizer: How texts are cut into words.
    ///   - progress: Called after each thousand rows. An error that it throws ends the call, which throws it, and nothing
    ///     has changed. It must not use this store.
    /// - Throws: `invalidArgument` for fields that can't be in an index; `unsupported` without FTS5; `diskFull`,
    ///   `cancelled` (``VectorStoreOptions/shouldCancel``). Nothing has changed then.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func createTextIndex(
        on fields: [String],
        tokenizer: TextTokenizer = .unicode,
        progress: @escaping ProgressHandler = { _ in }
    ) throws {
        let wanted = try TextIndex(try fields.map { try Self.path($0) }, tokenizer)
        try writing().settled { session in
            let index = session.index
            if try index.textIndex() == wanted, try !index.isTextIndexStale() { return }
            let rows = Int(try index.record().liveRows)
            var error: (any Error)?
            do {
                try session.commit { () throws(VectorStoreError) in
                    try index.makeTextIndex(wanted, index.record().idKind) { done throws(VectorStoreError) in
                        if done % 1_000 != 0 { return }
                        do { try progress(MaintenanceProgress(done: done, total: rows)) } catch let stop {
                            error = stop
                        }
                        if error != nil || session.isCancelled() {
                            throw VectorStoreError(.cancelled, "making the text index was cancelled before its end")
                        }
                    }
                }
            } catch let failure { throw error ?? failure }
        }
    }

    /// Drops the text index, in one durable transaction.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func dropTextIndex() throws(VectorStoreError) -> Bool {
        try storeErrors {
            try writing().settled { session in
                guard try session.index.textIndex() != nil else { return false }
                return try session.commit { () throws(VectorStoreError) in try session.index.dropTextIndex() }
            }
        }
    }

    /// The indexes that were made by ``createMetadataIndex(on:_:progress:)`` and ``createTextIndex(on:tokenizer:progress:)``,
    /// in the order of their names, the text index last. Takes time in proportion to their entries, which are counted.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func indexes() throws(VectorStoreError) -> [IndexInfo] {
        try storeErrors {
            try readers.read { try $0.index.allIndexes() }
        }
    }

    private static func path(_ field: String) throws(VectorStoreError) -> FilterPath {
        do { return try FilterPath(key: field) } catch {
            throw VectorStoreError(
                .invalidArgument,
                "`\(field.prefix(60))` is no field of metadata",
                remedy:
                    "write names with dots between them, as in author.name; a name with a dot goes into double quotes"
            )
        }
    }
}

/// How far SQLite has come with making an index, estimated from the steps of its virtual machine.
private final class IndexingProgress {
    private let rows: Int
    private let progress: ProgressHandler
    private var done = 0
    private(set) var error: (any Error)?

    /// SQLite takes about 28 steps for a row, and asks after 10,000.
    private static let rowsPerQuestion = 350

    init(rows: Int, _ progress: @escaping ProgressHandler) {
        self.rows = rows
        self.progress = progress
    }

    /// Returns whether the caller wants it to end.
    func advance() -> Bool {
        done = min(rows, done + Self.rowsPerQuestion)
        do { try progress(MaintenanceProgress(done: done, total: rows)) } catch { self.error = error }
        return error != nil
    }
}
