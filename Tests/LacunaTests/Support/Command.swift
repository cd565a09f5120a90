import Foundation
import Testing

/// A program of the system in a process of its own.
enum Command {
    struct Result {
        let status: Int32
        let output: String
    }

    /// The program's path; nil where it isn't installed.
    static func path(_ name: String) -> String? {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"]
            .map { "\($0)/\(name)" }.first(where: exists)
    }

    @discardableResult
    static func run(_ name: String, _ arguments: [String]) throws -> Result {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path(name) ?? name)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: String(decoding: bytes, as: UTF8.self))
    }

    /// Calls `body` while a child process holds an exclusive flock(2) on the file.
    static func withLock(on file: String, _ body: () throws -> Void) throws {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path("flock") ?? "flock")
        process.arguments = ["-x", file, "sh", "-c", "echo held; cat"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        // The line comes once the lock is held.
        _ = output.fileHandleForReading.availableData
        try body()
    }
}

/// File systems mounted by a test, where it may.
enum Mounts {
    static let areAllowed: Bool = {
        guard let scratch = try? Scratch(), Command.path("mount") != nil else { return false }
        guard (try? Command.run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", scratch.path]).status) == 0
        else { return false }
        return (try? Command.run("umount", [scratch.path]).status) == 0
    }()

    static func withTmpfs(megabytes: Int, at path: String, _ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try mount(["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path])
        defer { unmount(path) }
        try body()
    }

    /// Calls `body` while `path` shows what `source` holds, and can't be written.
    static func withReadOnly(_ source: String, at path: String, _ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try mount(["--bind", source, path])
        defer { unmount(path) }
        try mount(["-o", "remount,ro,bind", path])
        try body()
    }

    /// Again for a while: a process that another test has just forked may hold a file there.
    private static func unmount(_ path: String) {
        var output = ""
        for _ in 0..<50 {
            guard let result = try? Command.run("umount", [path]) else { break }
            if result.status == 0 { return }
            output = result.output
            usleep(100_000)
        }
        Issue.record("\(path) stays mounted until its last file is closed: \(output)")
        _ = try? Command.run("umount", ["--lazy", path])
    }

    private static func mount(_ arguments: [String]) throws {
        let result = try Command.run("mount", arguments)
        if result.status != 0 { throw CocoaError(.featureUnsupported, userInfo: ["mount": result.output]) }
    }
}
