/// Makes a store's directory. The database gets its name last, and whole: a directory without it holds no store.
///
/// | after | a crash leaves | then |
/// | --- | --- | --- |
/// | 1. the directory, and the sync of its parent | an empty directory, or none | `create` begins anew in it |
/// | 2. the lock files | those | the same |
/// | 3. the data file with its header; file and name are synced | a file without rows | the same |
/// | 4. the database under another name, with schema and record, synced | that, in part or whole | the same |
/// | 5. the database renamed | step 4's, or the store; beside either an empty log | |
/// | 6. the directory synced | the store | |
/// | 7. the mark of commit 0 in the writer's lock file, synced | the store; a mark that isn't whole says nothing | |
struct StoreCreation {
    let paths: StorePaths
    let fileSystem: any FileSystem

    private static let ownNames = StorePaths.unfinishedNames.union(
        StorePaths.readerLockNames + [StorePaths.writerLockName]
    )

    func run(_ record: StoreRecord) throws(VectorStoreError) -> Opened {
        try makeDirectory()
        // Looked at before the lock file is made, so that nothing is put into a directory of somebody else's, and again
        // when nobody else can be creating the store.
        try checkUnfinished()
        if !PlantedBug.parentNotSynced.isPlanted {
            try mapped(fileSystem.syncDirectory(Directory.parent(of: paths.directory)))
        }
        let lock = try Writer.lock(paths)
        try checkUnfinished()
        _ = try mapped(EpochLocks(StorePaths.readerLockNames.map(paths.path)))
        for name in try mapped(Directory.names(paths.directory)) where StorePaths.unfinishedNames.contains(name) {
            try mapped(fileSystem.unlink(paths.path(name)))
        }
        let file = try mapped(DataFile.create(paths, record.header, fileSystem))
        try makeIndex(record)
        let session = try WriteSession.open(paths, LogWitness(paths, fileSystem) { false })
        session.files.advance(to: file)
        try session.floor.committed(session.index.record)
        session.floor.endCheckpoint(record)
        session.index.connection.checkpointsOnClose(true)
        return Opened(session: session, lock: lock)
    }

    private func makeIndex(_ record: StoreRecord) throws(VectorStoreError) {
        try StoreIndex.create(paths.newIndex, record)
        if !PlantedBug.newIndexNotSynced.isPlanted { try syncNewIndex() }
        try mapped(fileSystem.rename(paths.newIndex, to: paths.index))
        try mapped(fileSystem.syncDirectory(paths.directory))
    }

    /// Closes the file before it has its name: once it has, another thread may have opened the store, and closing any
    /// descriptor of a file drops all of the process's POSIX locks on it, SQLite's among them.
    private func syncNewIndex() throws(VectorStoreError) {
        do throws(SystemError) {
            let descriptor = try fileSystem.open(paths.newIndex, .readWrite)
            defer { fileSystem.close(descriptor) }
            try fileSystem.sync(descriptor)
        } catch { throw VectorStoreError(error.on(paths.newIndex)) }
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

    /// Throws unless the directory holds nothing, or what an interrupted creation leaves: a lock file, which is its first,
    /// and files with nothing in them. Changes neither.
    private func checkUnfinished() throws(VectorStoreError) {
        let names = Set(try mapped(Directory.names(paths.directory)))
        guard names.isEmpty || names.isSubset(of: Self.ownNames) && names.contains(StorePaths.writerLockName) else {
            throw refusal("exists already")
        }
        let commits = try CommitMark.read(paths, fileSystem)?.sequence ?? 0
        guard commits == 0 && StoreDirectory.holdsNothing(paths) else {
            throw refusal("holds vectors, and no index.sqlite")
        }
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
