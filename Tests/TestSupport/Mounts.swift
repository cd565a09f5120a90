import Foundation

/// File systems that a test mounts, if it is allowed to.
package enum Mounts {
    package static let areAllowed: Bool = {
        guard let directory = try? TemporaryDirectory() else { return false }
        return (try? withTmpfs(megabytes: 1, at: directory.path) {}) != nil
    }()

    package static func withTmpfs(megabytes: Int, at path: String, _ body: () throws -> Void) throws {
        try with(["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs"], at: path, body)
    }

    /// Calls `body` while `source` is mounted read-only at `path`, which may be the source itself.
    package static func withReadOnly(_ source: String, at path: String, _ body: () throws -> Void) throws {
        try with(["--bind", source], at: path) {
            try Program.succeed("mount", "-o", "remount,ro,bind", path)
            try body()
        }
    }

    private static func with(_ words: [String], at path: String, _ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let run = try Program("mount").run(words + [path])
        if run.status != 0 { throw SupportFailure("mount: \(run.error)") }
        do { try body() } catch {
            try? unmount(path)
            throw error
        }
        try unmount(path)
    }

    /// Tries for a while, because a process that another test has just started may hold a file there.
    private static func unmount(_ path: String) throws {
        var error = ""
        for _ in 0..<50 {
            let run = try Program("umount").run([path])
            if run.status == 0 { return }
            error = run.error
            usleep(100_000)
        }
        try Program.succeed("umount", "--lazy", path)
        throw SupportFailure("\(path) stays mounted until its last file is closed: \(error)")
    }
}
