import Foundation
import LacunaFormats
import TestSupport
import Testing

/// Small stores and files that the tests begin with.
enum Fixture {
    /// `count` rows of `dimension` components, all different, as a .npy file.
    static func npy(_ path: String, _ count: Int, dimension: Int = 3) throws {
        let writer = try NPYWriter(path: path, dimension: dimension)
        for row in 0..<count { try writer.append(vector(row, dimension)) }
        _ = try writer.finish()
    }

    static func vector(_ row: Int, _ dimension: Int = 3) -> [Float] {
        (0..<dimension).map { Float((row + 1) * ($0 + 2) % 97) - 40.5 }
    }

    /// A store of three components with the ids 1 to `count`, and `{"n": id}` as metadata.
    static func store(_ directory: TemporaryDirectory, _ count: Int) throws -> String {
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3", "--metric", "euclidean")
        try npy(directory / "s.npy", count)
        let metadata = (0..<count).map { "{\"id\": \($0 + 1), \"n\": \($0 + 1)}\n" }.joined()
        try succeed(
            "import",
            store,
            directory / "s.npy",
            "--metadata",
            try directory.write("s.jsonl", metadata)
        )
        return store
    }

    /// A store with the sample in it.
    static func sampleStore(_ directory: TemporaryDirectory) throws -> String {
        let store = directory / "packages"
        try succeed("create", store, "--dimension", "384")
        try succeed(
            "import",
            store,
            "\(Repository.sample)/sample.npy",
            "--metadata",
            "\(Repository.sample)/sample.jsonl"
        )
        return store
    }

    /// Starts a compaction that a rate limit delays after its first rows, and kills it there.
    static func killCompaction(
        of store: String,
        by program: Program = .lacuna,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        func dataFiles() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: store).filter { $0.hasSuffix(".f32") }
        }
        let before = try dataFiles()
        func hasCopied() throws -> Bool {
            guard let target = try dataFiles().first(where: { !before.contains($0) }) else { return false }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: store + "/" + target))
            return bytes.dropFirst(4_096).contains { $0 != 0 }
        }
        let compaction = try program.start(["compact", store, "--strategy", "rewrite", "--max-rate", "1"])
        while try compaction.isRunning && !hasCopied() { usleep(1_000) }
        compaction.signal(SIGKILL)
        let run = try compaction.finish()
        #expect(run.wasKilled && run.status == SIGKILL, "\(run.error)", sourceLocation: location)
    }

    static func rowCount(_ store: String) throws -> Int {
        try #require(try succeed("stats", store, "--json").json()["live"] as? Int)
    }
}
