/// Checks by names alone what is at a store's path, before any file is opened.
enum StoreDirectory {
    /// Throws unless the directory contains an index.
    static func check(_ paths: StorePaths) throws {
        let directory = paths.directory
        if try mapped(directory.status(StorePaths.indexName)) != nil {
            // Without a lock file, the index may be another program's database. So it is checked before a lock file is
            // put beside it.
            if try mapped(directory.status(StorePaths.writerLockName)) == nil { try checkIndex(paths) }
            return
        }
        let remains = try mapped(directory.names()).filter {
            StorePaths.indexNames.contains($0) || StorePaths.generation(ofDataFile: $0) != nil
        }
        // These are the files of an interrupted creation, or none of ours.
        if Set(remains).isSubset(of: StorePaths.unfinishedNames) && holdsNothing(paths) { throw noStore(paths) }
        throw VectorStoreError.damaged("index.sqlite is missing beside \(remains.joined(separator: ", "))")
    }

    static func noStore(_ paths: StorePaths) -> VectorStoreError {
        VectorStoreError(
            .notAStore,
            "\(paths.directory.path) is not a store: it holds no index.sqlite of one"
        )
    }

    private static func checkIndex(_ paths: StorePaths) throws {
        let source = try IndexSource.forReading(paths)
        let witness = LogWitness(paths, SystemFileSystem()) { AsyncCall.isCancelled }
        _ = try source.whileUnchanged {
            try StoreIndex.openForReading(source.directory, source.mode, checkedBy: witness)
        }
    }

    /// Whether a directory without an index can contain no row and no commit, as an interrupted creation leaves it: the
    /// first generation's file is missing, or has only a header or a part of one, and the log is empty. An empty log
    /// may have been made for an index whose new name a power cut has undone.
    static func holdsNothing(_ paths: StorePaths) -> Bool {
        let directory = paths.directory
        do {
            if let log = try directory.status(StorePaths.logName), log.size > 0 { return false }
            return try StorePaths.firstDataFileNames.allSatisfy { name in
                guard let file = try directory.status(name) else { return true }
                if file.size > DataFileHeader.length { return false }
                return DataFileHeader.isUnfinished(try DataFile.firstBytes(name, in: directory, SystemFileSystem()))
            }
        } catch { return false }
    }
}
