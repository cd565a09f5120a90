import Dispatch
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The one writer of a store: it holds the lock file and the connection that commits.
///
/// `@unchecked Sendable`: only the thread whose turn it is, which is inside ``turn(_:)`` or a write, touches what
/// changes. Commits and checkpoints both run in turns: SQLite before 3.51.3 must not run them at once.
package final class Writer: @unchecked Sendable {
    /// The writes that are not committed yet; nil once the writer is closed.
    var group: WriteGroup?
    /// An I/O error that made it unsafe to go on writing: after a failed sync the kernel treats the pages as clean.
    var failure: VectorStoreError?
    private var isFlushScheduled = false
    /// The error of a group's commit that no call has thrown yet.
    private var unreported: VectorStoreError?
    var lock: FileLock?
    /// What the next session of a suspended handle gets.
    var kept: WriteSession.Kept?
    let durability: Durability
    let identity: Guarded<StoreIdentity>
    private let suspension: Suspension
    private let files: CurrentFile
    let turns = TurnLock()
    /// The thread whose turn it is; at most one.
    let threads = ThreadRegistry()
    /// The thread inside `maintain`; at most one.
    let maintainers = ThreadRegistry()
    private let maintenanceTurn = MaintenanceLock()
    private let isClosing = Atomic(false)
    /// The threads inside a read's closure.
    private let readers: ReadStripes

    package init(
        _ store: OpenStore,
        readers: ReadStripes,
        _ durability: Durability,
        _ suspension: Suspension = Suspension()
    ) {
        let session = store.session
        lock = store.lock
        self.readers = readers
        self.durability = durability
        self.suspension = suspension
        identity = Guarded(session.identity)
        files = session.files
        group = WriteGroup(session, isRelaxed: durability != .full)
    }

    /// Takes the lock of the one writing handle, or throws `locked`. Without `create`, the lock file must exist.
    package static func lock(_ paths: StorePaths, create: Bool = true) throws(VectorStoreError) -> FileLock {
        let directory = paths.directory
        let lock = try mapped(
            FileLock(StorePaths.writerLockName, in: directory, create: create, like: try paths.model())
        )
        // If the file has lost its name, the next writer would lock another file.
        guard try mapped(lock.tryLock(exclusive: true)), lock.isNamed else {
            throw VectorStoreError(
                .locked,
                "\(directory.path) is open for writing in another handle or process"
            )
        }
        return lock
    }

    // MARK: Turns

    /// Calls `body` in a turn of its own, after everything written so far was made durable. Throws the error that kept
    /// relaxed writes from that. If no caller sees that error (`isUnattended`), the next call throws it as well.
    package func settled<R>(isUnattended: Bool = false, _ body: (WriteSession) throws -> R) throws -> R {
        try enter { try body(settleGroup(isUnattended: isUnattended)) }
    }

    /// Calls `body` in a turn of its own between those of writers, whose group is committed before. If that commit
    /// fails, the writers get the error, and `body` runs all the same.
    package func turn<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try enter {
            commitGroup()
            return try body(openGroup().session)
        }
    }

    /// Calls `body` while no other thread has the turn. Refuses a call from inside a write or a read of the same store.
    /// An I/O error ends writing.
    private func enter<R>(_ body: () throws -> R) throws -> R {
        try refuseReentrance()
        // A call that is refused doesn't wait for its turn, which a closure may have.
        try refuseSuspension()
        return try explaining {
            try inTurn {
                try refuseSuspension()
                try AsyncCall.current?.begin()
                do { return try body() } catch {
                    fail(error)
                    throw error
                }
            }
        }
    }

    /// Maintenance that a suspension stops may still put things in order.
    private func refuseSuspension() throws(VectorStoreError) {
        if !maintainers.containsCurrentThread { try suspension.check() }
    }

    /// Calls `body`. If it fails because the files are no longer the store's, or because the store was suspended, the
    /// error says so.
    private func explaining<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as VectorStoreError {
            throw suspension.explained(identity.withLock { $0 }.explained(error, files))
        }
    }

    /// Calls `body` in the next turn. Then the last thread in line commits the group: if another thread waits for its
    /// turn, that thread commits it, together with its own writes.
    private func inTurn<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        try turns.withLock { () throws(E) in
            threads.enter()
            defer { threads.leave() }
            let result = Result { () throws(E) in try body() }
            if durability == .full && turns.waiting == 0 { commitGroup() }
            return try result.get()
        }
    }

    /// Commits the writers' group. If that fails, the threads that wait for it get the error; with relaxed durability
    /// none waits, and the next call throws it.
    func commitGroup() {
        do throws(VectorStoreError) { try group?.commit() } catch {
            fail(error)
            if durability != .full { unreported = unreported ?? error }
        }
    }

    /// Commits the group, and throws the error of relaxed writes that were lost.
    private func settleGroup(isUnattended: Bool = false) throws(VectorStoreError) -> WriteSession {
        commitGroup()
        try reportLostWrites(isUnattended: isUnattended)
        return try openGroup().session
    }

    /// Throws the error that has kept relaxed writes out of the store, unless a caller has got it before.
    func reportLostWrites(isUnattended: Bool = false) throws(VectorStoreError) {
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

    /// Makes all the changes that `body` asks for, or none, in one transaction that is durable as this writer's
    /// durability says. The order is: wait for the turn; make room in the log; join the group of writes that share a
    /// commit; apply the changes; if this thread is the last in line, commit (``inTurn(_:)``); wait for the commit's
    /// outcome.
    ///
    /// - Parameter mayTakeLong: Whether `body` may take long, as code of the caller may. Then the group is committed
    ///   before, and no thread waits for its commit meanwhile.
    package func write<R>(mayTakeLong: Bool = true, _ body: (RowWriter) throws -> R) throws -> R {
        do {
            let (result, outcome) = try enter {
                try reportLostWrites()
                try openGroup().session.log.limit { () throws(VectorStoreError) in _ = try settleGroup() }
                if durability == .full && (mayTakeLong || group?.deletesOnly == true) { commitGroup() }
                let group = try openGroup()
                let result = try group.write(body)
                if case .relaxed(let interval) = durability, !group.isEmpty { flushLater(interval) }
                return (result, group.outcome)
            }
            try explaining { try outcome?.get() }
            return result
        } catch let callers as CallersError {
            throw suspension.explained(callers.error)
        }
    }

    /// There is one timer at a time, not one for each group. If a group was committed early, its timer flushes the next
    /// group a little too soon, which does no harm.
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

    /// Makes everything written so far durable; throws the error that kept relaxed writes from that.
    package func flush() throws { try settled { _ in } }

    /// Deletes rows in one durable transaction; returns their number.
    package func delete(_ ids: [SQLValue]) throws -> Int {
        try settled { session in
            try session.log.limit()
            return try session.delete(ids)
        }
    }

    /// Deletes the rows that pass a filter in one durable transaction; returns their number. No other write comes
    /// between the filter and the transaction.
    package func delete(where filter: Filter) throws -> Int {
        try settled { session in
            try session.log.limit()
            let generation = try session.index.record().generation
            let ids = try session.index.ids(passing: filter, generation, isCancelled: session.isCancelled)
            return try session.delete(ids)
        }
    }

    // MARK: Maintenance

    /// Whether a call waits for the maintenance under way to end.
    var isMaintenanceAwaited: Bool { maintenanceTurn.isAwaited }

    /// Calls `body` as this store's only maintenance. Writers go on, except during its turns.
    ///
    /// - Parameter givesWay: Whether this is maintenance in the background, whose error no caller sees. Its pace ends
    ///   it at its next batch if another call waits (``isMaintenanceAwaited``), and that call waits for as long as this
    ///   takes.
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
                try session.checkIdentity()
                return try Maintenance(self, session, pace, limits, suspension.hold(.maintenance))
            }
            try maintenanceTurn.take(givesWay: givesWay) {
                try checkNotEnding()
                try pace.check()
            }
            maintainers.enter()
            defer {
                maintainers.leave()
                maintenanceTurn.giveBack()
            }
            try checkNotEnding()
            return try explaining { try body(maintenance) }
        } catch let callers as CallersError {
            throw callers.error
        }
    }

    /// Throws if the store is being closed or suspended.
    func checkNotEnding() throws(VectorStoreError) {
        if isClosing.load(ordering: .relaxed) { throw Self.closed }
        try suspension.check()
    }

    /// Notes an error on the current data file that no writer has met yet. Inside a turn, the turn itself notes its
    /// error.
    func noteFailure(_ error: any Error) {
        if !threads.containsCurrentThread { inTurn { fail(error) } }
    }

    // MARK: Closing

    /// Whether the calling thread is inside ``turn(_:)`` or ``maintain(_:_:_:_:)``.
    package var containsCurrentThread: Bool { threads.containsCurrentThread || maintainers.containsCurrentThread }

    /// Ends writing and releases the lock. Must not be called inside ``turn(_:)`` or ``maintain(_:_:_:_:)``. Stops
    /// maintenance that is under way, and waits for its end, which comes at its next batch.
    ///
    /// The connection ends with the session. If it is the last one to the store, closing it copies the log into the
    /// database, unless an I/O error has made that unsafe. So `closeReaders` is called before, when no write is under
    /// way any more.
    package func close(_ closeReaders: () -> Void) throws(VectorStoreError) {
        do throws(VectorStoreError) { try end(closeReaders) } catch {
            throw identity.withLock { $0 }.explained(error, files)
        }
    }

    private func end(_ closeReaders: () -> Void) throws(VectorStoreError) {
        isClosing.store(true, ordering: .relaxed)
        while !maintenanceTurn.tryTake() { usleep(500) }
        defer { maintenanceTurn.giveBack() }
        defer {
            // Rows that readers hold by the cache of ids are protected by no lock file: once the writer's lock is
            // released, another handle may destroy them. This waits outside of a turn, since a reader may wait for
            // another thread's write.
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
                // The last checkpoint is left to the next open.
                session.log.checkpointsOnClose(false)
                fail(error)
                throw error
            }
        }
    }

    /// Closing the connection makes a checkpoint: it copies the log into the database and removes the log by its name,
    /// which may be another file's by now.
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

    private func fail(_ error: any Error) {
        guard failure == nil, let error = error as? VectorStoreError, error.code == .ioError else { return }
        failure = error
        // The log may hold commits that are nowhere else: it stays as it is for the next open.
        group?.session.log.checkpointsOnClose(false)
        // The cache of ids reads the connection's shared memory.
        group?.session.ids?.close()
    }
}
