/// What is at a store's path, found out by names alone, before any file is opened.
enum StoreDirectory {
    /// What a directory holds that may be a store, however damaged.
    static func names(_ paths: StorePaths) throws(VectorStoreError) -> [String] {
        guard let status = try mapped(Directory.status(paths.directory)) else {
            throw VectorStoreError(
                .noSuchStore,
                "there is no store at \(paths.directory); check the path, or create the store"
            )
        }
        guard status.isDirectory else {
            throw VectorStoreError(
                .notAStore,
                "\(paths.directory) is a file, and a store is a directory; check the path"
            )
        }
        return try mapped(Directory.names(paths.directory))
    }

    /// Throws unless there is a directory with an index in it.
    static func check(_ paths: StorePaths) throws {
        let names = try names(paths)
        if names.contains(StorePaths.indexName) {
            // Without a lock file it may be another program's database: looked at before a lock file is put beside it.
            if !names.contains(StorePaths.writerLockName) { try checkIndex(paths) }
            return
        }
        let remains = names.filter {
            StorePaths.indexNames.contains($0) || StorePaths.generation(ofDataFile: $0) != nil
        }
        // An interrupted creation's, or nothing of ours.
        if Set(remains).isSubset(of: StorePaths.unfinishedNames) && holdsNothing(paths) { throw noStore(paths) }
        throw VectorStoreError.damaged("index.sqlite is missing beside \(remains.joined(separator: ", "))")
    }

    static func noStore(_ paths: StorePaths) -> VectorStoreError {
        VectorStoreError(
            .notAStore,
            "\(paths.directory) holds no index.sqlite of a store: it is not a store; check the path"
        )
    }

    private static func checkIndex(_ paths: StorePaths) throws {
        let source = try IndexSource.forReading(paths)
        let witness = LogWitness(paths, SystemFileSystem()) { Task.isCancelled }
        _ = try source.whileUnchanged { try StoreIndex.openForReading(source.path, source.mode, checkedBy: witness) }
    }

    /// Whether no row and no commit can be in a directory without an index, as an interrupted creation leaves it: the first
    /// generation's file is missing, or has a header or a part of it and nothing else, and the log is empty. That may have
    /// been made for an index whose new name a power cut has undone.
    static func holdsNothing(_ paths: StorePaths) -> Bool {
        let path = paths.path(StorePaths.dataFileName(generation: 1))
        do {
            if let log = try Directory.status(paths.log), log.size > 0 { return false }
            guard let file = try Directory.status(path) else { return true }
            if file.size > DataFileHeader.length { return false }
            return DataFileHeader.isUnfinished(try DataFile.firstBytes(path, SystemFileSystem()))
        } catch { return false }
    }
}
