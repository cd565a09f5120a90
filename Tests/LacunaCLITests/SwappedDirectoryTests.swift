// The bug story: `compact` ran in the background while the store was renamed away and a new one made at its path. It unlinked the
// new one's data file, and ended with status 0. And an import into a directory that somebody had removed told all rows as imported.

import Foundation
import Lacuna
import Testing

/// A store's directory that is swapped under a running command.
@Suite(.timeLimit(.minutes(20))) struct SwappedDirectoryTests {
    let directory: TemporaryDirectory
    let store: String

    init() throws {
        directory = try TemporaryDirectory()
        store = directory / "s"
        try make(store)
    }

    /// 2,000 rows of 16 components, half of them deleted.
    private func make(_ path: String) throws {
        try succeed("create", path, "--dimension", "16", "--metric", "euclidean")
        try Fixture.npy(directory / "v.npy", 2_000, dimension: 16)
        try succeed("import", path, directory / "v.npy")
        try succeed("delete", path, "--where", "id % 2 = 0")
    }

    @Test(arguments: ["rewrite", "in-place"]) func compactionOfAStoreThatIsReplaced(_ strategy: String) throws {
        let process = CommandLineRun.process([
            "compact", store, "--strategy", strategy, "--max-rate", "20000", "--json",
        ])
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        // The journal's entry is a commit, and thus in the log.
        while try size(store + "/index.sqlite-wal") == 0 && process.isRunning { usleep(1_000) }
        try FileManager.default.moveItem(atPath: store, toPath: directory / "s.old")
        try make(store)
        try succeed("verify", store)
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 66, "\(message)")
        #expect(message.hasPrefix("error: the store at \(store) was moved, removed or replaced"))
        #expect(message.split(separator: "\n").count == 1, "\(message)")
        #expect(output.fileHandleForReading.readDataToEndOfFile().isEmpty)
        try succeed("verify", store)
        #expect(try Fixture.rowCount(store) == 1_000)
        // A rewrite leaves an entry in the journal, which the next opening settles.
        try succeed("recover", directory / "s.old")
        try succeed("verify", directory / "s.old")
        #expect(try Fixture.rowCount(directory / "s.old") == 1_000)
    }

    private func size(_ path: String) throws -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    /// The acknowledgements take more than the pipe has room for, so that the import can't end before the directory is gone.
    @Test func importIntoARemovedDirectory() throws {
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let process = CommandLineRun.process([
            "import", store, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        var text = try #require(try output.fileHandleForReading.read(upToCount: 1))
        try FileManager.default.removeItem(atPath: store)
        text += output.fileHandleForReading.readDataToEndOfFile()
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let acknowledged = try #require(lines.last?.split(separator: " ").last.flatMap { Int($0) })
        #expect(acknowledged < 20_000)
        #expect(process.terminationStatus == 66)
        #expect(message.hasPrefix("error: the store at \(store) was moved, removed or replaced"), "\(message)")
        #expect(message.contains("; \(acknowledged) rows were imported before this"), "\(message)")
        #expect(message.split(separator: "\n").count == 1, "\(message)")
        #expect(!FileManager.default.fileExists(atPath: store))
    }

    /// A link at the path that is flipped to another store, as deployments do.
    @Test func importThroughALinkThatIsFlipped() throws {
        let link = directory / "current"
        try make(directory / "other")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "s")
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let process = CommandLineRun.process([
            "import", link, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        var text = try #require(try output.fileHandleForReading.read(upToCount: 1))
        try FileManager.default.createSymbolicLink(atPath: directory / "next", withDestinationPath: "other")
        #expect(unsafe rename(directory / "next", link) == 0)
        text += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 66)
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(message.hasPrefix("error: the store at \(link) was moved, removed or replaced"), "\(message)")
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let acknowledged = try #require(lines.last?.split(separator: " ").last.flatMap { Int($0) })
        #expect(try Fixture.rowCount(store) == 1_000 + acknowledged)
        #expect(try Fixture.rowCount(link) == 1_000)
        try succeed("verify", link)
        try succeed("verify", store)
    }

    // MARK: Without paths by descriptor

    /// The shell's own, and those of the program that takes its place.
    private static let hidesDescriptors = "mount -t tmpfs tmpfs /proc/$$/task"

    private static let mayHideDescriptors: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "-m", "sh", "-c", hidesDescriptors]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    private func withoutDescriptorPaths(_ arguments: [String]) -> Process {
        let process = CommandLineRun.process(arguments)
        // A sanitizer looks for leaks by a thread of its own, whose directory is hidden too.
        let script = Self.hidesDescriptors + " && ASAN_OPTIONS=detect_leaks=0 exec \"$0\" \"$@\""
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "-m", "sh", "-c", script, CommandLineRun.executable.path] + arguments
        return process
    }

    @Test(.enabled(if: mayHideDescriptors, "needs the right to mount")) func commandsWithoutThem() throws {
        for words in [
            ["compact", store, "--strategy", "rewrite"], ["erase", store, "1"], ["verify", store],
            ["recover", store], ["get", store, "3"],
        ] {
            let process = withoutDescriptorPaths(words)
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(words)")
        }
        #expect(try Fixture.rowCount(store) == 999)
    }

    /// SQLite unlinks shared memory by path when the last connection closes: by then another store's is there.
    @Test(.enabled(if: mayHideDescriptors, "needs the right to mount")) func aSwapWithoutThem() throws {
        let other = directory / "other"
        try make(other)
        let reader = try VectorStore<Int64>.open(at: other, .readOnly)
        #expect(try reader.count == 1_000)
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let process = withoutDescriptorPaths([
            "import", store, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        let (output, error) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        try process.run()
        _ = try #require(try output.fileHandleForReading.read(upToCount: 1))
        #expect(unsafe rename(store, directory / "s.old") == 0)
        #expect(unsafe rename(other, store) == 0)
        let before = try FileManager.default.contentsOfDirectory(atPath: store).sorted()
        #expect(before.contains("index.sqlite-shm"))
        _ = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 66)
        #expect(try FileManager.default.contentsOfDirectory(atPath: store).sorted() == before)
        try reader.close()
        try succeed("verify", store)
        #expect(try Fixture.rowCount(store) == 1_000)
        try succeed("recover", directory / "s.old")
        try succeed("verify", directory / "s.old")
    }
}
