#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Makes a store's directory. The database gets its name last, when it is complete: a directory without it is no store.
///
/// | after | a crash leaves | then |
/// | --- | --- | --- |
/// | 1. the directory is made, and its parent synced | an empty directory, or none | `create` begins anew in it |
/// | 2. the lock files are made | the lock files | the same |
/// | 3. the data file is made with its header; file and name are synced | a file without rows | the same |
/// | 4. the database is made under another name, with schema and record, and synced | the database, in part or whole | the same |
/// | 5. the database is renamed | what step 4 leaves, or the store; beside either an empty log | |
/// | 6. the directory is synced | the store | |
/// | 7. the mark of commit 0 is written to the writer's lock file, and synced | the store; a mark that isn't whole says nothing | |
struct StoreCreation {
    private let paths: StorePaths
    private let fileSystem: any FileSystem
    private let model: EmbeddingModel?
    private let wantsCodes: Bool

    private static let ownNames = StorePaths.unfinishedNames.union(EpochLocks.names + [StorePaths.writerLockName])

    /// Makes the store at `path`. If that fails, nothing of it stays.
    static func run(
        _ path: String,
        _ record: StoreRecord,
        model: EmbeddingModel?,
        wantsCodes: Bool,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) -> OpenStore {
        let isNew = try makeDirectory(path)
        let creation = StoreCreation(
            paths: try StorePaths(path),
            fileSystem: fileSystem,
            model: model,
            wantsCodes: wantsCodes
        )
        do { return try creation.run(record) } catch {
            if isNew { creation.removeDirectory() }
            throw error
        }
    }

    private func run(_ record: StoreRecord) throws(VectorStoreError) -> OpenStore {
        // This check comes before the lock file is made, so that nothing is put into a directory of somebody else. It
        // is repeated under the lock, when nobody else can be creating the store.
        try checkUnfinished()
        if !PlantedBug.parentNotSynced.isPlanted {
            try mapped(fileSystem.sync(Directory(Directory.parent(of: directory.path))))
        }
        let lock = try Writer.lock(paths)
        try checkUnfinished()
        do { return try fill(record, lock) } catch {
            removeFiles()
            throw error
        }
    }

    private var directory: Directory { paths.directory }

    private func fill(_ record: StoreRecord, _ lock: FileLock) throws(VectorStoreError) -> OpenStore {
        _ = try mapped(EpochLocks(directory, creates: true))
        for name in try mapped(directory.names()) where StorePaths.unfinishedNames.contains(name) {
            try mapped(fileSystem.unlink(name, in: directory))
        }
        _ = try mapped(DataFile.create(in: directory, record.header, fileSystem))
        try makeIndex(record)
        let (store, _) = try Recovery.open(paths, lock, LogWitness(paths, fileSystem) { false })
        try store.session.log.mark.committed { () throws(VectorStoreError) in record }
        // The first log will have another token than this mark.
        store.session.log.mark.endCheckpoint(record)
        return store
    }

    /// Removes the files of a failed creation, whose lock is held. If the index has its name, there may be a store
    /// although `create` failed; then nothing is removed.
    private func removeFiles() {
        do { if try directory.status(StorePaths.indexName) != nil { return } } catch { return }
        for name in Self.ownNames where name != StorePaths.writerLockName {
            try? fileSystem.unlink(name, in: directory)
        }
        // The lock file goes last: without it, the other files would be taken for somebody else's.
        try? fileSystem.unlink(StorePaths.writerLockName, in: directory)
    }

    /// Removes the directory unless it contains something.
    private func removeDirectory() {
        if directory.isAtItsPath { _ = unsafe rmdir(directory.path) }
    }

    private func makeIndex(_ record: StoreRecord) throws(VectorStoreError) {
        try StoreIndex.create(StorePaths.newIndexName, in: directory, record, model: model, wantsCodes: wantsCodes)
        if !PlantedBug.newIndexNotSynced.isPlanted { try syncNewIndex() }
        try mapped(fileSystem.rename(StorePaths.newIndexName, to: StorePaths.indexName, in: directory))
        try mapped(fileSystem.sync(directory))
    }

    /// Closes the file before it gets its name. After that, another thread may have opened the store, and closing any
    /// descriptor of a file drops all of the process's POSIX locks on it, SQLite's among them.
    private func syncNewIndex() throws(VectorStoreError) {
        do throws(SystemError) {
            let descriptor = try fileSystem.open(StorePaths.newIndexName, in: directory, .readWrite)
            defer { fileSystem.close(descriptor) }
            try fileSystem.sync(descriptor)
        } catch { throw VectorStoreError(error.on(directory.path(StorePaths.newIndexName))) }
    }

    /// Makes the directory; returns false if it was there already.
    private static func makeDirectory(_ path: String) throws(VectorStoreError) -> Bool {
        do {
            try Directory.create(path)
            return true
        } catch {
            if error.isNoSuchFile {
                let parent = Directory.parent(of: path)
                throw VectorStoreError(
                    .noSuchStore,
                    "there is no \(parent) to create a store in",
                    remedy: "make it first"
                )
            }
            guard error.isNameTaken else { throw VectorStoreError(error) }
        }
        do { _ = try Directory(path) } catch {
            if error.errno == ENOTDIR { throw refusal(path, "is a file") }
            throw VectorStoreError(error)
        }
        return false
    }

    /// Throws unless the directory is empty, or contains only what an interrupted creation leaves: a lock file, which
    /// is made first, and files without rows. Changes nothing.
    private func checkUnfinished() throws(VectorStoreError) {
        let names = Set(try mapped(directory.names()))
        guard names.isEmpty || names.isSubset(of: Self.ownNames) && names.contains(StorePaths.writerLockName) else {
            throw Self.refusal(directory.path, "exists already")
        }
        let commits = try CommitMark.read(paths, fileSystem)?.sequence ?? 0
        guard commits == 0 && StoreDirectory.holdsNothing(paths) else {
            throw Self.refusal(directory.path, "holds vectors, and no index.sqlite")
        }
    }

    private static func refusal(_ path: String, _ what: String) -> VectorStoreError {
        VectorStoreError(.alreadyExists, "\(path) \(what)")
    }
}
