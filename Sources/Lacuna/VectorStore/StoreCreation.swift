/// Makes a store's directory.
///
/// | after | a crash leaves | then |
/// | --- | --- | --- |
/// | 1. the directory | an empty directory | `create` carries on in it |
/// | 2. the lock files | those | the same |
/// | 3. the database, empty; the data file with its header; both names synced | files without rows | the same |
/// | 4. the database, without a schema; its name is older than its log's | a database without a schema | the same; `open` says that it is unfinished |
/// | 5. the transaction with the schema and the record | the store, in the log alone, or the row before | |
/// | 6. the mark of commit 0 in the writer's lock file, synced | the same; a mark of a store that never came to be says nothing | |
/// | 7. the directory and its parent are synced | the store, in the log alone | |
/// | 8. the log is emptied into the database | the store, whatever becomes of the log | |
///
/// On a full disk step 8 is left to the first checkpoint.
struct StoreCreation {
    let paths: StorePaths
    let fileSystem: any FileSystem

    /// The names that an interrupted creation may have left.
    private static let ownNames = Set(
        StorePaths.indexNames + StorePaths.readerLockNames
            + [StorePaths.writerLockName, StorePaths.dataFileName(generation: 1)]
    )

    func run(_ record: StoreRecord) throws(VectorStoreError) -> Opened {
        try makeDirectory()
        // Looked at before the lock file is made, so that nothing is put into a directory of somebody else's, and again
        // when nobody else can be creating the store.
        try checkNames()
        try checkUnfinished()
        let lock = try Writer.lock(paths)
        try checkNames()
        try checkUnfinished()
        _ = try mapped(EpochLocks(StorePaths.readerLockNames.map(paths.path)))
        do { fileSystem.close(try fileSystem.open(paths.index, .createNew)) } catch {
            if !error.isNameTaken { throw VectorStoreError(error) }
        }
        if try mapped(Directory.status(paths.path(record.dataFile))) != nil {
            // Ours, by `checkUnfinished`, and without rows; its header names a store that never came to be.
            try mapped(fileSystem.unlink(paths.path(record.dataFile)))
        }
        let file = try mapped(DataFile.create(paths, record.header, fileSystem))
        let index = try StoreIndex.create(paths.index, record)
        let session = try WriteSession(index, paths, fileSystem, nil)
        session.files.advance(to: file)
        try session.floor.committed(index.record)
        try mapped(fileSystem.syncDirectory(paths.directory))
        try mapped(fileSystem.syncDirectory(Directory.parent(of: paths.directory)))
        do { _ = try session.emptyLog() } catch {
            guard error.code == .diskFull else { throw error }
        }
        index.connection.checkpointsOnClose(true)
        return Opened(session: session, lock: lock)
    }

    private func makeDirectory() throws(VectorStoreError) {
        do { return try Directory.create(paths.directory) } catch {
            if error.isNoSuchFile {
                let parent = Directory.parent(of: paths.directory)
                throw VectorStoreError(.noSuchStore, "there is no \(parent) to create a store in; make it first")
            }
            guard error.isNameTaken else { throw VectorStoreError(error) }
        }
        let status = try mapped(Directory.status(paths.directory))
        if status?.isDirectory != true { throw refusal("is a file") }
    }

    /// Throws unless the directory holds nothing, or names that an interrupted creation leaves: the lock file is its first.
    private func checkNames() throws(VectorStoreError) {
        let names = Set(try mapped(Directory.names(paths.directory)))
        guard names.isEmpty || names.isSubset(of: Self.ownNames) && names.contains(StorePaths.writerLockName) else {
            throw refusal("exists already")
        }
        if !names.contains(StorePaths.indexName) && names.contains(StorePaths.indexName + "-wal") {
            throw refusal("holds a log whose database is missing")
        }
    }

    /// Throws where what is there is more than an interrupted creation's: a database with a schema, or a data file with
    /// anything but a header in it. Changes neither.
    private func checkUnfinished() throws(VectorStoreError) {
        guard StoreDirectory.isBlankOrEmpty(paths) else { throw refusal("holds vectors") }
        guard try mapped(Directory.status(paths.index)) != nil else { return }
        let commits = try CommitMark.read(paths, fileSystem)?.sequence ?? 0
        if try !StoreIndex.isBlank(paths.index) || commits > 0 { throw refusal("holds a database already") }
    }

    private func refusal(_ what: String) -> VectorStoreError {
        VectorStoreError(.alreadyExists, "\(paths.directory) \(what); choose another path, or move it away")
    }
}

/// A store's writing side: the session, and the lock that makes it the only one.
struct Opened: ~Copyable {
    let session: WriteSession
    let lock: FileLock
}
