// The asynchronous calls: each does what the blocking one of the same name and parameters does, on a thread of the
// store's own. A blocking call can't be written by mistake where an asynchronous one is possible.
//
// To wake a thread, and then the task's, takes longer than to read a row or search a small store. So one short read at a
// time runs on the task's own thread.
//
// If the task is cancelled, they throw `CancellationError`: at once while the call waits for a thread or for its turn to
// write, and otherwise as soon as the work notices. A change that was begun ends as usual, so what a call returned is
// what happened.

extension VectorStore {
    /// Calls `body` with the newest state of the store, on a thread of the store's own: see ``read(_:)``.
    ///
    /// `body` isn't asynchronous, since a snapshot can't live across a suspension. What it captures and returns is sent.
    ///
    /// - Throws: The error of `body`; `CancellationError` if the task was cancelled before the read began, or while a
    ///   long part of it was under way; an error of the store.
    public func read<R>(
        _ body: sending @escaping (borrowing VectorStoreSnapshot<ID>) throws -> sending R
    ) async throws -> sending R {
        try await calls.reading.run { [self] in
            nonisolated(unsafe) let result = try read(body)
            return unsafe result
        }
    }

    /// A copy of the id's vector; nil if no row has this id. See ``vector(for:)``.
    public func vector(for id: ID) async throws -> [Float]? {
        try await calls.reading.run(isShort: true) { [self] in try vector(for: id) }
    }

    /// Calls `body` with the id's vector, on a thread of the store's own; nil if no row has this id: see
    /// ``withVector(for:_:)``. The row isn't moved or destroyed until `body` returns.
    public func withVector<R>(
        for id: ID,
        _ body: sending @escaping (Span<Float>) throws -> sending R
    ) async throws -> sending R? {
        try await calls.reading.run { [self] in
            nonisolated(unsafe) let result = try withVector(for: id, body)
            return unsafe result
        }
    }

    /// Whether a row has this id.
    public func contains(_ id: ID) async throws -> Bool {
        try await calls.reading.run(isShort: true) { [self] in try contains(id) }
    }

    /// All ids of one moment, in id order. Takes O(rows) time and memory.
    public func ids() async throws -> [ID] {
        try await calls.reading.run { [self] in try ids() }
    }

    /// The ids of the rows that pass the filter, of one moment, in id order: see ``ids(where:)``. Cancelling the task ends
    /// the evaluation of the filter.
    public func ids(where filter: Filter) async throws -> [ID] {
        try await calls.reading.run { [self] in try ids(where: filter) }
    }

    /// The number of rows that pass the filter, of one moment: see ``count(where:)``. Cancelling the task ends the
    /// evaluation of the filter.
    public func count(where filter: Filter) async throws -> Int {
        try await calls.reading.run { [self] in try count(where: filter) }
    }

    /// The id's metadata; nil if it has none, or no row has this id: see ``metadata(for:as:)``.
    public func metadata<M: Decodable & Sendable>(for id: ID, as type: M.Type = M.self) async throws -> M? {
        try await calls.reading.run(isShort: true) { [self] in try metadata(for: id, as: type) }
    }

    /// The id's metadata as the JSON text that was put; nil if it has none, or no row has this id.
    public func metadataJSON(for id: ID) async throws -> String? {
        try await calls.reading.run(isShort: true) { [self] in try metadataJSON(for: id) }
    }

    /// Calls `body` with each row of one moment, or with each that passes the filter, in id order, on a thread of the
    /// store's own: see ``forEach(where:limit:includingVectors:_:)``.
    ///
    /// `body` isn't asynchronous. It may call the blocking calls of this and other stores. Cancelling the task ends the
    /// call soon; an error that `body` throws ends it at once.
    public func forEach(
        where filter: Filter? = nil,
        limit: Int? = nil,
        includingVectors: Bool = true,
        _ body: sending @escaping (StoredRow<ID>) throws -> Void
    ) async throws {
        try await calls.maintenance.run { [self] in
            try forEach(where: filter, limit: limit, includingVectors: includingVectors, body)
        }
    }

    /// The indexes on metadata and the text index.
    public func indexes() async throws -> [IndexInfo] {
        try await calls.reading.run { [self] in try indexes() }
    }

    /// The slots of the data file in some buckets of equal size: see ``slotMap(buckets:)``.
    public func slotMap(buckets count: Int) async throws -> [SlotBucket] {
        try await calls.maintenance.run { [self] in try slotMap(buckets: count) }
    }

    /// Reads and checks everything: see ``verify(progress:)``. `progress` runs on a thread of the store's
    /// own. Cancelling the task ends it soon.
    public func verify(
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> VerificationReport<ID> {
        try await calls.maintenance.run { [self] in try verify(progress: progress) }
    }
}
