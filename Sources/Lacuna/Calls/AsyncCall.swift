import Synchronization

/// What the task that awaits a call and the thread that works for it tell each other.
final class AsyncCall: Sendable {
    /// The call for which the current thread works; nil if it works for a caller that it blocks.
    @TaskLocal static var current: AsyncCall?

    private enum State {
        /// Nothing was changed or read yet. If the task is cancelled, it goes on at once.
        case waiting(giveUp: @Sendable () -> Void)
        case created, begun, cancelled
    }

    /// Whether the work begins when the thread has its turn to write. Other work begins with the thread.
    let beginsInTurn: Bool
    private let state = Guarded(State.created)
    private let isStopped = Atomic(false)
    private let givenCores = Atomic(1)

    init(beginsInTurn: Bool) { self.beginsInTurn = beginsInTurn }

    /// The number of cores that a search of this call may use.
    var cores: Int {
        get { givenCores.load(ordering: .relaxed) }
        set { givenCores.store(newValue, ordering: .relaxed) }
    }

    /// Whether the task was cancelled. Long work asks this repeatedly, on any thread.
    var isCancelled: Bool { isStopped.load(ordering: .relaxed) }

    /// Whether the task of the current thread was cancelled, or the one for which the thread works.
    static var isCancelled: Bool { Task.isCancelled || current?.isCancelled == true }

    /// Notes how the task goes on if it is cancelled before the work begins. Returns false if it was cancelled already.
    func wait(orGiveUpBy giveUp: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard case .created = state else { return false }
            state = .waiting(giveUp: giveUp)
            return true
        }
    }

    /// Marks the point from which on the work changes or reads the store. Throws `cancelled` if the task has given up
    /// before: then nothing may happen any more.
    func begin() throws(VectorStoreError) {
        let isCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .begun
            return false
        }
        if isCancelled { throw VectorStoreError(.cancelled, "the call was cancelled before it began") }
    }

    func cancel() {
        isStopped.store(true, ordering: .relaxed)
        let giveUp = state.withLock { state -> (@Sendable () -> Void)? in
            defer { if case .begun = state {} else { state = .cancelled } }
            if case .waiting(let giveUp) = state { return giveUp }
            return nil
        }
        giveUp?()
    }
}

/// Whether a read was cancelled. Long work asks this repeatedly, on the caller's thread too: only that thread knows
/// whether its task was cancelled.
struct ReadCancellation: Sendable {
    /// The call for which the snapshot is read; nil if it is read for a caller that it blocks.
    let call: AsyncCall?
    let handle: @Sendable () -> Bool

    func callAsFunction() -> Bool { call?.isCancelled == true || handle() }
}
