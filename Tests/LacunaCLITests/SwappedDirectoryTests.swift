// The bug story: `compact` ran in the background while the store was renamed away and a new one made at its path. It
// unlinked the new store's data file, and ended with status 0. And an import into a directory that somebody had removed
// reported all rows as imported.

import Foundation
import Lacuna
import TestSupport
import Testing

/// A store's directory is swapped under a running command.
@Suite(.timeLimit(.minutes(40))) struct SwappedDirectoryTests {
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
        let program = try Program.lacuna.start([
            "compact", store, "--strategy", strategy, "--max-rate", "20000", "--json",
        ])
        // The journal's entry is a commit, and so it is in the log.
        while try size(store + "/index.sqlite-wal") == 0 && program.isRunning { usleep(1_000) }
        try FileManager.default.moveItem(atPath: store, toPath: directory / "s.old")
        try make(store)
        try succeed("verify", store)
        let run = try program.finish()
        #expect(run.status == 66, "\(run.error)")
        #expect(run.error.hasPrefix("error: the store at \(store) was moved, removed or replaced"))
        #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
        #expect(run.output.isEmpty)
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

    /// The acknowledgements are longer than the pipe has room for, so the import can't end before the directory is
    /// gone.
    @Test func importIntoARemovedDirectory() throws {
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let program = try Program.lacuna.start([
            "import", store, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        try program.read(1)
        try FileManager.default.removeItem(atPath: store)
        let run = try program.finish()
        let acknowledged = try run.acknowledged()
        #expect(acknowledged < 20_000)
        #expect(run.status == 66)
        #expect(run.error.hasPrefix("error: the store at \(store) was moved, removed or replaced"), "\(run.error)")
        #expect(run.error.contains("; \(acknowledged) rows were imported before this"), "\(run.error)")
        #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
        #expect(!FileManager.default.fileExists(atPath: store))
    }

    /// The path is a link, which is switched to another store, as deployments do.
    @Test func importThroughALinkThatIsFlipped() throws {
        let link = directory / "current"
        try make(directory / "other")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "s")
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let program = try Program.lacuna.start([
            "import", link, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        try program.read(1)
        try FileManager.default.createSymbolicLink(atPath: directory / "next", withDestinationPath: "other")
        #expect(unsafe rename(directory / "next", link) == 0)
        let run = try program.finish()
        #expect(run.status == 66)
        #expect(run.error.hasPrefix("error: the store at \(link) was moved, removed or replaced"), "\(run.error)")
        #expect(try Fixture.rowCount(store) == 1_000 + run.acknowledged())
        #expect(try Fixture.rowCount(link) == 1_000)
        try succeed("verify", link)
        try succeed("verify", store)
    }

    // MARK: Without paths by descriptor

    /// Hides the shell's own descriptors, and those of the program that takes its place.
    private static let hidesDescriptors = "mount -t tmpfs tmpfs /proc/$$/task"

    private static let mayHideDescriptors =
        (try? Program("unshare", "-m", "sh", "-c", hidesDescriptors).run([]).status) == 0

    /// A sanitizer looks for leaks on a thread of its own, whose directory is hidden too.
    private static let withoutDescriptorPaths = Program.lacuna.started(
        by: Program(
            "unshare",
            "-m",
            "sh",
            "-c",
            hidesDescriptors + " && ASAN_OPTIONS=detect_leaks=0 exec \"$0\" \"$@\""
        )
    )

    @Test(.enabled(if: mayHideDescriptors, "needs the right to mount")) func commandsWithoutThem() throws {
        for words in [
            ["compact", store, "--strategy", "rewrite"], ["erase", store, "1"], ["verify", store],
            ["recover", store], ["get", store, "3"],
        ] {
            let run = try Self.withoutDescriptorPaths.run(words)
            #expect(run.status == 0, "\(words): \(run.error)")
        }
        #expect(try Fixture.rowCount(store) == 999)
    }

    /// SQLite unlinks shared memory by path when the last connection closes; by then another store's shared memory is
    /// at that path.
    @Test(.enabled(if: mayHideDescriptors, "needs the right to mount")) func aSwapWithoutThem() throws {
        let other = directory / "other"
        try make(other)
        let reader = try VectorStore<Int64>.open(at: other, access: .readOnly)
        #expect(try reader.count == 1_000)
        try Fixture.npy(directory / "many.npy", 20_000, dimension: 16)
        let program = try Self.withoutDescriptorPaths.start([
            "import", store, directory / "many.npy", "--first-id", "5000", "--batch", "1", "--acks",
        ])
        try program.read(1)
        #expect(unsafe rename(store, directory / "s.old") == 0)
        #expect(unsafe rename(other, store) == 0)
        let before = try FileManager.default.contentsOfDirectory(atPath: store).sorted()
        #expect(before.contains("index.sqlite-shm"))
        #expect(try program.finish().status == 66)
        #expect(try FileManager.default.contentsOfDirectory(atPath: store).sorted() == before)
        try reader.close()
        try succeed("verify", store)
        #expect(try Fixture.rowCount(store) == 1_000)
        try succeed("recover", directory / "s.old")
        try succeed("verify", directory / "s.old")
    }
}
