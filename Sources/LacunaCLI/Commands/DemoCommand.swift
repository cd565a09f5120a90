import ArgumentParser
import Foundation

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Give a tour on the sample: fill, search, delete, crash, recover, compact.",
        discussion: """
            Runs the script `demo` in the sample's directory, which works in a temporary directory and removes it. Every step \
            is a command you could type.
            """
    )

    @Option(help: ArgumentHelp("The directory of the sample, and of its script.", valueName: "dir"))
    var sample = "Examples/packages"

    /// Replaces this process by the script, which gets the path of this program in the environment.
    func run() throws {
        let script = sample + "/demo"
        guard unsafe access(script, X_OK) == 0 else {
            throw CommandError(
                .noInput,
                "there is no script \(script) to run",
                remedy: "run this in a clone of Lacuna, or name the sample with --sample"
            )
        }
        guard unsafe setenv("LACUNA", try ownExecutable().path, 1) == 0 else { throw Self.failure(script) }
        // A shell can't reset signals that were ignored before it began.
        for number in [SIGPIPE, SIGXFSZ] { _ = signal(number, SIG_DFL) }
        var words = unsafe [strdup(script), nil]
        unsafe execv(script, &words)
        throw Self.failure(script)
    }

    private static func failure(_ script: String) -> CommandError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return CommandError(.inputOutput, "cannot run \(script): \(reason)", remedy: "check that bash is there")
    }
}
