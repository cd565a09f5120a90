import ArgumentParser
import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Parses the command line, runs the command, and turns an error into one line and an exit status.
@main
enum Main {
    static func main() {
        Interrupts.install()
        do {
            var command = try LacunaCommand.parseAsRoot()
            try command.run()
        } catch {
            exit(report(error).rawValue)
        }
    }

    private static func report(_ error: any Error) -> ExitStatus {
        if let error = CommandError(error) {
            if let message = error.message { StandardError.line("error: \(message)") }
            if let usage = error.usage { StandardError.line(usage) }
            return error.status
        }
        let message = LacunaCommand.fullMessage(for: error)
        if LacunaCommand.exitCode(for: error).isSuccess {
            let output = StandardOutput()
            return (try? output.line(message)) != nil && (try? output.flush()) != nil ? .done : .inputOutput
        }
        StandardError.line("error: " + usageError(LacunaCommand.message(for: error)))
        let usage = message.split(separator: "\n").drop { !$0.hasPrefix("Usage:") }
        if !usage.isEmpty { StandardError.line(usage.joined(separator: "\n")) }
        return .usage
    }

    /// Puts the parser's message on one line, with a remedy. The parser reports the problem only as a text.
    private static func usageError(_ message: String) -> String {
        var text = message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.joined(separator: " ")
        while text.hasSuffix(".") { text.removeLast() }
        text = text.prefix(1).lowercased() + text.dropFirst()
        // If an option lacks its value, a hint about ids doesn't help.
        let mayBeID = !text.hasPrefix("missing value")
        let hasNegativeID = mayBeID && CommandLine.arguments.contains { $0.hasPrefix("-") && Int64($0) != nil }
        return singleLine("\(text); \(hasNegativeID ? "ids that begin with a minus come after `--`" : "see --help")")
    }
}
