import ArgumentParser
import Foundation

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Give a tour on the sample: fill, search, delete, crash, recover, compact.",
        discussion: .help(
            """
            Runs the script `demo` in the sample's directory, which works in a temporary directory and removes it. Every step \
            is a command you could type.
            """,
            examples: [
                "lacuna demo",
                "lacuna demo --sample Examples/packages",
            ]
        )
    )

    @Option(
        help: ArgumentHelp(
            "The directory of the sample, and of its script; by default the one that was installed with this program, or "
                + "Examples/packages.",
            valueName: "dir"
        )
    )
    var sample: String?

    /// Replaces this process by the script, which gets the path of this program in the environment.
    func run() throws {
        let script = try (sample ?? Self.installedSample() ?? "Examples/packages") + "/demo"
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

    /// The sample that `make install` puts beside the program's directory; nil if it isn't there.
    private static func installedSample() throws(CommandError) -> String? {
        let directory = try ownExecutable().resolvingSymlinksInPath().deletingLastPathComponent()
        let sample = directory.deletingLastPathComponent().appendingPathComponent("share/lacuna/packages").path
        return unsafe access(sample + "/demo", X_OK) == 0 ? sample : nil
    }

    private static func failure(_ script: String) -> CommandError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return CommandError(.inputOutput, "cannot run \(script): \(reason)", remedy: "check that bash is there")
    }
}
