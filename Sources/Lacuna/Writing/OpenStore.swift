/// A store whose index can be written, and whose journal and log nobody has looked at yet. Nothing can be written to it:
/// recovery makes an ``OpenStore`` of it.
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

    /// `recover` puts the store in order; with what it returns.
    consuming func recovered<R>(
        by recover: (WriteSession) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> (OpenStore, R) {
        let result = try recover(session)
        return (OpenStore(session: session, lock: lock), result)
    }
}

/// A recovered store: what writes to it, and the lock that makes that the only one.
package struct OpenStore {
    var session: WriteSession
    let lock: FileLock

    fileprivate init(session: WriteSession, lock: FileLock) {
        self.session = session
        self.lock = lock
    }
}
