import Foundation

/// The executable file of this program, to start it again with other arguments.
func ownExecutable() throws(CommandError) -> URL {
    guard let executable = Bundle.main.executableURL else {
        throw CommandError(.inputOutput, "the program can't find its own file", remedy: "run it by its full path")
    }
    return executable
}
