import Lacuna
import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The exit statuses, as in sysexits(3). Scripts rely on them.
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

/// The reason why a command ends early: a status, and the error line.
struct CommandError: Error, CustomStringConvertible {
    let status: ExitStatus
    /// The problem; nil if the command has already told everything.
    let problem: String?
    /// The way to remedy it.
    let remedy: String?
    /// The rows that a command had acknowledged before.
    var acknowledged: String?
    /// Lines below the error line: the usage after a typing mistake, or the place of the mistake in a filter.
    var details: String?

    init(_ status: ExitStatus, _ problem: String, remedy: String, details: String? = nil) {
        self.status = status
        self.problem = problem
        self.remedy = remedy
        self.details = details
    }

    private init(silent status: ExitStatus) {
        self.status = status
        problem = nil
        remedy = nil
    }

    /// An error that prints nothing.
    static func silent(_ status: ExitStatus) -> CommandError { CommandError(silent: status) }

    /// The error line.
    var message: String? {
        problem.map { singleLine([$0, remedy, acknowledged].compactMap(\.self).joined(separator: "; ")) }
    }

    /// The journal keeps this text if the error stopped a compaction.
    var description: String { message ?? "\(status)" }

    static func usage(_ problem: String, remedy: String) -> CommandError {
        CommandError(.usage, problem, remedy: remedy)
    }

    static func badData(_ problem: String, remedy: String) -> CommandError {
        CommandError(.badData, problem, remedy: remedy)
    }

    /// Nil for an error of the argument parser, which has its own message.
    init?(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as VectorStoreError where error.code == .cancelled:
            // An error with a cause comes from SQLite, and says no more than that it was stopped.
            self = Interrupts.error(error.cause == nil ? error.problem : nil)
        case let error as VectorStoreError: self.init(Self.status(error.code), error)
        case let error as FormatError: self.init(Self.status(error.kind), error)
        default: return nil
        }
    }

    /// An error of the library, with commands in place of the calls that its remedy names.
    init(_ status: ExitStatus, _ error: VectorStoreError) {
        self.init(
            status,
            error.problem,
            remedy: error.code == .locked ? Self.remedyForLock : error.remedy.asCommands,
            details: (error.cause as? FilterPlace).flatMap { $0.text.isEmpty ? nil : $0.excerpt() }
        )
    }

    private static let remedyForLock = "wait for that process to end, perhaps with `--wait SECONDS`, and try again"

    init(_ status: ExitStatus, _ error: FormatError) { self.init(status, error.problem, remedy: error.remedy) }

    /// The same error with the place in a file in front.
    func at(_ location: String) -> CommandError {
        guard let problem, let remedy else { return self }
        return CommandError(status, "\(location): \(problem)", remedy: remedy)
    }

    /// The same error with the number of rows that the command had acknowledged before.
    func after(_ rows: Int, _ what: String) -> CommandError {
        guard rows > 0 else { return self }
        var error = self
        error.acknowledged = "\(rows) rows \(what)"
        return error
    }

    private static func status(_ code: VectorStoreError.Code) -> ExitStatus {
        switch code {
        case .noSuchStore, .notAStore, .moved: .noInput
        case .alreadyExists: .cannotCreate
        case .locked, .busy, .deadlineExceeded, .suspended: .tryAgain
        case .damaged, .newerFormat, .needsMigration, .unsupported: .damaged
        case .readOnly, .permissionDenied: .noPermission
        case .invalidVector, .invalidMetadata, .duplicateID, .invalidID, .unknownID, .differentModel,
            .differentConfiguration:
            .badData
        case .invalidFilter, .invalidArgument: .usage
        default: .inputOutput
        }
    }

    private static func status(_ kind: FormatError.Kind) -> ExitStatus {
        switch kind {
        case .invalid: .badData
        case .unsuitableOption: .usage
        case .io(EACCES), .io(EPERM), .unreadable(EACCES), .unreadable(EPERM): .noPermission
        case .unreadable(ENOENT), .unreadable(ENOTDIR), .unreadable(EISDIR), .unreadable(ESPIPE): .noInput
        case .io, .unreadable: .inputOutput
        }
    }

    /// An error in making an output file, rather than in writing it.
    static func creating(_ error: FormatError) -> CommandError {
        switch error.kind {
        case .io(EACCES), .io(EPERM), .io(EROFS): CommandError(.noPermission, error)
        case .io(EWOULDBLOCK): CommandError(.tryAgain, error)
        case .io(ENOSPC), .io(EDQUOT), .io(EIO): CommandError(.inputOutput, error)
        default: CommandError(.cannotCreate, error)
        }
    }
}
