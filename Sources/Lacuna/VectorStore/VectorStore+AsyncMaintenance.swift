// See VectorStore+AsyncReading.swift. A cancelled compaction, erasure, acceleration, re-embedding or backup ends at its
// next batch, and the call returns when it has ended. What it leaves is what the blocking call leaves if its progress
// handler throws.

extension VectorStore {
    /// Gives the space of dead rows back: see ``compact(_:options:progress:)``.
    ///
    /// It works on a thread of the store's own, and so does `progress`. If the task is cancelled, it ends at its next batch,
    /// and throws `CancellationError` when it has ended; it leaves what the blocking call leaves if `progress` throws.
    @discardableResult
    public func compact(
        _ strategy: CompactionStrategy = .auto,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> CompactionReport {
        try await calls.maintenance.run { [self] in try compact(strategy, options: options, progress: progress) }
    }

    /// The plan of what ``compact(_:options:progress:)`` would do now. Changes nothing.
    public func compactionPlan(_ strategy: CompactionStrategy = .auto) async throws -> CompactionPlan {
        try await calls.reading.run { [self] in try compactionPlan(strategy) }
    }

    /// Deletes rows and destroys their bytes: see ``erase(_:options:progress:)``.
    ///
    /// It works on a thread of the store's own, and so does `progress`. If the task is cancelled before the rows are
    /// deleted, nothing happens. After that it ends at the next piece of the file, and the erasure stays pending, as after
    /// an error.
    @discardableResult
    public func erase(
        _ ids: [ID],
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> ErasureReport {
        try await calls.maintenance.run { [self] in try erase(ids, options: options, progress: progress) }
    }

    /// Makes codes of the rows, with which searches are faster: see ``accelerate(options:progress:)``.
    ///
    /// It works on a thread of the store's own, and so does `progress`. If the task is cancelled, it ends at its next batch,
    /// and throws `CancellationError` when it has ended; it leaves what the blocking call leaves if `progress` throws.
    @discardableResult
    public func accelerate(
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> AccelerationReport {
        try await calls.maintenance.run { [self] in try accelerate(options: options, progress: progress) }
    }

    /// Removes the codes. From then on searches compare the rows themselves.
    public func stopAccelerating() async throws {
        try await calls.maintenance.run { [self] in try stopAccelerating() }
    }

    /// Gives all rows new vectors, and makes all of them current in one transaction: see
    /// ``reembed(dimension:model:options:progress:_:)``.
    ///
    /// `embed` isn't asynchronous: it runs on a thread of the store's own, and may block that thread. If the task is
    /// cancelled, the call ends before the next batch; the rows that were embedded stay so, and the next call goes on.
    @discardableResult
    public func reembed(
        dimension: Int,
        model: EmbeddingModel? = nil,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in },
        _ embed: sending @escaping (_ ids: [ID], _ metadata: [String?], _ vectors: [[Float]]) throws -> [[Float]]
    ) async throws -> ReembeddingReport {
        try await calls.maintenance.run { [self] in
            try reembed(dimension: dimension, model: model, options: options, progress: progress, embed)
        }
    }

    /// Drops the new vectors of a re-embedding that was begun and not ended: see ``abortReembedding()``.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func abortReembedding() async throws -> Bool {
        try await calls.maintenance.run { [self] in try abortReembedding() }
    }

    /// Copies the newest state of the store to a new directory, or brings an earlier backup up to date: see
    /// ``backup(to:incremental:options:progress:)``.
    ///
    /// It works on a thread of the store's own, and so does `progress`. If the task is cancelled, it ends at its next
    /// MiB, and `path` is as it was.
    @discardableResult
    public func backup(
        to path: some StorePathConvertible,
        incremental: Bool = false,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> BackupReport {
        try await calls.maintenance.run { [self] in
            try backup(to: path, incremental: incremental, options: options, progress: progress)
        }
    }

    // MARK: Indexes

    /// Makes an index on a field of the metadata: see ``createMetadataIndex(on:_:progress:)``.
    ///
    /// Writers wait meanwhile, and readers don't. If the task is cancelled, nothing has changed.
    public func createMetadataIndex(
        on key: String,
        _ more: String...,
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws {
        try await calls.maintenance.run { [self] in try createMetadataIndex([key] + more, progress) }
    }

    /// Drops the index on a field of the metadata, in one durable transaction.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func dropMetadataIndex(on key: String, _ more: String...) async throws -> Bool {
        try await calls.maintenance.run { [self] in try dropMetadataIndex([key] + more) }
    }

    /// Makes the text index, in which searches look for words: see ``createTextIndex(on:tokenizer:progress:)``.
    ///
    /// Writers wait meanwhile, and readers don't. If the task is cancelled, nothing has changed.
    public func createTextIndex(
        on fields: [String],
        tokenizer: TextTokenizer = .unicode,
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws {
        try await calls.maintenance.run { [self] in
            try createTextIndex(on: fields, tokenizer: tokenizer, progress: progress)
        }
    }

    /// Drops the text index, in one durable transaction.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func dropTextIndex() async throws -> Bool {
        try await calls.maintenance.run { [self] in try dropTextIndex() }
    }
}
