import Foundation
import Testing

/// What a run of `lacuna` came to.
struct CommandLineRun {
    let status: Int32
    let output: Data
    let error: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// Lines of standard output.
    var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

    /// The one line that `--json` prints, as an object.
    func json(_ location: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        #expect(lines.count == 1, "\(text) \(error)", sourceLocation: location)
        return try Self.object(try #require(lines.last, sourceLocation: location))
    }

    static func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    /// The products' directory is that of the running tests.
    static let executable = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("lacuna")

    static func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = repository
        return process
    }

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
}

/// Runs `lacuna` with these words, and waits for it.
func lacuna(_ arguments: [String], input: String = "") throws -> CommandLineRun {
    let directory = try TemporaryDirectory()
    let files = ["in", "out", "err"].map { URL(fileURLWithPath: directory / $0) }
    try Data(input.utf8).write(to: files[0])
    // Files and not pipes: those have room for everything.
    for file in files.dropFirst() { try Data().write(to: file) }
    let process = CommandLineRun.process(arguments)
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit, "\(arguments)")
    return CommandLineRun(
        status: process.terminationStatus,
        output: try Data(contentsOf: files[1]),
        error: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
    )
}

/// A run that has to end well.
@discardableResult
func succeed(_ arguments: [String], input: String = "", at location: SourceLocation = #_sourceLocation) throws
    -> CommandLineRun
{
    let run = try lacuna(arguments, input: input)
    #expect(run.status == 0, "\(arguments): \(run.error)", sourceLocation: location)
    return run
}

@discardableResult
func succeed(_ arguments: String..., input: String = "", at location: SourceLocation = #_sourceLocation) throws
    -> CommandLineRun
{
    try succeed(arguments, input: input, at: location)
}

/// A run that has to fail: with this status, and first of all one line that says so.
@discardableResult
func fail(
    _ status: Int32,
    _ arguments: String...,
    saying words: String = "",
    input: String = "",
    at location: SourceLocation = #_sourceLocation
) throws -> CommandLineRun {
    let run = try lacuna(arguments, input: input)
    run.expectFailure(status, saying: words, at: location)
    return run
}

extension CommandLineRun {
    func expectFailure(_ status: Int32, saying words: String = "", at location: SourceLocation = #_sourceLocation) {
        #expect(self.status == status, "\(error)", sourceLocation: location)
        let line = error.split(separator: "\n").first.map(String.init) ?? ""
        #expect(line.hasPrefix("error: "), "\(error)", sourceLocation: location)
        #expect(line.contains("; "), "no remedy: \(line)", sourceLocation: location)
        #expect(words.isEmpty || line.contains(words), "\(line)", sourceLocation: location)
    }
}

/// A directory that goes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lacuna-cli-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func / (directory: TemporaryDirectory, name: String) -> String { directory.path + "/" + name }

    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self / name))
        return self / name
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self / name)) }

    /// Changes one byte of a file.
    func flip(_ name: String, at offset: UInt64) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: self / name))
        try handle.seek(toOffset: offset)
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([byte ^ 0x55]))
        try handle.close()
    }
}
