/// Looks for commits of other processes while somebody follows the changes of a handle that only reads. Beside a handle
/// that writes there are none.
final class CommitWatch: Sendable {
    private struct State {
        var interval: Duration?
        var version: LogVersion?
        var sequence: Int64 = 0
    }

    private let readers: ReaderPool
    private let hub: ChangeHub
    private let calls: CallQueue
    /// Nil for a handle that writes.
    private let clock: (any AlarmClock)?
    private let state = Guarded(State())

    private static let shortestInterval = Duration.milliseconds(1)

    init(_ readers: ReaderPool, _ hub: ChangeHub, _ calls: CallQueue, _ clock: (any AlarmClock)?) {
        self.readers = readers
        self.hub = hub
        self.calls = calls
        self.clock = clock
    }

    /// The number of the newest commit.
    func newest() async throws -> Int64 {
        try await calls.run { [readers] in try readers.read { $0.record.commitSequence } }
    }

    func begin(every interval: Duration) {
        if clock == nil { return }
        let begins = state.withLock { state in
            defer { state.interval = min(state.interval ?? interval, max(interval, Self.shortestInterval)) }
            return state.interval == nil
        }
        if begins { look() }
    }

    /// Looks, and does so again later. Ends if nobody follows any more.
    private func look() {
        let interval = state.withLock { state in
            if !hub.isFollowed { state.interval = nil }
            return state.interval
        }
        guard let interval else { return }
        let known = state.withLock { $0.version }
        if let version = try? readers.logVersion(), version != known {
            state.withLock { $0.version = version }
            if let sequence = try? readers.read({ $0.record.commitSequence }) { hub.note(sequence, nil) }
        }
        clock?.after(interval) { [weak self] in self?.look() }
    }
}
