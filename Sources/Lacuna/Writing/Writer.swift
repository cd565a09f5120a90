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
/// ``turn(_:)``, or writes. The same turns cover commits and checkpoints, which SQLite before 3.51.3 must not run at once.
package final class Writer: @unchecked Sendable {
    /// The writes that are not committed yet; nil once the writer is closed.
    private var group: WriteGroup?
    /// An I/O error that made it unsafe to write on: after a failed sync the kernel holds the pages as if they were clean.
    private var failure: VectorStoreError?
    private var isFlushScheduled = false
    /// Why the last group could not be committed when nobody was there to be told.
    private var unreported: VectorStoreError?
    private var lock: FileLock?
    private let durability: Durability
    private let place: StorePlace
    private let files: CurrentFile
    let turns = TurnLock()
    /// Threads in their turn: at most one.
    private let threads = ThreadRegistry()
    /// Threads inside `maintain`: at most one.
    private let maintainers = ThreadRegistry()
    private let maintenanceTurn = MaintenanceTurn()
    private let isClosing = Atomic(false)
    /// Threads inside a read's closure.
    private let readers: ReadStripes

    package init(_ store: OpenStore, readers: ReadStripes, _ durability: Durability) {
        let session = store.session
        lock = store.lock
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
                "\(directory.path) is open for writing in another handle or process"
            )
        }
        return lock
    }

    // MARK: Turns

    /// Calls `body` in a turn of its own, once everything written so far is durable. Throws what kept relaxed writes from it;
    /// if that reaches nobody (`isUnattended`), the next call throws it as well.
    package func settled<R>(isUnattended: Bool = false, _ body: (WriteSession) throws -> R) throws -> R {
        try enter { try body(settleGroup(isUnattended: isUnattended)) }
    }

    /// Calls `body` in a turn of its own between those of writers. What they had gathered is made durable before; if that
    /// fails they are told, and it is no matter of `body`'s.
    package func turn<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try enter {
            commitGroup()
            return try body(openGroup().session)
        }
    }

    /// Calls `body` while no other thread is in here, and no code of a write or a read of the store is what calls. An I/O error
    /// ends writing.
    private func enter<R>(_ body: () throws -> R) throws -> R {
        try refuseReentrance()
        return try place.explaining(files) {
            try inTurn {
                do { return try body() } catch {
                    markFailed(error)
                    throw error
                }
            }
        }
    }

    /// The last in line commits what has been gathered: if another thread waits for the next turn, that one does, together
    /// with what it writes itself.
    private func inTurn<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        try turns.withLock { () throws(E) in
            threads.enter()
            defer { threads.leave() }
            let result = Result { () throws(E) in try body() }
            if durability == .full && turns.waiting == 0 { commitGroup() }
            return try result.get()
        }
    }

    /// Commits what writers have gathered. If that fails, it tells those that wait for it; with relaxed durability none does, and
    /// the next call is told.
    private func commitGroup() {
        do throws(VectorStoreError) { try group?.commit() } catch {
            markFailed(error)
            if durability != .full { unreported = unreported ?? error }
        }
    }

    /// The same for a caller, which is told what was lost.
    private func settleGroup(isUnattended: Bool = false) throws(VectorStoreError) -> WriteSession {
        commitGroup()
        try reportLostWrites(isUnattended: isUnattended)
        return try openGroup().session
    }

    /// Throws what has kept relaxed writes out of the store, until somebody was told.
    private func reportLostWrites(isUnattended: Bool = false) throws(VectorStoreError) {
        defer { if !isUnattended { unreported = nil } }
        if let unreported { throw unreported }
    }

    private func refuseReentrance() throws(VectorStoreError) {
        if threads.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall,
                "this call is inside a write of the same store",
                remedy: "let that write end first"
            )
        }
        if readers.containsCurrentThread {
            throw VectorStoreError(
                .reentrantCall,
                "this call is inside a read of the same store"
            )
        }
    }

    // MARK: Writing

    /// One transaction, durable as this writer's durability says: all of what `body` asks for, or nothing. In its order: wait
    /// for the turn, make room in the log, join the group of writes that share a commit, apply; the last in line commits
    /// (``inTurn(_:)``); wait for the commit's outcome.
    ///
    /// - Parameter callsOut: Whether code of the caller's runs in `body`. It may take long: those who wait for their commit
    ///   don't wait for it.
    package func write<R>(callsOut: Bool = true, _ body: (RowWriter) throws -> R) throws -> R {
        do {
            let (result, outcome) = try enter {
                try reportLostWrites()
                try openGroup().session.log.limit { () throws(VectorStoreError) in _ = try settleGroup() }
                if durability == .full && (callsOut || group?.deletesOnly == true) { commitGroup() }
                let group = try openGroup()
                let result = try group.write(body)
                if case .relaxed(let interval) = durability, !group.isEmpty { flushLater(interval) }
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
        if isFlushScheduled { return }
        isFlushScheduled = true
        DispatchQueue.global().asyncAfter(deadline: .after(interval)) { [weak self] in
            self?.inTurn {
                self?.isFlushScheduled = false
                self?.commitGroup()
            }
        }
    }

    /// Makes everything written so far durable; throws what kept relaxed writes from it.
    package func flush() throws { try settled { _ in } }

    /// Deletes rows in one durable transaction; how many there were.
    package func delete(_ ids: [SQLValue]) throws -> Int {
        try settled { session in
            try session.log.limit()
            return try session.delete(ids)
        }
    }

    // MARK: Maintenance

    /// Whether somebody waits for the maintenance under way to end.
    var isMaintenanceAwaited: Bool { maintenanceTurn.isAwaited }

    /// Calls `body` as this store's only maintenance. Writers go on, but for the turns that it takes.
    ///
    /// - Parameter givesWay: Whether it is the store's own, which nobody attends, and its pace ends it at its next batch when somebody else waits for it
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
                "this call is inside a compaction or an erasure of the same store",
                remedy: "let that end first"
            )
        }
        do {
            let maintenance = try settled(isUnattended: givesWay) { session in
                try session.checkPlace()
                return try Maintenance(self, session, pace, limits)
            }
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

    /// Whether the calling thread is inside ``turn(_:)`` or ``maintain(_:_:_:_:)``.
    package var containsCurrentThread: Bool { threads.containsCurrentThread || maintainers.containsCurrentThread }

    /// Ends writing and releases the lock; not from inside ``turn(_:)`` or ``maintain(_:_:_:_:)``. Maintenance under way
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
            guard let session = group?.session else { return closeReaders() }
            defer {
                closeReaders()
                group = nil
            }
            commitGroup()
            do throws(VectorStoreError) {
                try reportLostWrites()
                if failure == nil { try beginLastCheckpoint(session) }
            } catch {
                // Which is the next open's to do, where it could not begin.
                session.log.checkpointsOnClose(false)
                markFailed(error)
                throw error
            }
        }
    }

    /// Closing the connection is a checkpoint: it copies the log into the database and removes it by its name, which may be
    /// another file's by now.
    private func beginLastCheckpoint(_ session: WriteSession) throws(VectorStoreError) {
        if session.hasItsFiles {
            try session.log.beginCheckpoint()
        } else {
            session.log.checkpointsOnClose(false)
        }
    }

    private static let closed = VectorStoreError(.closed, "the store was closed")

    private func openGroup() throws(VectorStoreError) -> WriteGroup {
        guard let group else { throw Self.closed }
        guard let failure else { return group }
        throw VectorStoreError(
            .needsReopen,
            "an earlier I/O error made writing through this handle unsafe",
            cause: failure
        )
    }

    private func markFailed(_ error: any Error) {
        guard failure == nil, let error = error as? VectorStoreError, error.code == .ioError else { return }
        failure = error
        // The log may hold what nothing else does: it stays as it is for the next open.
        group?.session.log.checkpointsOnClose(false)
        // They live on the connection's shared memory.
        group?.session.ids?.close()
    }
}
