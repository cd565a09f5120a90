// See VectorStore+AsyncReading.swift.

extension VectorStore {
    /// Makes an empty store in a new directory, and opens it: see ``create(at:configuration:options:)``.
    public static func create(
        at path: some StorePathConvertible,
        configuration: VectorStoreConfiguration,
        options: VectorStoreOptions = .init()
    ) async throws -> VectorStore {
        try await AsyncCalls.opening.run { try create(at: path, configuration: configuration, options: options) }
    }

    /// Opens a store: see ``open(at:access:options:)``.
    ///
    /// A recovery after a crash is part of it. If the task is cancelled, the check of a long log ends; a recovery that has
    /// begun goes on to its end.
    public static func open(
        at path: some StorePathConvertible,
        access: VectorStoreAccess = .readWrite,
        options: VectorStoreOptions = .init()
    ) async throws -> VectorStore {
        try await AsyncCalls.opening.run { try open(at: path, access: access, options: options) }
    }

    /// Opens the store at a path for writing, or makes an empty one if there is none: see
    /// ``openOrCreate(at:configuration:options:)``.
    public static func openOrCreate(
        at path: some StorePathConvertible,
        configuration: VectorStoreConfiguration,
        options: VectorStoreOptions = .init()
    ) async throws -> VectorStore {
        try await AsyncCalls.opening.run {
            try openOrCreate(at: path, configuration: configuration, options: options)
        }
    }

    /// Closes the store: later calls throw `closed`. Waits for a write that is under way, without blocking a thread of
    /// Swift's: see ``close()``. It does so in a cancelled task too.
    public func close() async throws {
        try await AsyncCalls.opening.run(isCancellable: false) { [self] in try close() }
    }

    /// Closes everything that locks a file of the store, until ``resume()``. Waits without blocking a thread of Swift's: see
    /// ``suspend(within:)``. It does so in a cancelled task too.
    public func suspend(within limit: Duration) async throws {
        try await calls.suspending.run(isCancellable: false) { [self] in try suspend(within: limit) }
    }

    /// Opens a suspended store again: see ``resume()``. It does so in a cancelled task too.
    public func resume() async throws {
        try await calls.suspending.run(isCancellable: false) { [self] in try resume() }
    }
}

extension VectorStoreInfo {
    /// Reads a store's description without knowing its ids' type, and without opening its vectors: see ``read(at:)``.
    public static func read(at path: some StorePathConvertible) async throws -> VectorStoreInfo {
        try await AsyncCalls.opening.run { try read(at: path) }
    }
}

extension VectorStoreRecovery {
    /// Puts in order what a crash has left of the store at `path`: see ``recover(at:dryRun:)``.
    public static func recover(
        at path: some StorePathConvertible,
        dryRun: Bool = false
    ) async throws -> RecoveryReport {
        try await AsyncCalls.repairing.run { try recover(at: path, dryRun: dryRun) }
    }

    /// Passes every row that is left of a damaged store to `body`, on a thread of Lacuna's own: see
    /// ``salvage(at:progress:_:)``.
    public static func salvage(
        at path: some StorePathConvertible,
        progress: sending @escaping ProgressHandler = { _ in },
        _ body: sending @escaping (SalvagedRow) throws -> Void
    ) async throws -> SalvageReport {
        try await AsyncCalls.repairing.run { try salvage(at: path, progress: progress, body) }
    }
}

extension VectorStoreBackup {
    /// Puts a copy of a backup in the place of the store at `path`; there need not be a store: see
    /// ``restore(_:to:options:progress:)``.
    ///
    /// If the task is cancelled before the two directories exchange their names, `path` is as it was.
    @discardableResult
    public static func restore(
        _ backup: some StorePathConvertible,
        to path: some StorePathConvertible,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: sending @escaping ProgressHandler = { _ in }
    ) async throws -> RestoreReport {
        try await AsyncCalls.repairing.run { try restore(backup, to: path, options: options, progress: progress) }
    }
}
