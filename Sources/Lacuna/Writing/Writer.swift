import Dispatch
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The one writer of a store: whoever holds the lock file and the connection that commits.
///
/// `@unchecked Sendable`: what changes is touched only by the thread whose turn it is, which is the one inside
/// ``exclusively(_:)``. The same turns cover commits and checkpoints, which SQLite before 3.51.3 must not run at once.
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
    private let turns = TurnLock()
    /// Threads inside `exclusively`: at most one.
    private let threads = ThreadRegistry()
    /// Threads inside `maintain`: at most one.
    private let maintainers = ThreadRegistry()
    private let maintenanceTurn = MaintenanceTurn()
    /// Threads that work for nobody who could be told of what was lost.
    private let unattended = ThreadRegistry()
    private let isClosing = Atomic(false)
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

    /// Takes the lock of the one writing process, or says who can't have it. Without `create`, its file must be there.
    package static func lock(_ paths: StorePaths, create: Bool = true) throws(VectorStoreError) -> FileLock {
        let lock = try mapped(FileLock(paths.writerLock, create: create))
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
            do throws(VectorStoreError) { try group?.commit() } catch {
                if unattended.containsCurrentThread { unreported = error }
                throw error
            }
            return try body(session)
        }
    }

    /// Calls `body` in a turn of its own between those of writers. What they had gathered is made durable before; where that
    /// fails it is told to the next of them, and is no matter of `body`'s.
    func betweenWriters<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try refuseReentrance()
        return try turns.withLock {
            threads.enter()
            defer { threads.leave() }
            _ = try openSession()
            do throws(VectorStoreError) { try group?.commit() } catch {
                markFailed(error)
                unreported = unreported ?? error
            }
            let session = try openSession()
            do { return try body(session) } catch {
                markFailed(error)
                throw error
            }
        }
    }

    /// Calls `body` for nobody's sake: where relaxed writes can't be committed in it, the next call outside is told as well.
    func unattended<R>(_ body: () throws -> R) rethrows -> R {
        unattended.enter()
        defer { unattended.leave() }
        return try body()
    }

    private func locked<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try refuseReentrance()
        return try turns.withLock {
            threads.enter()
            defer { threads.leave() }
            let session = try openSession()
            if let error = unreported {
                if !unattended.containsCurrentThread { unreported = nil }
                throw error
            }
            do { return try body(session) } catch {
                markFailed(error)
                throw error
            }
        }
    }

    private func refuseReentrance() throws(VectorStoreError) {
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
            guard let group else { throw Self.closed }
            let result = try group.write(body)
            if !group.isEmpty && !isFlushScheduled { flushLater(interval) }
            return result
        }
    }

    /// The timer of a group that was committed early flushes the next one a little too soon, which harms nobody; a timer a
    /// group would pile them up.
    private func flushLater(_ interval: Duration) {
        isFlushScheduled = true
        DispatchQueue.global().asyncAfter(deadline: .after(interval)) { [weak self] in
            self?.flushUnattended()
        }
    }

    private func flushUnattended() {
        turns.withLock {
            isFlushScheduled = false
            do throws(VectorStoreError) { try group?.commit() } catch {
                markFailed(error)
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

    // MARK: Maintenance

    /// Whether somebody waits for the maintenance under way to end.
    var isMaintenanceAwaited: Bool { maintenanceTurn.isAwaited }

    /// Calls `body` as this store's only maintenance. Writers go on, but for the turns that it takes.
    ///
    /// - Parameter givesWay: Whether its pace ends it at its next batch when somebody else waits for it
    ///   (``isMaintenanceAwaited``): whoever does then waits for as long as that takes.
    func maintain<R>(
        _ pace: Pace,
        _ limits: MaintenanceLimits = MaintenanceLimits(),
        givesWay: Bool = false,
        _ body: (Maintenance) throws -> R
    ) throws -> R {
        if maintainers.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall,
                "this call is inside a compaction or an erasure of the same store; let that end first"
            )
        }
        let maintenance = try exclusively { try Maintenance(self, $0, pace, limits) }
        do {
            try maintenanceTurn.take(givesWay: givesWay) {
                try checkNotClosing()
                try pace.check()
            }
            maintainers.enter()
            defer {
                maintainers.leave()
                maintenanceTurn.giveBack()
            }
            try checkNotClosing()
            return try body(maintenance)
        } catch let stopped as Stopped {
            throw stopped.error
        }
    }

    func checkNotClosing() throws(VectorStoreError) {
        if isClosing.load(ordering: .relaxed) { throw Self.closed }
    }

    /// An error on the current data file that no writer has met yet. Inside a turn it needs no telling.
    func noteFailure(_ error: any Error) {
        if !threads.containsCurrentThread { turns.withLock { markFailed(error) } }
    }

    // MARK: Closing

    /// Whether the calling thread is inside ``exclusively(_:)`` or ``maintain(_:_:_:)``.
    package var containsCurrentThread: Bool { threads.containsCurrentThread || maintainers.containsCurrentThread }

    /// Ends writing and releases the lock; not from inside ``exclusively(_:)`` or ``maintain(_:_:_:)``. Maintenance under way
    /// is stopped, and waited for: it is at its next batch soon.
    ///
    /// The connection goes with the session: where it is the last one, it copies its log into the database, but for one that
    /// an I/O error has left in doubt. So `closeReaders` is called before, when no write is under way any more.
    package func close(_ closeReaders: () -> Void) throws(VectorStoreError) {
        isClosing.store(true, ordering: .relaxed)
        while !maintenanceTurn.tryTake() { usleep(500) }
        defer { maintenanceTurn.giveBack() }
        try turns.withLock { () throws(VectorStoreError) in
            defer {
                closeReaders()
                group = nil
                state = .closed
                lock = nil
            }
            if case .closed = state { return }
            if let unreported { throw unreported }
            do throws(VectorStoreError) {
                try group?.commit()
                // Closing the connection is a checkpoint: it copies the log into the database and removes it.
                if case .open(let session) = state { try session.floor.beginCheckpoint(session.index.record()) }
            } catch {
                markFailed(error)
                throw error
            }
        }
    }

    private static let closed = VectorStoreError(.closed, "the store was closed; open it again")

    private func openSession() throws(VectorStoreError) -> WriteSession {
        switch state {
        case .open(let session): return session
        case .closed: throw Self.closed
        case .failed(let error):
            throw VectorStoreError(
                .needsReopen,
                "an earlier I/O error made writing through this handle unsafe; close it and open the store again",
                cause: error
            )
        }
    }

    private func markFailed(_ error: any Error) {
        guard let error = error as? VectorStoreError, error.code == .ioError else { return }
        // The log may hold what nothing else does: it stays as it is for the next open.
        if case .open(let session) = state { session.index.connection.checkpointsOnClose(false) }
        state = .failed(error)
    }
}
