/// The report of a recovery.
public struct RecoveryReport: Sendable {
    /// The state in which a store was found.
    public enum State: String, Sendable {
        /// There was nothing to do.
        case clean
        /// The remains of a crash or of an interrupted compaction were put in order (or would be, in a dry run).
        case recovered
        /// The store's files contradict its index. Nothing was touched.
        case damaged
    }

    /// One action of a recovery.
    public struct Action: Sendable, Equatable {
        /// `abort`, `finish`, `remove-file`, `trim-file`, `erase`, `remove-rows`, `rebuild-index` or
        /// `leave-file`.
        public let action: String
        /// The file concerned; empty if it is the index.
        public let file: String
        /// The bytes of disk concerned.
        public let bytes: Int64
        /// Describes the action and its reason.
        public let detail: String
    }

    /// The state in which the store was found.
    public internal(set) var state: State
    /// The actions that were done, in order; in a dry run, those that would be done.
    public internal(set) var actions: [Action]
    /// The error of a damaged store; it says what is wrong and what to do.
    public internal(set) var damage: VectorStoreError?
}
