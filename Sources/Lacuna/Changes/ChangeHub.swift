/// Passes the commits that a handle makes or notices to those that follow its changes.
///
/// Each follower has room for one commit. Commits that come before it was taken are joined to it, so a slow follower
/// holds no memory.
final class ChangeHub: Sendable {
    /// One commit, or several that were joined.
    struct Commit: Sendable {
        let sequence: Int64
        /// Nil if the ids aren't known.
        let changes: ChangeList?
        /// Whether it stands for more than one commit, whose ids are lost.
        let isJoined: Bool
    }

    private struct State {
        var followers: [ObjectIdentifier: ChangeFollower] = [:]
        var isClosed = false
    }

    private let state = Guarded(State())

    deinit { close() }

    /// Whether anybody follows the changes.
    var isFollowed: Bool { state.withLock { !$0.followers.isEmpty } }

    func add(_ follower: ChangeFollower) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.followers[ObjectIdentifier(follower)] = follower }
            return state.isClosed
        }
        if isClosed { follower.end() }
    }

    func remove(_ follower: ChangeFollower) {
        state.withLock { $0.followers[ObjectIdentifier(follower)] = nil }
    }

    /// Called after the commit is durable.
    func note(_ sequence: Int64, _ changes: ChangeList?) {
        let followers = state.withLock { Array($0.followers.values) }
        for follower in followers { follower.note(Commit(sequence: sequence, changes: changes, isJoined: false)) }
    }

    /// Passes the newest state to all followers, those too that know it: they may have failed to read it.
    func repeatNewest(_ sequence: Int64) {
        let followers = state.withLock { Array($0.followers.values) }
        for follower in followers { follower.repeatNewest(sequence) }
    }

    /// Ends all followers' sequences.
    func close() {
        let followers = state.withLock { state in
            state.isClosed = true
            defer { state.followers = [:] }
            return Array(state.followers.values)
        }
        for follower in followers { follower.end() }
    }
}

/// One that follows a handle's changes. One task at a time waits for the next.
final class ChangeFollower: Sendable {
    private struct State {
        /// The newest commit that was taken or seen before.
        var last: Int64 = -1
        var next: ChangeHub.Commit?
        var hasEnded = false
        var waiting: CheckedContinuation<ChangeHub.Commit?, Never>?

        /// What a waiting task gets; nil if there is nothing yet.
        mutating func take() -> ChangeHub.Commit?? {
            if let next {
                self.next = nil
                last = next.sequence
                return next
            }
            return hasEnded ? .some(nil) : nil
        }
    }

    private let state = Guarded(State())

    /// Passes over the commits up to this one, which the follower has seen otherwise.
    func begin(after sequence: Int64) {
        state.withLock { state in
            state.last = sequence
            if let next = state.next, next.sequence <= sequence { state.next = nil }
        }
    }

    func note(_ commit: ChangeHub.Commit) {
        wake { state in
            if state.hasEnded || commit.sequence <= state.last { return }
            if let next = state.next, next.sequence >= commit.sequence { return }
            let isJoined = state.next != nil
            state.next = ChangeHub.Commit(
                sequence: commit.sequence,
                changes: isJoined ? nil : commit.changes,
                isJoined: isJoined
            )
        }
    }

    /// Any commit that waits is joined to it: the ids of those before it may not have been read.
    func repeatNewest(_ sequence: Int64) {
        wake { state in
            if state.hasEnded { return }
            let newest = max(sequence, state.last, state.next?.sequence ?? 0)
            state.next = ChangeHub.Commit(sequence: newest, changes: nil, isJoined: state.next != nil)
        }
    }

    func end() { wake { $0.hasEnded = true } }

    private func wake(_ change: (inout State) -> Void) {
        let (task, commit) = state.withLock {
            state -> (CheckedContinuation<ChangeHub.Commit?, Never>?, ChangeHub.Commit?) in
            change(&state)
            guard state.waiting != nil, let commit = state.take() else { return (nil, nil) }
            defer { state.waiting = nil }
            return (state.waiting, commit)
        }
        task?.resume(returning: commit)
    }

    /// The next commit; nil after the end, or if the task is cancelled.
    func next() async -> ChangeHub.Commit? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { task in
                let commit = state.withLock { state -> ChangeHub.Commit?? in
                    if let commit = state.take() { return commit }
                    state.waiting = task
                    return nil
                }
                if let commit { task.resume(returning: commit) }
            }
        } onCancel: {
            end()
        }
    }
}
