import Lacuna
import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What the process ends with: sysexits(3), and what scripts rely on.
enum ExitStatus: Int32 {
    case done = 0
    /// The answer is no: an id not found, nothing matched, damage found.
    case no = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    case cannotCreate = 73
    case inputOutput = 74
    case tryAgain = 75
    case damaged = 76
    case noPermission = 77
    case interrupted = 130
    case terminated = 143
}

/// Why a command ends early: a status, and the line that says so.
struct CommandError: Error, CustomStringConvertible {
    let status: ExitStatus
    /// What is wrong, and what to do; nil where everything has been said.
    var message: String?
    /// Further lines for somebody who mistyped.
    var usage: String?

    init(_ status: ExitStatus, _ message: String?, usage: String? = nil) {
        self.status = status
        self.message = message.map(singleLine)
        self.usage = usage
    }

    /// What the journal keeps of a compaction that this stopped.
    var description: String { message ?? "\(status)" }

    static func usage(_ message: String) -> CommandError { CommandError(.usage, message) }
    static func badData(_ message: String) -> CommandError { CommandError(.badData, message) }

    /// Nil for an error of the argument parser, which has its own words.
    init?(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as VectorStoreError where error.code == .cancelled:
            // Where SQLite was stopped, its error says no more than that.
            self = error.cause == nil ? Interrupts.error(remedy: error.message) : Interrupts.error()
        case let error as VectorStoreError: self.init(Self.status(error.code), Self.withRemedy(error))
        case let error as FormatError: self.init(Self.status(error.kind), error.message)
        default: return nil
        }
    }

    /// The same error of a command that had acknowledged rows before, which the line counts.
    func after(_ rows: Int, _ what: String) -> CommandError {
        rows == 0 ? self : CommandError(status, message.map { "\($0); \(rows) rows \(what)" }, usage: usage)
    }

    private static func status(_ code: VectorStoreError.Code) -> ExitStatus {
        switch code {
        case .noSuchStore, .notAStore, .moved: .noInput
        case .alreadyExists: .cannotCreate
        case .locked, .busy, .deadlineExceeded: .tryAgain
        case .damaged, .newerFormat, .needsMigration, .unsupported: .damaged
        case .readOnly, .permissionDenied: .noPermission
        case .invalidVector, .invalidMetadata, .duplicateID, .invalidID, .unknownID: .badData
        case .invalidFilter, .invalidArgument: .usage
        default: .inputOutput
        }
    }

    private static func status(_ kind: FormatError.Kind) -> ExitStatus {
        switch kind {
        case .invalid: .badData
        case .io(EACCES), .io(EPERM), .unreadable(EACCES), .unreadable(EPERM): .noPermission
        case .unreadable(ENOENT), .unreadable(ENOTDIR), .unreadable(EISDIR), .unreadable(ESPIPE): .noInput
        case .io, .unreadable: .inputOutput
        }
    }

    /// What failed while an output file was made, rather than while it was written.
    static func creating(_ error: FormatError) -> CommandError {
        switch error.kind {
        case .io(EACCES), .io(EPERM), .io(EROFS): CommandError(.noPermission, error.message)
        case .io(EWOULDBLOCK): CommandError(.tryAgain, error.message)
        case .io(ENOSPC), .io(EDQUOT), .io(EIO): CommandError(.inputOutput, error.message)
        default: CommandError(.cannotCreate, error.message)
        }
    }

    /// Every line says what to do; the few messages of the library that don't get it by their kind.
    private static func withRemedy(_ error: VectorStoreError) -> String {
        if error.code == .duplicateID, let id = error.ids.first {
            return "the id \(id) exists already; give --replace, or choose another id"
        }
        if error.message.contains("; ") { return error.message }
        switch error.code {
        case .invalidVector: return error.message + "; give a vector of the store's dimension, all finite numbers"
        case .damaged: return error.message + "; run `lacuna verify`"
        case .locked, .busy: return error.message + "; try again later"
        default: return error.message + "; see `lacuna --help`"
        }
    }
}
