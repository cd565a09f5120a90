/// The one error type that Lacuna throws.
///
/// Decide by ``code``; show ``message`` to a person: it says what is wrong and what to do. Values from the store
/// (vectors, metadata) never appear in a message; ids do.
public struct VectorStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is. The set is open: later versions add codes, so switches need a default.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The name of the code, stable across versions.
        public let rawValue: String

        /// A code by its name, known to this version or not.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The name of the code.
        public var description: String { rawValue }

        /// An argument outside its range: a dimension, a limit, a name.
        public static let invalidArgument = Code(rawValue: "invalidArgument")
        /// A vector of another dimension than the store's, or with a component that is NaN or infinite.
        public static let invalidVector = Code(rawValue: "invalidVector")
        /// Metadata that are not a JSON object, or have the key `id`.
        public static let invalidMetadata = Code(rawValue: "invalidMetadata")
        /// A filter that isn't one SQL expression over `id` and `metadata`.
        public static let invalidFilter = Code(rawValue: "invalidFilter")
        /// The id exists already, and replacing was not asked for.
        public static let duplicateID = Code(rawValue: "duplicateID")
        /// No row has this id.
        public static let unknownID = Code(rawValue: "unknownID")
        /// The store's ids are of another kind than the handle's, or an id has a form that isn't allowed.
        public static let invalidID = Code(rawValue: "invalidID")
        /// There is nothing at this path.
        public static let noSuchStore = Code(rawValue: "noSuchStore")
        /// What is at this path is not a store, or one whose creation was interrupted.
        public static let notAStore = Code(rawValue: "notAStore")
        /// There is something at this path already.
        public static let alreadyExists = Code(rawValue: "alreadyExists")
        /// Another handle or process has the store open for writing.
        public static let locked = Code(rawValue: "locked")
        /// Somebody held a lock, or read, for longer than the call waits: try again. Or the store was opened where it can't
        /// be written, and has changed since: open it again.
        public static let busy = Code(rawValue: "busy")
        /// The store was opened for reading, or its directory can't be written.
        public static let readOnly = Code(rawValue: "readOnly")
        /// The system refused access.
        public static let permissionDenied = Code(rawValue: "permissionDenied")
        /// No space is left: on the disk, in a quota, or below a limit of a file's size. Nothing acknowledged is lost, and
        /// deleting still works.
        public static let diskFull = Code(rawValue: "diskFull")
        /// The process, or the system, has as many files open as it may. Nothing is harmed: close some, or raise the limit.
        public static let tooManyOpenFiles = Code(rawValue: "tooManyOpenFiles")
        /// The system reported an I/O error.
        public static let ioError = Code(rawValue: "ioError")
        /// The store's files contradict one another or their checksums.
        public static let damaged = Code(rawValue: "damaged")
        /// A newer version of Lacuna wrote this store.
        public static let newerFormat = Code(rawValue: "newerFormat")
        /// The store was written by an earlier version of Lacuna, and has to be opened for writing once before it can be read.
        public static let needsMigration = Code(rawValue: "needsMigration")
        /// The SQLite library is too old, or the index holds what Lacuna can't write beside: an index that somebody has added,
        /// which the message names.
        public static let unsupported = Code(rawValue: "unsupported")
        /// The path of an open store leads elsewhere now, or files of it were removed or replaced: open it again where it is.
        public static let moved = Code(rawValue: "moved")
        /// The handle was closed.
        public static let closed = Code(rawValue: "closed")
        /// An earlier I/O error made writing through this handle unsafe: close it and open the store again.
        public static let needsReopen = Code(rawValue: "needsReopen")
        /// A call from inside a closure of the same store that would wait for itself.
        public static let reentrantCall = Code(rawValue: "reentrantCall")
        /// A compaction or an erasure didn't end by its deadline.
        public static let deadlineExceeded = Code(rawValue: "deadlineExceeded")
        /// A read that took long ended early: its task was cancelled, or ``VectorStoreOptions/isCancelled`` said so.
        public static let cancelled = Code(rawValue: "cancelled")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What is wrong, and what to do about it; one line.
    public let message: String
    /// The ids concerned, as text, in id order; at most the first 1,000 of them.
    public let ids: [String]
    /// The error underneath, where there is one.
    public let cause: (any Error)?

    /// An error of this library; for tests and for code that wraps a store.
    public init(_ code: Code, _ message: String, ids: [String] = [], cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.ids = ids
        self.cause = cause
    }

    /// The message.
    public var description: String { message }
}

extension VectorStoreError {
    /// A list of ids for a message: the first few of them, and how many there are.
    static func list(_ ids: [String]) -> String {
        let shown = ids.prefix(5).joined(separator: ", ")
        return ids.count > 5 ? "\(shown) and \(ids.count - 5) more" : shown
    }

    static let foreignWriter = VectorStoreError(
        .busy,
        "another program wrote to index.sqlite meanwhile; close it, and try again"
    )

    /// Commits are missing: what is there is not opened, and `verify` could tell no more.
    static func commitsAreMissing(_ what: String) -> VectorStoreError {
        VectorStoreError(
            .damaged,
            damagedPrefix + what + missingRemedy
        )
    }

    /// Rows that the log alone names aren't in the data file.
    static func rowsOfLogAreMissing(_ ids: [String]) -> VectorStoreError {
        VectorStoreError(
            .damaged,
            damagedPrefix + "the rows of \(list(ids)), which only index.sqlite-wal names, don't match their checksums: "
                + "an older copy of files of the store was put back beside it, or they have rotted" + missingRemedy,
            ids: Array(ids.prefix(1_000))
        )
    }

    static func damaged(_ what: String, ids: [String] = [], cause: (any Error)? = nil) -> VectorStoreError {
        VectorStoreError(
            .damaged,
            damagedPrefix + what + damagedRemedy,
            ids: Array(ids.prefix(1_000)),
            cause: cause
        )
    }

    private static let damagedPrefix = "the store is damaged: "
    private static let damagedRemedy =
        "; nothing was changed: run `verify`, and put a whole backup back into an empty directory, or save what is sound with "
        + "`recover --salvage`"
    private static let missingRemedy =
        "; nothing was changed: put a whole backup back into an empty directory, or save what is left with "
        + "`recover --salvage`"

    /// The message without the remedy for damage, which says that nothing was changed.
    var withoutRemedy: String {
        message.replacing(Self.damagedRemedy, with: "").replacing(Self.missingRemedy, with: "")
    }

    /// What is wrong, without the remedy: for a list of it.
    var damage: String {
        let text = withoutRemedy
        return text.hasPrefix(Self.damagedPrefix) ? String(text.dropFirst(Self.damagedPrefix.count)) : text
    }
}
