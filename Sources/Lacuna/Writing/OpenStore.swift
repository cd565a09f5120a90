/// A store whose index is open for writing, but whose journal and log weren't dealt with yet. Nothing can be written to
/// it before recovery makes an ``OpenStore`` of it.
struct UnrecoveredStore: ~Copyable {
    private let session: WriteSession
    private let lock: FileLock

    /// Opens the index of a store whose lock the caller holds, so that nobody else writes it.
    ///
    /// - Throws: `damaged`, with nothing changed, if commits are missing.
    init(_ paths: StorePaths, _ lock: FileLock, _ witness: LogWitness) throws(VectorStoreError) {
        let mark = try witness.mark()
        let index = try StoreIndex.openForWriting(paths.directory, witness, mark)
        session = try WriteSession(index, paths, lock, witness.fileSystem, mark)
        self.lock = lock
    }

    /// Calls `recover`, which puts the store in order, and returns the recovered store with the result.
    consuming func recovered<R>(
        by recover: (WriteSession) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> (OpenStore, R) {
        let result = try recover(session)
        return (OpenStore(session: session, lock: lock), result)
    }
}

/// A recovered store: the session that writes to it, and the lock that makes this session the only one.
package struct OpenStore {
    var session: WriteSession
    let lock: FileLock

    fileprivate init(session: WriteSession, lock: FileLock) {
        self.session = session
        self.lock = lock
    }
}
