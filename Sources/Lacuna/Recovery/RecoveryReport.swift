/// What recovery found, and did.
public struct RecoveryReport: Sendable {
    /// The state that a store was found in.
    public enum State: String, Sendable {
        /// There was nothing to do.
        case clean
        /// What a crash or an interrupted compaction left was put in order (or would be, in a dry run).
        case recovered
        /// The store's files contradict its index. Nothing was touched.
        case damaged
    }

    /// One thing that recovery did.
    public struct Action: Sendable, Equatable {
        /// `abort`, `finish`, `remove-file`, `trim-file`, `erase`, `remove-rows` or `leave-file`.
        public let action: String
        /// The file concerned; empty where it is the index.
        public let file: String
        /// Bytes of disk concerned.
        public let bytes: Int64
        /// What and why, in words.
        public let detail: String
    }

    /// How the store was found.
    public internal(set) var state: State
    /// What was done, in order; in a dry run, what would be.
    public internal(set) var actions: [Action]
    /// What is wrong with a damaged store, and what to do.
    public internal(set) var damage: VectorStoreError?
}
