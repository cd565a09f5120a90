// See VectorStore+AsyncReading.swift. A cancelled compaction, erasure, acceleration, re-embedding or backup ends at its
// next batch, and the call returns when it has ended. What it leaves is what the blocking call leaves if its progress
// handler throws.

extension VectorStore {
    /// Gives the space of dead rows back: see ``compact(_:options:progress:)-(_,_,ProgressHandler)``.
    @discardableResult
    public func compact(
        _ strategy: CompactionStrategy = .auto,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> CompactionReport {
        try await calls.maintenance.run { [self] in try compact(strategy, options: options, progress: progress) }
    }

    /// Gives the space of dead rows back within the file.
    @discardableResult
    public func punchHoles(progress: sending @escaping ProgressHandler = { _ in }) async throws -> CompactionReport {
        try await calls.maintenance.run { [self] in try punchHoles(progress: progress) }
    }

    /// The compaction that a strategy would do.
    public func compactionPlan(_ strategy: CompactionStrategy = .auto) async throws -> CompactionPlan {
        try await calls.reading.run { [self] in try compactionPlan(strategy) }
    }

    /// Deletes rows, and destroys their bytes.
    @discardableResult
    public func erase(
        _ ids: [ID],
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> ErasureReport {
        try await calls.maintenance.run { [self] in try erase(ids, options: options, progress: progress) }
    }

    /// Makes codes, with which searches are faster.
    @discardableResult
    public func accelerate(
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> AccelerationReport {
        try await calls.maintenance.run { [self] in try accelerate(options: options, progress: progress) }
    }

    /// Removes the codes, and makes no more.
    public func stopAccelerating() async throws {
        try await calls.maintenance.run { [self] in try stopAccelerating() }
    }

    /// Replaces the vectors of all rows by those of another model. `embed` runs on a thread of the store's own.
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

    /// Drops the new vectors of a re-embedding that was begun and not ended.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func abortReembedding() async throws -> Bool {
        try await calls.maintenance.run { [self] in try abortReembedding() }
    }

    /// Copies the newest state of the store to a new directory, or brings an earlier backup up to date.
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

    /// Makes an index on a field of the metadata. Writers wait meanwhile, and readers don't.
    public func createMetadataIndex(
        on key: String,
        _ more: String...,
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws {
        try await calls.maintenance.run { [self] in try createMetadataIndex([key] + more, progress) }
    }

    /// Drops the index on a field of the metadata.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func dropMetadataIndex(on key: String, _ more: String...) async throws -> Bool {
        try await calls.maintenance.run { [self] in try dropMetadataIndex([key] + more) }
    }

    /// Makes the text index, in which searches look for words. Writers wait meanwhile, and readers don't.
    public func createTextIndex(
        on fields: [String],
        tokenizer: TextTokenizer = .unicode,
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws {
        try await calls.maintenance.run { [self] in
            try createTextIndex(on: fields, tokenizer: tokenizer, progress: progress)
        }
    }

    /// Drops the text index.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func dropTextIndex() async throws -> Bool {
        try await calls.maintenance.run { [self] in try dropTextIndex() }
    }
}
