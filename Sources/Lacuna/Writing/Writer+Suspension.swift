/// Ends a suspended handle's session, and begins the next one.
extension Writer {
    /// Commits the group, closes the connection without a checkpoint, and releases the lock; before that, `last` gets
    /// the session. Returns false, with nothing done, if a thread has the turn.
    func endSessionIfFree(_ last: (WriteSession) -> Void) -> Bool {
        let done: Void? = turns.withLockIfFree {
            threads.enter()
            defer { threads.leave() }
            endSession(last)
            lock = nil
        }
        return done != nil
    }

    /// The connection is closed when this returns.
    private func endSession(_ last: (WriteSession) -> Void) {
        guard let session = group?.session else { return }
        commitGroup()
        last(session)
        // The log stays as it is for the next session, here or in another process.
        session.log.checkpointsOnClose(false)
        kept = session.kept
        group = nil
    }

    /// Throws the error that has kept relaxed writes out of the store, unless a call has thrown it before.
    func throwLostWrites() throws(VectorStoreError) {
        try turns.withLock { () throws(VectorStoreError) in try reportLostWrites() }
    }

    /// Whether a thread has the turn that isn't inside maintenance.
    var isWriteUnderWay: Bool { !threads.all.isSubset(of: maintainers.all) }

    /// Begins a session, before ``Suspension/end()``. An earlier I/O error is over: everything was opened anew and
    /// recovered.
    ///
    /// - Parameter isKnown: Whether nobody has written since the last session.
    func begin(_ store: OpenStore, isKnown: Bool) {
        turns.withLock {
            var session = store.session
            if let kept { session.take(kept, isKnown: isKnown) }
            kept = nil
            failure = nil
            identity.withLock { $0 = session.identity }
            lock = store.lock
            group = WriteGroup(session, isRelaxed: durability != .full)
        }
    }
}
