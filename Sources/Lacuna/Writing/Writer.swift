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
    /// The writes that are not committed yet; nil once the writer is closed.
    private var group: WriteGroup?
    private var isFlushScheduled = false
    /// Why the last group could not be committed when nobody was there to be told.
    private var unreported: VectorStoreError?
    private var lock: FileLock?
    private let durability: Durability
    private let place: StorePlace
    private let files: CurrentFile
    let turns = TurnLock()
    /// Threads inside `exclusively`: at most one.
    private let threads = ThreadRegistry()
    /// Threads inside `maintain`: at most one.
    private let maintainers = ThreadRegistry()
    private let maintenanceTurn = MaintenanceTurn()
    /// Threads that work for nobody who could be told of what was lost.
    private let unattended = ThreadRegistry()
    private let isClosing = Atomic(false)
    /// Threads inside a read's closure.
    private let readers: ReadStripes

    package init(
        _ session: WriteSession,
        lock: FileLock,
        readers: ReadStripes,
        _ durability: Durability
    ) {
        state = .open(session)
        self.lock = lock
        self.readers = readers
        self.durability = durability
        place = session.place
        files = session.files
        group = WriteGroup(session, isRelaxed: durability != .full)
    }

    /// Takes the lock of the one writing process, or says who can't have it. Without `create`, its file must be there.
    package static func lock(_ paths: StorePaths, create: Bool = true) throws(VectorStoreError) -> FileLock {
        let directory = paths.directory
        let lock = try mapped(
            FileLock(StorePaths.writerLockName, in: directory, create: create, like: try paths.model())
        )
        // Without its name, the next one to come would lock another file.
        guard try mapped(lock.tryLock(exclusive: true)), lock.isNamed else {
            throw VectorStoreError(
                .locked,
                "\(directory.path) is open for writing in another handle or process; close that one first"
            )
        }
        return lock
    }

    /// Calls `body` while no other thread of this handle writes, checkpoints or compacts, and after what was written
    /// before is durable.
    package func exclusively<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try locked { session in
            do throws(VectorStoreError) { try commitGroup() } catch {
                if durability != .full && unattended.containsCurrentThread { unreported = error }
                throw error
            }
            return try body(session)
        }
    }

    /// Those who wait for what is committed hear of its failure themselves.
    private func commitGroup() throws(VectorStoreError) {
        do throws(VectorStoreError) { try group?.commit() } catch {
            markFailed(error)
            if durability != .full { throw error }
            _ = try openSession()
        }
    }

    /// Calls `body` while no other thread is in here. What has been written is committed at the end, unless somebody waits
    /// for the next turn: who has it commits it together with what is written then.
    private func inTurn<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        try turns.withLock { () throws(E) in
            threads.enter()
            defer {
                if durability == .full && turns.waiting == 0 { try? commitGroup() }
                threads.leave()
            }
            return try body()
        }
    }

    /// Calls `body` in a turn of its own between those of writers. What they had gathered is made durable before; where that
    /// fails it is told to the next of them, and is no matter of `body`'s.
    func betweenWriters<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try refuseReentrance()
        return try inTurn {
            _ = try openSession()
            do throws(VectorStoreError) { try commitGroup() } catch {
                if durability != .full { unreported = unreported ?? error }
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
        return try place.explaining(files) {
            try inTurn {
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
            try session.limitLog { () throws(VectorStoreError) in try commitGroup() }
            return try body(session)
        }
    }

    /// One transaction, durable as this writer's durability says: all of what `body` asks for, or nothing.
    ///
    /// - Parameter callsOut: Whether code of the caller's runs in `body`. It may take long: those who wait for their commit
    ///   don't wait for it.
    package func write<R>(callsOut: Bool = true, _ body: (RowWriter) throws -> R) throws -> R {
        do {
            let (result, outcome) = try writing { _ in
                guard let group else { throw Self.closed }
                if durability == .full && (callsOut || group.deletesOnly) { try commitGroup() }
                let result = try group.write(body)
                if case .relaxed(let interval) = durability, !group.isEmpty, !isFlushScheduled { flushLater(interval) }
                return (result, group.outcome)
            }
            try place.explaining(files) { try outcome?.get() }
            return result
        } catch let callers as CallersError {
            throw callers.error
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
        inTurn {
            isFlushScheduled = false
            do throws(VectorStoreError) { try commitGroup() } catch { unreported = error }
        }
    }

    /// Deletes rows in one durable transaction; how many there were.
    package func delete(_ ids: [SQLValue]) throws -> Int {
        try writing { session in
            try commitGroup()
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
        let maintenance = try exclusively { session in
            try session.checkPlace()
            return try Maintenance(self, session, pace, limits)
        }
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
            return try place.explaining(files) { try body(maintenance) }
        } catch let callers as CallersError {
            throw callers.error
        }
    }

    func checkNotClosing() throws(VectorStoreError) {
        if isClosing.load(ordering: .relaxed) { throw Self.closed }
    }

    /// An error on the current data file that no writer has met yet. Inside a turn it needs no telling.
    func noteFailure(_ error: any Error) {
        if !threads.containsCurrentThread { inTurn { markFailed(error) } }
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
        do throws(VectorStoreError) { try end(closeReaders) } catch { throw place.explained(error, files) }
    }

    private func end(_ closeReaders: () -> Void) throws(VectorStoreError) {
        isClosing.store(true, ordering: .relaxed)
        while !maintenanceTurn.tryTake() { usleep(500) }
        defer { maintenanceTurn.giveBack() }
        defer {
            // What the cache has handed out holds no lock file: without the writer's lock, another handle may destroy it. In no
            // turn, since who reads may wait for somebody's write.
            while !readers.areDrained(through: .max, within: 1) {}
            inTurn { lock = nil }
        }
        try inTurn { () throws(VectorStoreError) in
            defer {
                closeReaders()
                group = nil
                state = .closed
            }
            if case .closed = state { return }
            do throws(VectorStoreError) {
                if let unreported { throw unreported }
                try group?.commit()
                if case .open(let session) = state { try beginLastCheckpoint(session) }
            } catch {
                // Which is the next open's to do, where it could not begin.
                if case .open(let session) = state { session.index.connection.checkpointsOnClose(false) }
                markFailed(error)
                throw error
            }
        }
    }

    /// Closing the connection is a checkpoint: it copies the log into the database and removes it by its name, which may be
    /// another file's by now.
    private func beginLastCheckpoint(_ session: WriteSession) throws(VectorStoreError) {
        if session.hasItsFiles {
            try session.beginCheckpoint()
        } else {
            session.index.connection.checkpointsOnClose(false)
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
        if case .open(let session) = state {
            session.index.connection.checkpointsOnClose(false)
            // It lives on the connection's shared memory.
            session.ids?.close()
        }
        state = .failed(error)
    }
}
