extension VectorStore {
    /// What this handle has done since it was opened, and what it holds. The counters are always on: a search and a
    /// commit each take a lock for them once. This call reads the size of the log, and the index once, in microseconds.
    ///
    /// A handle counts what it does itself; ``space`` and `stats` of the command describe the store.
    public var statistics: StoreStatistics {
        get throws(VectorStoreError) {
            try storeErrors {
                var statistics = counters.statistics
                statistics.reads += readers.threads.reads
                statistics.logBytes = try mapped(paths.directory.status(StorePaths.logName))?.size ?? 0
                statistics.idCacheBytes = memory.rowIDs?.bytes ?? 0
                statistics.codesBytes = try read { try $0.codesBytes }
                return statistics
            }
        }
    }
}

extension VectorStoreSnapshot {
    fileprivate var codesBytes: Int64 {
        get throws {
            guard let file = try snapshot.index.codes(snapshot.record.generation) else { return 0 }
            return try mapped(paths.derivedFileStatus(file.name))?.size ?? 0
        }
    }
}
