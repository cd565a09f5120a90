import Foundation

/// A temporary directory with the sample in it, in which commands are shown and run.
struct Tour {
    enum Ending {
        case success
        /// By SIGKILL.
        case killed
    }

    private let directory: URL
    private let home: String
    private let output = StandardOutput()
    private let executable: URL

    init(sample: String) throws {
        let files = FileManager.default
        home = files.currentDirectoryPath
        let sample = URL(fileURLWithPath: sample).standardizedFileURL
        guard files.fileExists(atPath: sample.appendingPathComponent("sample.npy").path) else {
            throw CommandError(
                .noInput,
                "there is no sample at \(sample.path); run in the repository, or name it with --sample"
            )
        }
        executable = try ownExecutable()
        directory = files.temporaryDirectory.appendingPathComponent("lacuna-demo-\(UUID().uuidString)")
        let examples = directory.appendingPathComponent("Examples")
        do {
            try files.createDirectory(at: examples, withIntermediateDirectories: true)
            // The commands can then be shown just as they are run, and as a reader in the repository would type them.
            try files.createSymbolicLink(
                at: examples.appendingPathComponent("packages"),
                withDestinationURL: sample
            )
        } catch {
            throw CommandError(
                .cannotCreate,
                "cannot make a temporary directory in \(files.temporaryDirectory.path); set TMPDIR"
            )
        }
        guard files.changeCurrentDirectoryPath(directory.path) else {
            throw CommandError(.inputOutput, "cannot enter \(directory.path); set TMPDIR")
        }
    }

    func leave() {
        _ = FileManager.default.changeCurrentDirectoryPath(home)
        try? FileManager.default.removeItem(at: directory)
    }

    func heading(_ text: String) throws {
        try output.line("\n\(Terminal.styled("# \(text)", .bold))\n")
    }

    func note(_ text: String) throws {
        try output.line(Terminal.styled("# \(text)", .dim))
    }

    func lacuna(_ arguments: String..., expecting ending: Ending = .success) throws {
        try run(executable, ["lacuna"] + arguments, ending)
    }

    /// A program of the system's.
    func command(_ words: [String]) throws {
        try run(URL(fileURLWithPath: "/usr/bin/env"), words, .success)
    }

    func hasProgram(_ name: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }

    /// Shows the command, runs it with our own output and error, and waits.
    private func run(_ program: URL, _ words: [String], _ ending: Ending) throws {
        try Interrupts.check()
        let shown = words.map(Self.quoted).joined(separator: " ")
        try output.line(Terminal.styled("$ \(shown)", .green))
        try output.flush()
        let process = Process()
        process.executableURL = program
        process.arguments = program == executable ? Array(words.dropFirst()) : words
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch {
            throw CommandError(.inputOutput, "cannot run \(program.path); check that it may be executed")
        }
        process.waitUntilExit()
        try Interrupts.check()
        let wasKilled = process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
        switch ending {
        case .killed:
            guard wasKilled else { throw Self.failure(shown) }
            try output.line("Killed")
        case .success:
            guard process.terminationReason == .exit, process.terminationStatus == 0 else { throw Self.failure(shown) }
        }
        try output.line("")
    }

    private static func failure(_ command: String) -> CommandError {
        CommandError(.inputOutput, "the step `\(command)` didn't end as it should; see what it said above")
    }

    /// As a shell wants it.
    private static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_./".utf8.contains(byte)
        }
        if plain && !word.isEmpty { return word }
        return word.contains("'") ? "\"\(word)\"" : "'\(word)'"
    }
}
