/// The one error type that Lacuna throws.
///
/// Programs decide by ``code``. Show people ``problem`` and ``remedy``, or ``description``, which is both on one line.
/// These texts never contain vectors or metadata; they may contain ids.
public struct VectorStoreError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Later versions add codes, so switches need a default.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The name of the code, stable across versions.
        public let rawValue: String

        /// Makes a code from its name, which this version need not know.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The name of the code.
        public var description: String { rawValue }

        /// An argument outside its range: a dimension, a limit, a name.
        public static let invalidArgument = Code(rawValue: "invalidArgument")
        /// A vector of another dimension than the store's, or with a component that is NaN or infinite.
        public static let invalidVector = Code(rawValue: "invalidVector")
        /// Metadata, or a patch of metadata, that are not a JSON object, or have the key `id` or a key twice.
        public static let invalidMetadata = Code(rawValue: "invalidMetadata")
        /// A filter that isn't one SQL expression over `id` and `metadata`.
        public static let invalidFilter = Code(rawValue: "invalidFilter")
        /// The id exists already, and replacing was not asked for.
        public static let duplicateID = Code(rawValue: "duplicateID")
        /// No row has this id.
        public static let unknownID = Code(rawValue: "unknownID")
        /// The store's ids are of another kind than the handle's, or an id has a form that isn't allowed.
        public static let invalidID = Code(rawValue: "invalidID")
        /// The store's vectors are of another embedding model than the one that the store was opened with.
        public static let differentModel = Code(rawValue: "differentModel")
        /// The store has another dimension, metric or element than the one asked for.
        public static let differentConfiguration = Code(rawValue: "differentConfiguration")
        /// There is nothing at this path.
        public static let noSuchStore = Code(rawValue: "noSuchStore")
        /// The path has something other than a store, or a store whose creation was interrupted.
        public static let notAStore = Code(rawValue: "notAStore")
        /// There is something at this path already.
        public static let alreadyExists = Code(rawValue: "alreadyExists")
        /// Another handle or process has the store open for writing.
        public static let locked = Code(rawValue: "locked")
        /// Somebody held a lock, or read, for longer than the call waits: try again. Or the store was opened in a
        /// directory that can't be written, and has changed since: open it again.
        public static let busy = Code(rawValue: "busy")
        /// The store was opened for reading, or its directory can't be written.
        public static let readOnly = Code(rawValue: "readOnly")
        /// The system refused access.
        public static let permissionDenied = Code(rawValue: "permissionDenied")
        /// No space is left on the disk or in a quota, or a file would exceed a size limit. No acknowledged write is
        /// lost, and deleting still works.
        public static let diskFull = Code(rawValue: "diskFull")
        /// The process or the system has reached its limit of open files. Nothing is harmed: close some files, or raise
        /// the limit.
        public static let tooManyOpenFiles = Code(rawValue: "tooManyOpenFiles")
        /// The system reported an I/O error.
        public static let ioError = Code(rawValue: "ioError")
        /// The store's files contradict one another or their checksums.
        public static let damaged = Code(rawValue: "damaged")
        /// A newer version of Lacuna wrote this store.
        public static let newerFormat = Code(rawValue: "newerFormat")
        /// The store was written by an earlier version of Lacuna, and has to be opened for writing once before it can be read.
        public static let needsMigration = Code(rawValue: "needsMigration")
        /// The SQLite library is too old; or somebody has added an SQL index, which the message names, that Lacuna
        /// can't keep up to date.
        public static let unsupported = Code(rawValue: "unsupported")
        /// The path of an open store leads elsewhere now, or some of its files were removed or replaced: open the store
        /// again at its present path.
        public static let moved = Code(rawValue: "moved")
        /// The handle was closed.
        public static let closed = Code(rawValue: "closed")
        /// The handle is suspended: resume it with ``VectorStore/resume()``.
        public static let suspended = Code(rawValue: "suspended")
        /// An earlier I/O error made writing through this handle unsafe: close it and open the store again.
        public static let needsReopen = Code(rawValue: "needsReopen")
        /// A call from inside a closure of the same store that would wait for itself.
        public static let reentrantCall = Code(rawValue: "reentrantCall")
        /// A compaction or an erasure didn't end by its deadline.
        public static let deadlineExceeded = Code(rawValue: "deadlineExceeded")
        /// A long read ended early, because its task was cancelled or ``VectorStoreOptions/shouldCancel`` said so.
        public static let cancelled = Code(rawValue: "cancelled")
    }

    /// The kind of failure.
    public let code: Code
    /// The way to remedy the problem.
    public let remedy: Remedy
    /// The ids concerned, as text, in the order of ids; at most the first 1,000 of them.
    public let ids: [String]
    /// The error that caused this one, if there is one.
    public let cause: (any Error)?

    /// The meaning of the failure for the caller, if the detail doesn't tell it: "the store is damaged".
    private let context: String?
    /// The problem without its context, for lists of problems with the same context.
    package let detail: String

    /// The problem, in one line.
    public var problem: String { context.map { "\($0): \(detail)" } ?? detail }

    /// The problem and the remedy, in one line.
    public var description: String { "\(problem); \(remedy)" }

    /// Makes an error of this library, for tests and for code that wraps a store.
    ///
    /// - Parameter remedy: The way to remedy the problem; nil for the usual remedy of the code.
    public init(
        _ code: Code,
        _ problem: String,
        remedy: Remedy? = nil,
        ids: [String] = [],
        cause: (any Error)? = nil
    ) {
        self.init(code, context: nil, detail: problem, remedy, ids, cause)
    }

    private init(
        _ code: Code,
        context: String?,
        detail: String,
        _ remedy: Remedy?,
        _ ids: [String],
        _ cause: (any Error)?
    ) {
        self.code = code
        self.context = context
        self.detail = detail
        self.remedy = remedy ?? code.usualRemedy
        self.ids = Array(ids.prefix(1_000))
        self.cause = cause
    }
}

extension VectorStoreError {
    /// The store's files contradict one another, or their checksums.
    package static func damaged(
        _ detail: String,
        remedy: Remedy? = nil,
        ids: [String] = [],
        cause: (any Error)? = nil
    ) -> VectorStoreError {
        let context = "the store is damaged, and nothing was changed"
        return VectorStoreError(.damaged, context: context, detail: detail, remedy, ids, cause)
    }

    /// Commits are missing: the store is not opened, and `verify` couldn't tell more.
    package static func commitsAreMissing(_ detail: String, ids: [String] = []) -> VectorStoreError {
        damaged(
            detail,
            remedy: "restore a backup with \(.restore), or save the rows that are left with \(.salvage)",
            ids: ids
        )
    }

    /// Rows that the log alone names aren't in the data file.
    package static func rowsOfLogAreMissing(_ ids: [String]) -> VectorStoreError {
        commitsAreMissing(
            """
            the rows of \(list(ids)), which only index.sqlite-wal names, don't match their checksums: an older copy of one of \
            the store's files was put back beside it, or they have rotted
            """,
            ids: ids
        )
    }

    package static let foreignWriter = VectorStoreError(
        .busy,
        "another program wrote to index.sqlite meanwhile",
        remedy: "close that program, and try again"
    )

    /// This failure as the reason for another one; `context` tells its meaning for the caller.
    package func within(_ context: String, remedy: Remedy? = nil) -> VectorStoreError {
        VectorStoreError(code, context: context, detail: detail, remedy ?? self.remedy, ids, self)
    }

    /// Lists ids for a problem: the first few, and the number of the others.
    package static func list(_ ids: [String]) -> String {
        let shown = ids.prefix(5).joined(separator: ", ")
        return ids.count > 5 ? "\(shown) and \(ids.count - 5) more" : shown
    }
}
