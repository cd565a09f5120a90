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
        Activity.tick()
        do {
            if let error = Mistyped.command(CommandLine.arguments.dropFirst()) { throw error }
            var command = try LacunaCommand.parseAsRoot()
            try Shell.$storePath.withValue((command as? any StoreNaming)?.store) {
                do { try command.run() } catch { throw CommandError(error) ?? error }
            }
        } catch {
            exit(report(error).rawValue)
        }
    }

    private static func report(_ error: any Error) -> ExitStatus {
        if let error = CommandError(error) {
            if let message = error.message { StandardError.line("error: \(message)") }
            if let details = error.details { StandardError.line(details) }
            return error.status
        }
        let message = LacunaCommand.fullMessage(for: error)
        if LacunaCommand.exitCode(for: error).isSuccess {
            let output = StandardOutput()
            let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line.hasPrefix("USAGE: ") ? wrapped(String(line), Terminal.columns) : String(line)
            }
            let isPrinted = (try? output.line(lines.joined(separator: "\n"))) != nil && (try? output.flush()) != nil
            return isPrinted ? .done : .inputOutput
        }
        StandardError.line("error: " + usageError(LacunaCommand.message(for: error)))
        let usage = message.split(separator: "\n").drop { !$0.hasPrefix("Usage:") }
        for line in usage { StandardError.line(wrapped(String(line), Terminal.width(STDERR_FILENO) ?? 80)) }
        return .usage
    }

    /// Puts the parser's message on one line, with a remedy. The parser reports the problem only as a text.
    private static func usageError(_ message: String) -> String {
        var text = message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.joined(separator: " ")
        while text.hasSuffix(".") { text.removeLast() }
        text = text.prefix(1).lowercased() + text.dropFirst()
        let suggestion = text.split(separator: ". Did you mean ", maxSplits: 1)
        if suggestion.count == 2 { return singleLine("\(suggestion[0]); did you mean \(suggestion[1])") }
        // If an option lacks its value, a hint about ids doesn't help.
        let mayBeID = !text.hasPrefix("missing value")
        let hasNegativeID = mayBeID && CommandLine.arguments.contains { $0.hasPrefix("-") && Int64($0) != nil }
        let command = CommandLine.arguments.dropFirst().first { !$0.hasPrefix("-") } ?? ""
        let remedy =
            hasNegativeID ? "ids that begin with a minus come after `--`" : "`lacuna help \(command)` shows examples"
        return singleLine("\(text); \(remedy)")
    }

    /// Breaks the usage between its arguments, each of which may be several words in brackets.
    private static func wrapped(_ line: String, _ width: Int) -> String {
        var arguments: [String] = []
        var depth = 0
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if depth > 0 { arguments[arguments.count - 1] += " " + word } else { arguments.append(String(word)) }
            depth += word.count { $0 == "[" || $0 == "(" } - word.count { $0 == "]" || $0 == ")" }
        }
        var lines = [""]
        for argument in arguments {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = argument
            } else if last.columns + 1 + argument.columns <= width {
                lines[lines.count - 1] += " " + argument
            } else {
                lines.append(String(repeating: " ", count: 7) + argument)
            }
        }
        return lines.joined(separator: "\n")
    }
}
