import LacunaFormats
import Logging

/// Prints the library's warnings on standard error, each on one line, in the form of the error line.
struct StandardErrorLog: LogHandler {
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    /// The logger for a store.
    static var logger: Logger { Logger(label: "lacuna") { _ in StandardErrorLog() } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { StandardError.line(Self.line(event)) }

    /// On a terminal, a progress bar in the last line is cleared first.
    static func line(_ event: LogEvent, isTerminal: Bool = StandardError.isTerminal) -> String {
        (isTerminal ? "\r\u{1B}[K" : "") + singleLine("\(event.level): \(event.message)")
    }
}
