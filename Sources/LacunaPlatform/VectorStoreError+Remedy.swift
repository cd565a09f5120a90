extension VectorStoreError {
    /// Tells how to remedy an error: a text, with the library's calls in it as data. A program that has other names for
    /// these calls, such as the command `lacuna`, puts them into the text with ``text(naming:)``.
    public struct Remedy: Hashable, Sendable {
        /// A call that a remedy may name. Later versions add calls, so switches need a default.
        @nonexhaustive
        public enum Call: Hashable, Sendable, CaseIterable {
            /// `VectorStore.create`.
            case create
            /// `VectorStore.open`.
            case open
            /// `VectorStore.open` for writing, which brings the store of an earlier version up to date.
            case openForWriting
            /// `VectorStore.put`.
            case put
            /// The argument of `put` by which it replaces a row.
            case replacing
            /// `VectorStore.erase`.
            case erase
            /// `VectorStore.compact`.
            case compact
            /// `VectorStore.compact` in place.
            case compactInPlace
            /// The option that ends a compaction, an erasure or a backup at a deadline.
            case deadline
            /// `VectorStore.verify`.
            case verify
            /// `VectorStoreBackup.restore`.
            case restore
            /// `VectorStoreRecovery.salvage`.
            case salvage
            /// `VectorStore.reembed`.
            case reembed
            /// `VectorStore.abortReembedding`.
            case abortReembedding
            /// `VectorStore.createTextIndex`.
            case createTextIndex
            /// `VectorStore.suspend`.
            case suspend
            /// `VectorStore.resume`.
            case resume
        }

        enum Part: Hashable {
            case text(String)
            case call(Call)
        }

        private var parts: [Part]

        /// The calls that the remedy names, in their order.
        public var calls: [Call] {
            parts.compactMap { part in
                if case .call(let call) = part { call } else { nil }
            }
        }

        /// The text, with a name for each call.
        public func text(naming name: (Call) -> String) -> String {
            parts.map { part in
                switch part {
                case .text(let text): text
                case .call(let call): name(call)
                }
            }.joined()
        }
    }
}

extension VectorStoreError.Remedy: CustomStringConvertible {
    /// The text for callers of this library.
    public var description: String { text { "`\($0)`" } }
}

extension VectorStoreError.Remedy.Call: CustomStringConvertible {
    /// The call as it is written in Swift.
    public var description: String {
        switch self {
        case .create: "VectorStore.create(at:configuration:)"
        case .open: "VectorStore.open(at:)"
        case .openForWriting: "VectorStore.open(at:)"
        case .put: "put(_:for:)"
        case .replacing: "replacing: true"
        case .erase: "erase(_:)"
        case .compact: "compact()"
        case .compactInPlace: "compact(.inPlace)"
        case .deadline: "MaintenanceOptions.deadline"
        case .verify: "verify()"
        case .restore: "VectorStoreBackup.restore(_:to:)"
        case .salvage: "VectorStoreRecovery.salvage(at:)"
        case .reembed: "reembed(dimension:model:)"
        case .abortReembedding: "abortReembedding()"
        case .createTextIndex: "createTextIndex(on:)"
        case .suspend: "suspend(within:)"
        case .resume: "resume()"
        }
    }
}

/// A literal names a call by interpolation: `"restore a backup with \(.restore)"`.
extension VectorStoreError.Remedy: ExpressibleByStringInterpolation {
    /// The parts of a literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        /// Makes an empty one.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Appends text as it is.
        public mutating func appendLiteral(_ literal: String) {
            guard !literal.isEmpty else { return }
            if case .text(let text) = parts.last {
                parts[parts.count - 1] = .text(text + literal)
            } else {
                parts.append(.text(literal))
            }
        }

        /// Appends a call, which stays data.
        public mutating func appendInterpolation(_ call: VectorStoreError.Remedy.Call) { parts.append(.call(call)) }

        /// Appends a value's text.
        public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            appendLiteral(value.description)
        }

        /// Appends another remedy with its calls.
        public mutating func appendInterpolation(_ remedy: VectorStoreError.Remedy) {
            for part in remedy.parts {
                switch part {
                case .text(let text): appendLiteral(text)
                case .call(let call): appendInterpolation(call)
                }
            }
        }
    }

    /// A text that names no call.
    public init(stringLiteral text: String) { parts = [.text(text)] }

    /// A text with the calls that it names.
    public init(stringInterpolation interpolation: StringInterpolation) { parts = interpolation.parts }
}

extension VectorStoreError.Code {
    /// The remedy for errors of this code that have none of their own.
    var usualRemedy: VectorStoreError.Remedy {
        switch self {
        case .invalidArgument: "pass a value within the range"
        case .invalidVector: "pass vectors of the store's dimension, with finite components"
        case .invalidMetadata: "pass one JSON object without the key \"id\""
        case .invalidFilter: "write one like `metadata ->> 'key' = 'value'`"
        case .duplicateID: "replace it with \(.replacing), or choose another id"
        case .unknownID: "put a row with that id first, with \(.put)"
        case .invalidID: "pass ids of the store's kind"
        case .differentConfiguration: "open the store as what it is"
        case .differentModel: "use the model that made the store's vectors"
        case .noSuchStore: "check the path, or make the store with \(.create)"
        case .notAStore: "check the path"
        case .alreadyExists: "choose another path, or move away what is there"
        case .locked: "close that handle, or wait for that process to end, and try again"
        case .busy: "try again later"
        case .readOnly: "put the store where this user may write"
        case .permissionDenied: "check the owner and the permissions"
        case .diskFull: "free some disk space (deleting rows still works) and try again"
        case .tooManyOpenFiles: "raise the limit of open files (ulimit -n), or close some, and try again"
        case .ioError: "check the disk, then try again"
        case .damaged:
            """
            run \(.verify) to see what is damaged, then restore a backup with \(.restore), or save the rows that are sound \
            with \(.salvage)
            """
        case .newerFormat: "upgrade Lacuna"
        case .needsMigration: "bring it up to date, once, with \(.openForWriting)"
        case .unsupported: "upgrade SQLite"
        case .moved: "run \(.open) again with the store's present path"
        case .closed: "run \(.open) again"
        case .suspended: "resume it with \(.resume)"
        case .needsReopen: "close this handle, and run \(.open) again"
        case .reentrantCall: "let the closure return first"
        case .deadlineExceeded: "allow more time with \(.deadline), or go on later"
        case .cancelled: "call it again for an answer"
        default: "see the cause"
        }
    }
}
