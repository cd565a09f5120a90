import Synchronization

/// Whether a handle is suspended, and what it still has open.
///
/// Each object that has a connection or a lock file of its own has a ``Hold`` too, and releases it last. So once nothing
/// is held, no thread of the handle has a lock on the store, except for the writer's session.
package final class Suspension: Sendable {
    /// The work for which something is open.
    enum Work: CaseIterable, Sendable {
        case read, maintenance
    }

    /// Declare it after the connection and the locks: an object releases its properties in their order.
    final class Hold: Sendable {
        private let suspension: Suspension
        private let work: Work

        fileprivate init(_ suspension: Suspension, _ work: Work) {
            self.suspension = suspension
            self.work = work
        }

        deinit { suspension.holds.withLock { $0[work, default: 1] -= 1 } }
    }

    private let isBegun = Atomic(false)
    private let holds = Guarded<[Work: Int]>([:])

    package init() {}

    /// Whether new calls are refused, and long ones end. Long work asks this repeatedly, on any thread.
    var isSuspended: Bool { isBegun.load(ordering: .relaxed) }

    /// From now on new calls are refused.
    func begin() { holds.withLock { _ in isBegun.store(true, ordering: .relaxed) } }

    /// From now on calls are accepted.
    func end() { isBegun.store(false, ordering: .relaxed) }

    func check() throws(VectorStoreError) {
        if isSuspended { throw VectorStoreError(.suspended, "the store is suspended") }
    }

    /// Call this before anything is opened.
    ///
    /// - Parameter resumes: Whether this is a part of resuming, and so allowed.
    func hold(_ work: Work, resumes: Bool = false) throws(VectorStoreError) -> Hold {
        try holds.withLock { holds throws(VectorStoreError) in
            if !resumes { try check() }
            holds[work, default: 0] += 1
        }
        return Hold(self, work)
    }

    /// The work that hasn't ended.
    var held: [Work] { holds.withLock { holds in Work.allCases.filter { holds[$0] ?? 0 > 0 } } }

    /// The error of a call that may have been ended by the suspension, and then says so.
    func explained(_ error: any Error) -> any Error {
        guard isSuspended, let cancelled = error as? VectorStoreError, cancelled.code == .cancelled,
            !AsyncCall.isCancelled
        else { return error }
        return VectorStoreError(.suspended, "the call was ended, since the store was suspended", cause: cancelled)
    }
}
