import Dispatch

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
    /// With relaxed durability, the writes that are not committed yet.
    private var group: WriteGroup?
    private var isFlushScheduled = false
    /// Why the last group could not be committed when nobody was there to be told.
    private var unreported: VectorStoreError?
    private var lock: FileLock?
    private let durability: Durability
    private let mutex = Guarded(())
    /// Threads inside `exclusively`: at most one.
    private let threads = ThreadRegistry()
    /// Threads inside a read's closure.
    private let readers: ThreadRegistry

    package init(
        _ session: WriteSession,
        lock: consuming FileLock,
        readers: ThreadRegistry,
        _ durability: Durability
    ) {
        state = .open(session)
        self.lock = consume lock
        self.readers = readers
        self.durability = durability
        group = durability == .full ? nil : WriteGroup(session)
    }

    /// Takes the lock of the one writing process, or says who can't have it.
    package static func lock(_ paths: StorePaths) throws(VectorStoreError) -> FileLock {
        let lock = try mapped(FileLock(paths.writerLock, create: true))
        guard try mapped(lock.tryLock(exclusive: true)) else {
            throw VectorStoreError(
                .locked,
                "\(paths.directory) is open for writing in another handle or process; close that one first"
            )
        }
        return lock
    }

    /// Calls `body` while no other thread of this handle writes, checkpoints or compacts, and after what was written
    /// before is durable.
    package func exclusively<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try locked { session in
            try group?.commit()
            return try body(session)
        }
    }

    private func locked<R>(_ body: (WriteSession) throws -> R) throws -> R {
        if threads.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall,
                "this call is inside a write of the same store; finish that one first"
            )
        }
        if readers.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall,
                "this call is inside a read of the same store; let the reading closure return first"
            )
        }
        var result: R?
        try mutex.withLock { _ in
            threads.enter()
            defer { threads.leave() }
            let session = try openSession()
            if let error = unreported {
                unreported = nil
                throw error
            }
            do { result = try body(session) } catch {
                noteFailure(error)
                throw error
            }
        }
        guard let result else { throw VectorStoreError(.closed, "the store was closed; open it again") }
        return result
    }

    /// What every write passes, and nothing that only makes earlier ones durable: the log may be too long for more.
    private func writing<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try locked { session in
            try session.limitLog { () throws(VectorStoreError) in try group?.commit() }
            return try body(session)
        }
    }

    /// One transaction, durable as this writer's durability says: all of what `body` asks for, or nothing.
    package func write<R>(_ body: (RowWriter) throws -> R) throws -> R {
        try writing { session in
            guard case .relaxed(let interval) = durability else { return try writeDurably(session, body) }
            guard let group else { throw VectorStoreError(.closed, "the store was closed; open it again") }
            let result = try group.write(body)
            if !group.isEmpty && !isFlushScheduled { flushLater(interval) }
            return result
        }
    }

    /// The timer of a group that was committed early flushes the next one a little too soon, which harms nobody; a timer a
    /// group would pile them up.
    private func flushLater(_ interval: Duration) {
        isFlushScheduled = true
        let (seconds, attoseconds) = min(max(.zero, interval), .seconds(86_400)).components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [weak self] in
            self?.flushUnattended()
        }
    }

    private func flushUnattended() {
        mutex.withLock { _ in
            isFlushScheduled = false
            do throws(VectorStoreError) { try group?.commit() } catch {
                noteFailure(error)
                unreported = error
            }
        }
    }

    private func writeDurably<R>(_ session: WriteSession, _ body: (RowWriter) throws -> R) throws -> R {
        let connection = session.index.connection
        try connection.run(Connection.TransactionKind.write.rawValue)
        do {
            let writer = try RowWriter(session)
            let result = try body(writer)
            try session.commit(writer)
            return result
        } catch {
            connection.rollBack()
            throw error
        }
    }

    /// Deletes rows in one durable transaction; how many there were.
    package func delete(_ ids: [SQLValue]) throws -> Int {
        try writing { session in
            try group?.commit()
            return try session.delete(ids)
        }
    }

    /// Whether the calling thread is inside ``exclusively(_:)``.
    package var containsCurrentThread: Bool { threads.containsCurrentThread }

    /// Ends writing and releases the lock; not from inside ``exclusively(_:)``. The connection goes with the session: where
    /// it is the last one, it copies its log into the database. So `closeReaders` is called before, when no write is under
    /// way any more.
    package func close(_ closeReaders: () -> Void) throws(VectorStoreError) {
        try mutex.withLock { _ throws(VectorStoreError) in
            defer {
                closeReaders()
                group = nil
                state = .closed
                lock = nil
            }
            if case .closed = state { return }
            if let unreported { throw unreported }
            try group?.commit()
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
                cause: error
            )
        }
    }

    private func noteFailure(_ error: any Error) {
        if let error = error as? VectorStoreError, error.code == .ioError { state = .failed(error) }
    }
}
