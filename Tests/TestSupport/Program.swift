package import Foundation

/// A program that runs in a process of its own.
package struct Program: Sendable {
    package let path: String
    /// The arguments that every run begins with.
    private let words: [String]

    private init(path: String, words: [String]) {
        self.path = path
        self.words = words
    }

    private static let directories = [
        "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin",
    ]

    /// Finds a program of the system; every run begins with the arguments `words`.
    package init(_ name: String, _ words: String...) {
        let places = Self.directories.map { "\($0)/\(name)" }
        path = places.first { FileManager.default.fileExists(atPath: $0) } ?? name
        self.words = words
    }

    /// A program of this package.
    package static func built(_ name: String) -> Program {
        Program(path: Repository.products.appendingPathComponent(name).path, words: [])
    }

    package static let lacuna = built("lacuna")
    package static let readingProcess = built("ReadingProcess")
    package static let sqlite = Program("sqlite3")

    package var isInstalled: Bool { FileManager.default.fileExists(atPath: path) }

    /// This program, started by another one whose arguments end with a command to run.
    package func started(by other: Program) -> Program {
        Program(path: other.path, words: other.words + [path] + words)
    }

    /// Makes a process, but doesn't start it.
    func process(_ arguments: [String], _ environment: [String: String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = words + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = Repository.root
        return process
    }

    /// Runs the program, and waits for its end.
    package func run(_ arguments: [String], input: String = "") throws -> ProgramRun {
        let directory = try TemporaryDirectory()
        // Files have room for everything; pipes don't.
        func open(_ name: String) throws -> FileHandle {
            try FileHandle(forWritingTo: URL(fileURLWithPath: directory.write(name, "")))
        }
        let process = process(arguments, [:])
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory.write("in", input)))
        process.standardOutput = try open("out")
        process.standardError = try open("err")
        try process.run()
        process.waitUntilExit()
        return ProgramRun(process, output: try directory.read("out"), error: try directory.read("err"))
    }

    /// Starts the program, so a test can watch or stop it while it runs.
    package func start(_ arguments: [String], environment: [String: String] = [:]) throws -> RunningProgram {
        try RunningProgram(process(arguments, environment))
    }

    /// Runs a program of the system; throws if it fails.
    package static func succeed(_ name: String, _ arguments: String...) throws {
        let run = try Program(name).run(arguments)
        if run.status != 0 || run.wasKilled { throw SupportFailure("\(name) \(arguments): \(run.error)") }
    }
}

/// The exit status and the output of a program.
package struct ProgramRun: Sendable {
    /// The exit status, or the number of the signal that ended it.
    package let status: Int32
    package let wasKilled: Bool
    package let output: Data
    package let error: String

    init(_ process: Process, output: Data, error: Data) {
        status = process.terminationStatus
        wasKilled = process.terminationReason == .uncaughtSignal
        self.output = output
        self.error = String(decoding: error, as: UTF8.self)
    }

    package var text: String { String(decoding: output, as: UTF8.self) }

    /// Lines of standard output.
    package var lines: [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}

/// An error that says why a test's surroundings are not what it needs.
package struct SupportFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
