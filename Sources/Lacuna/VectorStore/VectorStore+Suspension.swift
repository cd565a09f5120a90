import Logging

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

// Suspending and resuming, step by step. If the process is killed at any point, nothing is lost: no checkpoint is under
// way, and the next open takes the log over as it does after a crash.
//
// | suspending: after | a kill leaves | the next open for writing |
// | --- | --- | --- |
// | 1. new calls are refused; long ones and maintenance are told to end | what a kill leaves at any time | takes the log over |
// | 2. reads and maintenance have ended; their connections and the epoch locks are closed | the same; stopped maintenance has put the store in order, or its journal says how | the same |
// | 3. the relaxed group is committed | the group, in the log | the same |
// | 4. the writer's connection is closed without a checkpoint | the log with all commits, and the mark that names it | the same |
// | 5. `writer.lock` is released | the same; another handle may open the store | the same |
//
// | resuming: after | a kill leaves | the next open for writing |
// | --- | --- | --- |
// | 1. `writer.lock` is taken | the same as after 5 above | takes the log over |
// | 2. the log is taken over, and the journal is put in order | see `Recovery` | see `Recovery` |
// | 3. calls are accepted | an open store | takes the log over |
//
// If 2 fails, the lock is released and the handle stays suspended.

/// What a suspended handle, which has nothing open, keeps for its resumption.
struct SuspendedStore: Sendable {
    /// Nil if the state at the suspension couldn't be read.
    let known: KnownState?
}

extension VectorStore {
    /// Closes everything that locks a file of the store, until ``resume()``. For an app that the system suspends: a
    /// process that is suspended while it holds a lock in a shared container is killed.
    ///
    ///     try await store.suspend(within: .seconds(4))     // in the background
    ///     try await store.resume()                         // in the foreground again
    ///
    /// From the beginning of this call, other calls throw `suspended`. Reads that take long end with the same error:
    /// SQL within about a millisecond, searches between two megabytes of rows. Maintenance ends at its next batch, as
    /// safely as if the store were closed, and background maintenance rests. Closures under way go on until they
    /// return, and the call waits for them. Then relaxed writes are committed, and all connections are closed and all
    /// locks released: those of SQLite, the writer's, and the readers'. Other handles may write to the store meanwhile.
    ///
    /// The log isn't copied into the index, so this costs little: a sync, if relaxed writes wait. Nothing is lost if the
    /// process is killed afterwards. Sequences of ``changes(every:)`` stay, and so does what the handle remembers of
    /// filters, values and dead rows; the cache of ids is dropped, and filled again after some reads.
    ///
    /// Suspending a suspended store does nothing, unless the last attempt threw `busy`: then this tries again.
    ///
    /// - Parameter limit: The longest wait for what is under way.
    /// - Throws: `busy`, which names what hasn't ended, after `limit`: then all locks remain, and the handle refuses
    ///   calls until it is suspended by another call, which may succeed, or resumed. (If what hasn't ended is another
    ///   call of this kind, such as ``resume()``, that call goes on, and nothing has changed.) The error of relaxed writes that
    ///   couldn't be committed; the store is suspended all the same. `reentrantCall` inside a closure of one of the
    ///   store's calls; `closed`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func suspend(within limit: Duration) throws(VectorStoreError) {
        try storeErrors {
            try refuseOwnClosures("suspended")
            let deadline = ContinuousClock.now + min(limit, .seconds(1 << 32))
            let turn: Void? = try lifecycle.withLock(until: deadline) {
                try readers.checkNotClosed()
                if suspended.withLock({ $0 != nil }) { return }
                background?.stop()
                let known = writer == nil ? readKnownState() : nil
                suspension.begin()
                let closing = try closeAll(until: deadline) ?? known
                suspended.withLock { $0 = SuspendedStore(known: closing) }
                try writer?.throwLostWrites()
            }
            if turn == nil { throw Self.isChanging }
        }
    }

    /// Opens a suspended store again, as ``open(at:access:options:)`` does: for writing, the log is taken over, which
    /// writes and syncs it once more, and the rows that were written since it was last copied into the index.
    ///
    /// If nobody has written meanwhile, what the handle remembers of filters, values, codes and dead rows still holds.
    /// Otherwise it is read again when it is needed.
    ///
    /// Resuming an open store does nothing.
    ///
    /// - Throws: The errors of ``open(at:access:options:)``, such as `locked` if another handle writes by now; `moved`
    ///   if another store is at the path. Then the handle stays suspended, and this can be called again. Also
    ///   `reentrantCall` inside a closure of one of the store's calls; `closed`.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public func resume() throws(VectorStoreError) {
        try storeErrors {
            try refuseOwnClosures("resumed")
            let hasPendingErasure = try lifecycle.withLock {
                try readers.checkNotClosed()
                if !suspension.isSuspended { return false }
                var reopened: (sequence: Int64, hasPendingErasure: Bool)?
                // If suspending threw `busy`, everything is still open.
                if let store = suspended.withLock({ $0 }) {
                    reopened = try explaining(by: paths.directory) { try reopen(store.known) }
                }
                suspended.withLock { $0 = nil }
                memory.rowIDs?.reopen()
                suspension.end()
                // Only now: a follower reads at once.
                let sequence = try? reopened?.sequence ?? readers.read { $0.record.commitSequence }
                if let sequence { hub.repeatNewest(sequence) }
                if let writer { background?.startAgain(writer) }
                return reopened?.hasPendingErasure == true
            }
            // Outside the lock: suspending and closing end it.
            if hasPendingErasure { completeErasures() }
        }
    }

    /// The store is open whatever happens here: what isn't erased stays in the journal, and an I/O error has ended
    /// writing.
    private func completeErasures() {
        do { try resumeErasures(options.logger) } catch {
            options.logger?.warning("rows that were to be erased are deleted, and not erased yet: \(error)")
        }
    }

    /// A progress handler that also ends a long read when the store is suspended.
    func unlessSuspended(_ progress: @escaping ProgressHandler) -> ProgressHandler {
        { [suspension] in
            try suspension.check()
            try progress($0)
        }
    }

    // MARK: Closing

    private func readKnownState() -> KnownState? {
        guard let stamp = try? StoreStamp(paths, fileSystem) else { return nil }
        return try? readers.read { KnownState(stamp, $0.record, uncounted: $0.uncountedChanges) }
    }

    /// Closes everything, once nothing is under way. Returns the last state of a handle that writes.
    private func closeAll(until deadline: ContinuousClock.Instant) throws(VectorStoreError) -> KnownState? {
        memory.rowIDs?.close()
        readers.letGo()
        var known: KnownState?
        while !isEverythingOver || writer?.endSessionIfFree({ known = knownState($0) }) == false {
            if ContinuousClock.now >= deadline { throw remains }
            usleep(500)
        }
        memory.rowIDs?.letGo()
        files.clear()
        return known
    }

    /// Whether no read and no maintenance is under way.
    private var isEverythingOver: Bool {
        suspension.held.isEmpty && readers.threads.areDrained(through: .max, within: 0)
    }

    private func knownState(_ session: WriteSession) -> KnownState? {
        guard let stamp = try? StoreStamp(paths, fileSystem),
            let (record, uncounted) = try? session.index.countedRecord()
        else { return nil }
        return KnownState(stamp, record, uncounted: uncounted.map { $0 &+ readers.uncountedOffset })
    }

    private var remains: VectorStoreError {
        let held = suspension.held
        var remains: [String] = []
        if held.contains(.read) || !readers.threads.areDrained(through: .max, within: 0) {
            remains.append("a read's closure")
        }
        if writer?.isWriteUnderWay == true { remains.append("a write's closure") }
        if held.contains(.maintenance) { remains.append("maintenance") }
        // The last call may have ended in this moment.
        let what = remains.isEmpty ? "the last call" : remains.joined(separator: " and ")
        return VectorStoreError(
            .busy,
            "the store still holds its locks, since \(what) didn't end in time; new calls are refused",
            remedy: "let that end and call \(.suspend) again, or go on with \(.resume)"
        )
    }

    private static var isChanging: VectorStoreError {
        VectorStoreError(
            .busy,
            "the store still holds its locks, since another thread resumes, suspends or closes it",
            remedy: "call \(.suspend) again"
        )
    }

    // MARK: Opening again

    /// Returns the newest commit, and whether an interrupted erasure is to be completed.
    private func reopen(_ known: KnownState?) throws -> (sequence: Int64, hasPendingErasure: Bool) {
        guard paths.directory.isAtItsPath else { throw VectorStoreError.moved(paths.directory) }
        try StoreDirectory.check(paths)
        guard let writer else { return (try reopenForReading(known), false) }
        let lock = try Writer.lock(paths)
        var offset: UInt32?
        var sequence: Int64 = 0
        let (opened, recovery) = try Recovery.open(paths, lock, options.witness(paths, fileSystem)) {
            index throws(VectorStoreError) in
            let (record, uncounted) = try index.countedRecord()
            try self.check(record, index)
            offset = try known?.offset(to: record, uncounted: uncounted)
            sequence = record.commitSequence
        }
        readers.resume(try IndexSource.forReading(paths), uncountedOffset: offset ?? 0)
        writer.begin(opened, isKnown: offset != nil)
        if offset == nil { memory.forget() }
        return (sequence, recovery.hasPendingErasure)
    }

    private func reopenForReading(_ known: KnownState?) throws -> Int64 {
        let source = try IndexSource.forReading(paths, fileSystem)
        let witness = options.witness(paths, fileSystem)
        let (sequence, offset) = try readers.readBeforeResuming(source, checkedBy: witness) { snapshot in
            try check(snapshot.record, snapshot.index)
            let offset = try known?.offset(to: snapshot.record, uncounted: snapshot.uncountedChanges)
            return (snapshot.record.commitSequence, offset)
        }
        readers.resume(source, uncountedOffset: offset ?? 0)
        if offset == nil { memory.forget() }
        return sequence
    }

    /// Throws unless the store is the one that was suspended, with vectors of the same model.
    private func check(_ record: StoreRecord, _ index: StoreIndex) throws(VectorStoreError) {
        guard record.uuid == uuid else { throw .moved(paths.directory, StorePaths.indexName) }
        try Self.checkIDKind(record, paths.directory.path)
        try readers.model.check(index, record.generation, paths.directory.path)
    }
}
