import LacunaFormats
import Logging

/// The library's warnings, on standard error: one line each, in the manner of the line for an error.
struct StandardErrorLog: LogHandler {
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    /// A logger that a store may have.
    static var logger: Logger { Logger(label: "lacuna") { _ in StandardErrorLog() } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { StandardError.line(Self.line(event)) }

    /// A bar that stands in the terminal's last line is wiped off first.
    static func line(_ event: LogEvent, isTerminal: Bool = StandardError.isTerminal) -> String {
        (isTerminal ? "\r\u{1B}[K" : "") + singleLine("\(event.level): \(event.message)")
    }
}
