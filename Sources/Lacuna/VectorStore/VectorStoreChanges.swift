/// The commits of a store, as a handle makes or notices them: ``VectorStore/changes(every:)``.
public struct VectorStoreChanges<ID: VectorID>: AsyncSequence, Sendable {
    /// What one element tells.
    public typealias Element = VectorStoreChange<ID>

    let hub: ChangeHub
    let watch: CommitWatch
    let interval: Duration

    /// Begins to follow the changes.
    public func makeAsyncIterator() -> Iterator { Iterator(hub, watch, interval) }

    /// Follows the changes until it is released.
    public struct Iterator: AsyncIteratorProtocol {
        private let follower: Following
        private var hasBegun = false

        init(_ hub: ChangeHub, _ watch: CommitWatch, _ interval: Duration) {
            follower = Following(hub, watch, interval)
        }

        /// The next change; nil once the store was closed or the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> VectorStoreChange<ID>? {
            if !hasBegun {
                hasBegun = true
                if let sequence = await follower.begin() { return VectorStoreChange(commitSequence: sequence) }
            }
            return await follower.next().map(VectorStoreChange.init)
        }

        /// The next change; nil once the store was closed or the task was cancelled.
        public mutating func next() async -> VectorStoreChange<ID>? { await next(isolation: nil) }
    }
}

/// A commit of a store, or several that follow one another.
public struct VectorStoreChange<ID: VectorID>: Sendable, Equatable {
    /// The ids that one commit has changed. An id that it has put and deleted again is in both lists.
    public struct IDs: Sendable, Equatable {
        /// The ids that had no row before.
        public var put: [ID]
        /// The ids that had a row before, and have a new vector.
        public var replaced: [ID]
        /// The ids that have no row any more.
        public var deleted: [ID]
        /// The ids of which only the metadata were changed.
        public var metadataChanged: [ID]

        /// Makes a list of changed ids.
        public init(put: [ID] = [], replaced: [ID] = [], deleted: [ID] = [], metadataChanged: [ID] = []) {
            self.put = put
            self.replaced = replaced
            self.deleted = deleted
            self.metadataChanged = metadataChanged
        }
    }

    /// The number of the newest commit that this stands for. Each commit has a higher number than those before it; the
    /// state that comes again when a store is resumed has the number of before, if nobody has committed.
    public let commitSequence: Int64
    /// The ids that were changed; nil if they aren't known: of the state with which the sequence begins, of commits of
    /// other processes, of more than 1,000 ids, of maintenance, of several commits, of ids that `ID` can't read, and of
    /// the state that comes again when a store is resumed. Then read what you show again.
    public let ids: IDs?
    /// Whether this stands for several commits, because they came faster than they were read.
    public let isJoined: Bool

    /// Makes a change, for previews and tests.
    public init(commitSequence: Int64, ids: IDs? = nil, isJoined: Bool = false) {
        self.commitSequence = commitSequence
        self.ids = ids
        self.isJoined = isJoined
    }

    init(_ commit: ChangeHub.Commit) {
        var ids: IDs?
        if let changes = commit.changes, !changes.isTooLong {
            var known = IDs()
            for (kind, value) in changes.all {
                guard let id = ID(sqlValue: value) else {
                    self.init(commitSequence: commit.sequence, isJoined: commit.isJoined)
                    return
                }
                switch kind {
                case .put: known.put.append(id)
                case .replaced: known.replaced.append(id)
                case .deleted: known.deleted.append(id)
                case .metadata: known.metadataChanged.append(id)
                }
            }
            ids = known
        }
        self.init(commitSequence: commit.sequence, ids: ids, isJoined: commit.isJoined)
    }
}

/// Follows the changes while it lives.
private final class Following: Sendable {
    private let follower = ChangeFollower()
    private let hub: ChangeHub
    private let watch: CommitWatch

    init(_ hub: ChangeHub, _ watch: CommitWatch, _ interval: Duration) {
        self.hub = hub
        self.watch = watch
        hub.add(follower)
        watch.begin(every: interval)
    }

    deinit { hub.remove(follower) }

    /// The number of the newest commit; nil if it can't be read. Later commits come after it, once each.
    func begin() async -> Int64? {
        do {
            let sequence = try await watch.newest()
            follower.begin(after: sequence)
            return sequence
        } catch {
            // A suspended store tells its newest state when it is resumed, and a later commit may be read.
            if error is CancellationError || (error as? VectorStoreError)?.code == .closed { follower.end() }
            return nil
        }
    }

    func next() async -> ChangeHub.Commit? { await follower.next() }
}

extension VectorStore {
    /// The commits of this store, as this handle makes or notices them.
    ///
    ///     for await change in store.changes() {
    ///         print(change.commitSequence, change.ids?.put ?? [])
    ///     }
    ///
    /// The first element is the newest state, or the next commit if that can't be read. Commits of this handle come after
    /// they are durable, with the ids that they have changed. Commits of other processes come with their number alone:
    /// while somebody follows the changes, the handle compares the log's header with that of before, which costs
    /// microseconds and reads no rows.
    ///
    /// Nobody waits for a slow reader, and what it hasn't read holds no memory: commits are joined
    /// (``VectorStoreChange/isJoined``). The sequence ends if the store is closed, or the task that reads is cancelled.
    /// It doesn't keep the store open. It goes on when a suspended store is resumed, and begins with the newest state
    /// again: what you wanted to read after an earlier element may have been refused.
    ///
    /// - Parameter interval: The time between two looks for commits of other processes; at least a millisecond. The
    ///   shortest of those that were asked for counts.
    public func changes(every interval: Duration = .milliseconds(100)) -> VectorStoreChanges<ID> {
        VectorStoreChanges(hub: hub, watch: commitWatch, interval: interval)
    }
}
