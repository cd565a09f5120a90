import Synchronization

/// The one writer of a store: whoever holds the lock file and the connection that commits.
///
/// `@unchecked Sendable`: `state` is touched only by the thread that holds `mutex`, which is the one inside
/// ``exclusively(_:)``. The same mutex covers commits and checkpoints, which SQLite before 3.51.3 must not run at once.
package final class Writer: @unchecked Sendable {
    private enum State {
        case open(WriteSession)
        case closed
        /// An I/O error made it unsafe to write on: after a failed sync the kernel holds the pages as if they were clean.
        case failed(VectorStoreError)
    }

    private var state: State
    private var lock: FileLock?
    private let mutex = Mutex(())
    /// Threads inside `exclusively`: at most one.
    private let threads = ThreadRegistry()
    /// Threads inside a read's closure.
    private let readers: ThreadRegistry

    package init(_ session: WriteSession, lock: consuming FileLock, readers: ThreadRegistry) {
        state = .open(session)
        self.lock = consume lock
        self.readers = readers
    }

    /// Takes the lock of the one writing process, or says who can't have it.
    package static func lock(_ paths: StorePaths) throws(VectorStoreError) -> FileLock {
        let lock = try mapped { () throws(SystemError) in try FileLock(paths.writerLock, create: true) }
        guard try mapped({ () throws(SystemError) in try lock.tryLock(exclusive: true) }) else {
            throw VectorStoreError(
                .locked, "\(paths.directory) is open for writing in another handle or process; close that one first")
        }
        return lock
    }

    /// Calls `body` while no other thread of this handle writes, checkpoints or compacts.
    package func exclusively<R>(_ body: (WriteSession) throws -> R) throws -> R {
        if threads.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall, "this call is inside a write of the same store; finish that one first")
        }
        if readers.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall, "this call is inside a read of the same store; let the reading closure return first")
        }
        var result: R?
        try mutex.withLock { _ in
            threads.enter()
            defer { threads.leave() }
            let session = try openSession()
            do { result = try body(session) } catch {
                noteFailure(error)
                throw error
            }
        }
        guard let result else { throw VectorStoreError(.closed, "the store was closed; open it again") }
        return result
    }

    /// One durable transaction: all of what `body` asks for, or nothing.
    package func write<R>(_ body: (RowWriter) throws -> R) throws -> R {
        try exclusively { session in
            let connection = session.index.connection
            try connection.run(Connection.TransactionKind.write.rawValue)
            do {
                let writer = try RowWriter(session)
                let result = try body(writer)
                do throws(VectorStoreError) {
                    try writer.finish()
                    try connection.run("COMMIT")
                } catch {
                    connection.rollBack()
                    // On a full disk deleting still works: the data file's tail makes room for it.
                    guard error.code == .diskFull, let deletes = writer.repeatableDeletes, try session.giveBackTail()
                    else { throw error }
                    _ = try Self.delete(deletes, session)
                }
                return result
            } catch {
                connection.rollBack()
                throw error
            }
        }
    }

    /// Deletes rows in one durable transaction; how many there were.
    package func delete(_ ids: [SQLValue]) throws -> Int {
        try exclusively { session in try Self.delete(ids, session) }
    }

    private static func delete(_ ids: [SQLValue], _ session: WriteSession) throws(VectorStoreError) -> Int {
        try session.commit { () throws(VectorStoreError) in
            let writer = try RowWriter(session)
            for id in ids { writer.delete(id) }
            try writer.finish()
            return writer.deletedRows
        }
    }

    /// Ends writing and releases the lock. The connection goes with the session: if it is the last one, it copies its log
    /// into the database. So `closeReaders` is called before, when no write is under way any more.
    package func close(_ closeReaders: () -> Void) throws {
        if readers.containsCurrentThread || threads.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall, "the store can't be closed from inside one of its own closures; let that return first")
        }
        mutex.withLock { _ in
            closeReaders()
            state = .closed
            lock = nil
        }
    }

    private func openSession() throws(VectorStoreError) -> WriteSession {
        switch state {
        case .open(let session): return session
        case .closed: throw VectorStoreError(.closed, "the store was closed; open it again")
        case .failed(let error):
            throw VectorStoreError(
                .needsReopen,
                "an earlier I/O error made writing through this handle unsafe; close it and open the store again",
                cause: error)
        }
    }

    private func noteFailure(_ error: any Error) {
        if let error = error as? VectorStoreError, error.code == .ioError { state = .failed(error) }
    }
}
