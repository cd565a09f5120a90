import Foundation
import LacunaFormats
import Testing

/// Small stores and files that the tests begin with.
enum Fixture {
    static let samplePath = "Examples/packages"

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
        try succeed("import", store, "\(samplePath)/sample.npy", "--metadata", "\(samplePath)/sample.jsonl")
        return store
    }

    static func rowCount(_ store: String) throws -> Int {
        try #require(try succeed("stats", store, "--json").json()["live"] as? Int)
    }
}
