extension VectorStore {
    /// Copies the newest state of the store, one commit, to a new directory, while this and other processes read and write.
    ///
    /// The backup is a store: open it, or put it back with ``VectorStoreBackup/restore(_:to:options:progress:)``. Every row
    /// and all metadata are checked against their checksums. The backup is durable when this returns. It is made under
    /// the name `PATH.partial-…`, so that an interrupted backup is never mistaken for a whole one. It also contains the
    /// bytes of rows that were deleted or replaced, if their space was not given back yet; if it must not contain them,
    /// compact or erase first.
    ///
    /// Writers and a rewrite go on meanwhile. A compaction in place, a punch and an erasure wait for the copy of the
    /// data file, five seconds at most. This reads the store's bytes once, and writes them once if the file system
    /// can't share them; it takes bounded memory.
    ///
    /// - Parameters:
    ///   - path: The directory to make; its parent must exist.
    ///   - incremental: Whether `path` may be an earlier backup of this store, which is then brought up to date. If
    ///     there was no compaction and no erasure since, and nobody has changed the backup, the rows appended since are
    ///     added; otherwise a whole new backup takes its place. At any instant there is one whole backup at `path`. If
    ///     somebody has written to the earlier backup or put a file into it, it is moved aside
    ///     (``BackupReport/movedAside``); otherwise it is removed.
    ///   - options: A rate limit and a deadline.
    ///   - progress: Called between pieces of 1 MiB. An error that it throws stops the backup, and this call throws it.
    ///     It may read the store, and must not write to it.
    /// - Throws: `alreadyExists` if something else is at `path`, also a later backup; `invalidArgument` for the store
    ///   itself or a place in a store; `damaged`, with the ids, if a row doesn't match its checksum; `locked` if
    ///   somebody writes to the earlier backup; `diskFull`; `deadlineExceeded`.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func backup(
        to path: some StorePathConvertible,
        incremental: Bool = false,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> BackupReport {
        try backup(
            to: path.storePath,
            incremental: incremental,
            options: options,
            fileSystem: SystemFileSystem(),
            progress: progress
        )
    }

    func backup(
        to path: String,
        incremental: Bool,
        options: MaintenanceOptions,
        fileSystem: any FileSystem,
        progress: @escaping ProgressHandler
    ) throws -> BackupReport {
        try Pace.check(options)
        try writer?.flush()
        let backup = StoreBackup(
            readers: readers,
            source: paths,
            fileSystem: fileSystem,
            pace: Pace(options, unlessSuspended(progress))
        )
        do { return try backup.run(to: path, incremental: incremental) } catch let callers as CallersError {
            throw callers.error
        }
    }
}

/// Work on backups that doesn't depend on the type of their ids.
public enum VectorStoreBackup {
    /// Puts a copy of a backup in the place of the store at `path`; there need not be a store.
    ///
    /// The copy is made beside the store and checked completely: its rows, its metadata, and, by SQLite, its index.
    /// Then the two directories exchange their names, in one step if the file system can do that. The old store becomes
    /// `PATH.before-<time>`, and can be deleted once it isn't needed. Handles that have the old store open keep it
    /// open; their next write or read throws `moved`. If `path` is a link, the link stays, and the directory that it
    /// leads to is replaced. The backup isn't changed.
    ///
    /// - Returns: A report of the work, with the path of the old store.
    /// - Throws: `locked` if somebody writes to the store; `damaged` if the backup is damaged; `alreadyExists` if
    ///   `path` is a directory with other files; `invalidArgument` if it is a mount point; `diskFull`;
    ///   `deadlineExceeded`.
    @discardableResult
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func restore(
        _ backup: some StorePathConvertible,
        to path: some StorePathConvertible,
        options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> RestoreReport {
        try restore(
            backup.storePath,
            to: path.storePath,
            options: options,
            fileSystem: SystemFileSystem(),
            progress: progress
        )
    }

    static func restore(
        _ backup: String,
        to path: String,
        options: MaintenanceOptions,
        fileSystem: any FileSystem,
        progress: @escaping ProgressHandler
    ) throws -> RestoreReport {
        try Pace.check(options)
        let paths = try StorePaths(backup)
        try StoreDirectory.check(paths)
        let restore = Restore(
            backup: paths,
            location: try StoreLocation(path, fileSystem),
            fileSystem: fileSystem,
            pace: Pace(options, progress)
        )
        do { return try restore.run() } catch let callers as CallersError { throw callers.error }
    }
}
