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
        /// The kinds of actions. Later versions may add some, so switches need a default. The raw values are those that
        /// the command prints.
        @nonexhaustive
        public enum Kind: String, Sendable, CaseIterable {
            /// An interrupted compaction was entered in the journal as failed.
            case abort
            /// A compaction that had committed was entered in the journal as done.
            case finish
            /// A file was removed that nothing needs any more.
            case removeFile = "remove-file"
            /// The data file's end was cut off, where no row lies.
            case trimFile = "trim-file"
            /// An interrupted erasure was completed.
            case erase
            /// Index rows were removed that belong to no current data file.
            case removeRows = "remove-rows"
            /// An index on metadata was made anew, since it contradicted them.
            case rebuildIndex = "rebuild-index"
            /// The file of a re-embedding that can go on was kept.
            case keepFile = "keep-file"
            /// A file was left alone that the journal doesn't name.
            case leaveFile = "leave-file"
        }

        /// What was done.
        public var kind: Kind
        /// The name of the file concerned; empty if it is the index.
        public var file: String
        /// The bytes of disk concerned.
        public var bytes: Int64
        /// Describes the action and its reason, in English.
        public var detail: String

        /// Makes an action, as for a preview or a test.
        public init(_ kind: Kind, file: String = "", bytes: Int64 = 0, detail: String = "") {
            self.kind = kind
            self.file = file
            self.bytes = bytes
            self.detail = detail
        }
    }

    /// The state in which the store was found.
    public var state: State
    /// The actions that were done, in order; in a dry run, those that would be done.
    public var actions: [Action]
    /// The error of a damaged store; it says what is wrong and what to do.
    public var damage: VectorStoreError?

    /// Makes a report, as for a preview or a test.
    public init(state: State = .clean, actions: [Action] = [], damage: VectorStoreError? = nil) {
        self.state = state
        self.actions = actions
        self.damage = damage
    }
}
