extension VectorStore {
    /// Copies the newest state of the store, one commit, to a new directory, while this and other processes read and write.
    ///
    /// The backup is a store: open it, or put it back with ``VectorStoreBackup/restore(_:to:_:progress:)``. Every row and all
    /// metadata are checked against their checksums. It is durable when this returns, and is made under the name
    /// `PATH.partial-…`, so that one that was interrupted is never taken for a whole one. It also holds the bytes of rows
    /// that were deleted or replaced and whose space was not given back yet: compact or erase first if it must not.
    ///
    /// Writers, and a rewrite, go on meanwhile. A compaction in place, a punch and an erasure wait for the copy of the data
    /// file, five seconds at most. Costs reading and writing the store's bytes once, where the file system can't share
    /// them, and bounded memory.
    ///
    /// - Parameters:
    ///   - path: The directory to make; its parent must exist.
    ///   - incremental: Whether `path` may be an earlier backup of this store, which is then brought up to date: by what was
    ///     appended since, if there was no compaction and no erasure and nobody has changed the backup; else by a whole one
    ///     that takes its place. At any instant there is one whole backup there. An earlier one that somebody has written to,
    ///     or put a file into, is moved aside (``BackupReport/movedAside``), any other goes.
    ///   - options: A rate limit and a deadline.
    ///   - progress: Called between pieces of a MiB; what it throws stops the backup, and comes out of this call. It may read
    ///     the store, and must not write to it.
    /// - Throws: `alreadyExists` if there is something else at `path`, also a later backup; `invalidArgument` for the store
    ///   itself or a place in a store; `damaged`, with the ids, where a row doesn't match its checksum; `locked` where somebody writes to the earlier backup; `diskFull`; `deadlineExceeded`.
    @discardableResult
    public func backup(
        to path: String,
        incremental: Bool = false,
        _ options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> BackupReport {
        try backup(to: path, incremental: incremental, options, SystemFileSystem(), progress)
    }

    func backup(
        to path: String,
        incremental: Bool,
        _ options: MaintenanceOptions,
        _ fileSystem: any FileSystem,
        _ progress: @escaping ProgressHandler
    ) throws -> BackupReport {
        try Pace.check(options)
        try writer?.flush()
        let backup = StoreBackup(
            readers: readers,
            source: paths,
            fileSystem: fileSystem,
            pace: Pace(options, progress)
        )
        do { return try backup.run(to: path, incremental: incremental) } catch let callers as CallersError {
            throw callers.error
        }
    }
}

/// Work on backups that doesn't depend on the type of their ids.
public enum VectorStoreBackup {
    /// Puts a copy of a backup in the place of the store at `path`, or where there is none.
    ///
    /// The copy is made beside the store and checked in whole: rows, metadata, and the index by SQLite. Then the two directories
    /// exchange their names, in one step where the file system can do that; the old one becomes `PATH.before-<time>`, and can be
    /// deleted once it isn't needed. Handles that have the old one open keep it: writing says `moved` then, and so does the
    /// next read. A link at `path` stays, and what it leads to is replaced. The backup isn't changed.
    ///
    /// - Returns: What was done, and where the old one is.
    /// - Throws: `locked` where somebody writes to the store; `damaged` where the backup is; `alreadyExists` where `path` is
    ///   a directory of other things; `invalidArgument` where it is a mount point; `diskFull`; `deadlineExceeded`.
    @discardableResult
    public static func restore(
        _ backup: String,
        to path: String,
        _ options: MaintenanceOptions = MaintenanceOptions(),
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> RestoreReport {
        try restore(backup, to: path, options, SystemFileSystem(), progress)
    }

    static func restore(
        _ backup: String,
        to path: String,
        _ options: MaintenanceOptions,
        _ fileSystem: any FileSystem,
        _ progress: @escaping ProgressHandler
    ) throws -> RestoreReport {
        try Pace.check(options)
        let paths = try StorePaths(backup)
        try StoreDirectory.check(paths)
        let restore = Restore(
            backup: paths,
            place: try Place(path, fileSystem),
            fileSystem: fileSystem,
            pace: Pace(options, progress)
        )
        do { return try restore.run() } catch let callers as CallersError { throw callers.error }
    }
}
