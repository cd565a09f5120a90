import Foundation
import TestSupport
import Testing

/// `reembed` gives all rows the vectors of a file.
@Suite struct ReembedTests {
    private let directory: TemporaryDirectory
    private let store: String

    /// The store has the rows 1 to 5, of three components, with metadata.
    init() throws {
        directory = try TemporaryDirectory()
        store = try Fixture.store(directory, 5)
    }

    private func write(_ lines: String..., to name: String) throws -> String {
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: directory / name))
        return directory / name
    }

    private func rows(_ ids: [Int], from name: String = "new.jsonl", dimension: Int = 2) throws -> String {
        let lines = ids.map { id in
            let rest = String(repeating: ",0.5", count: dimension - 1)
            return "{\"id\":\(id),\"vector\":[\(id * 10)\(rest)]}"
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: directory / name))
        return directory / name
    }

    private func vector(_ id: Int) throws -> [Double]? {
        try succeed("get", store, "\(id)", "--json").json()["vector"] as? [Double]
    }

    /// The lines may be in any order, and there may be more of them than rows.
    @Test func linesInAnyOrder() throws {
        let metadata = try succeed("list", store, "--json").text
        let json = try succeed(
            "reembed",
            store,
            rows([4, 1, 3, 5, 2, 99]),
            "--model",
            "e5",
            "--model-version",
            "2",
            "--json"
        ).json()
        #expect(json["rows"] as? Int == 5 && json["dimension"] as? Int == 2 && json["model"] as? String == "e5")
        #expect(json["generation"] as? Int == 2 && json["seconds"] is Double)
        for id in 1...5 { #expect(try vector(id) == [Double(id * 10), 0.5]) }
        #expect(try succeed("list", store, "--json").text == metadata)
        let stats = try succeed("stats", store, "--json").json()
        #expect(stats["dimension"] as? Int == 2 && stats["model_version"] as? String == "2")
        #expect(stats["reembedded_rows"] is NSNull && stats["dead"] as? Int == 0)
        try succeed("verify", store)
        #expect(try succeed("search", store, "--json", "-k", "1", input: "[30,0.5]").json()["id"] as? Int == 3)
    }

    /// An export has its ids beside it; without them, the rows are in id order.
    @Test func anArray() throws {
        let other = directory / "other"
        try succeed("create", other, "--dimension", "2")
        try succeed("import", other, rows([9, 2, 1, 3, 5, 4]))
        try succeed("export", other, directory / "array.npy")
        #expect(try succeed("reembed", store, directory / "array.npy").text.hasPrefix("re-embedded 5 rows in "))
        for id in 1...5 { #expect(try vector(id) == [Double(id * 10), 0.5]) }
        try FileManager.default.removeItem(atPath: directory / "array.jsonl")
        try fail(65, "reembed", store, directory / "array.npy", saying: "has 6 rows, and the store has 5")
        try succeed("put", store, "9", input: "[1,1]")
        try succeed("delete", store, "4")
        try succeed("put", store, "40", input: "[1,1]")
        try succeed("reembed", store, directory / "array.npy", "--dimension", "2")
        #expect(try [1, 2, 3, 5, 9, 40].map { try vector($0)?[0] } == [10, 20, 30, 40, 50, 90])
    }

    /// A file that can't serve for all rows is refused before anything is written.
    @Test func badFilesAreRefused() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: store).sorted()
        try fail(65, "reembed", store, rows([1, 2, 4, 5]), saying: "no vector for the id 3;")
        try fail(65, "reembed", store, rows([2, 4]), saying: "no vector for the id 1, nor for 2 others;")
        try fail(65, "reembed", store, rows([1, 2, 3, 4, 5, 3]), saying: "the id 3 is there twice")
        try fail(65, "reembed", store, rows([1, 2, 3, 4, 5]), "--dimension", "4", saying: "line 1: the vector has 2")
        let mixed = try write(
            #"{"id":1,"vector":[1,2]}"#,
            #"{"id":2,"vector":[1,2]}"#,
            #"{"id":3,"vector":[1,2,3]}"#,
            to: "mixed.jsonl"
        )
        try fail(
            65,
            "reembed",
            store,
            mixed,
            saying: "line 3: the vector has 3 components, and the other new ones have 2"
        )
        try fail(
            65,
            "reembed",
            store,
            write(#"{"vector":[1,2]}"#, to: "no.jsonl"),
            saying: "line 1: the row has no \"id\""
        )
        try fail(
            65,
            "reembed",
            store,
            write(#"{"id":"a","vector":[1]}"#, to: "a.jsonl"),
            saying: "not an id of this store"
        )
        try fail(65, "reembed", store, write(to: "none.jsonl"), saying: "has no vectors; say with --dimension")
        try fail(66, "reembed", store, directory / "missing.jsonl")
        try fail(64, "reembed", store, directory / "x.csv", saying: "no known format")
        try fail(64, "reembed", store, saying: "no file")
        try fail(64, "reembed", store, directory / "x.npy", "--abort", saying: "--abort takes no file")
        try fail(64, "reembed", store, rows([1, 2, 3, 4, 5]), "--model", "", saying: "name of the model is empty")
        #expect(try FileManager.default.contentsOfDirectory(atPath: store).sorted() == names)
        #expect(try succeed("stats", store, "--json").json()["dimension"] as? Int == 3)
    }

    @Test func nothingToDrop() throws {
        #expect(try succeed("reembed", store, "--abort", "--json").text == "{\"aborted\":false}\n")
        #expect(try succeed("reembed", store, "--abort").text == "no re-embedding was begun\n")
    }

    /// What a run has left that was killed is dropped, whoever asks: another file's vectors are no use.
    @Test(arguments: [true, false]) func aKilledRun(_ aborts: Bool) throws {
        let other = try TemporaryDirectory()
        let many = try Fixture.store(other, 4_000)
        let run = try Program.lacuna.start(
            ["reembed", many, rows(Array(1...4_000), dimension: 64), "--max-rate", "1"]
        )
        // The rate limit delays it after the first batch.
        while run.isRunning, try succeed("stats", many, "--json").json()["reembedded_rows"] as? Int ?? 0 == 0 {}
        run.signal(SIGKILL)
        #expect(try run.finish().wasKilled)
        let rows = try succeed("stats", many, "--json").json()["reembedded_rows"] as? Int
        #expect((1..<4_000).contains(rows ?? 0))
        #expect(try succeed("stats", many).text.contains("of 4,000 rows, to the dimension 64"))
        if aborts {
            #expect(try succeed("reembed", many, "--abort").text.hasPrefix("dropped"))
            #expect(try succeed("stats", many, "--json").json()["dimension"] as? Int == 3)
        } else {
            let again = try succeed("reembed", many, self.rows(Array(1...4_000), dimension: 8))
            #expect(again.error.contains("note: dropped what an earlier re-embedding had left"))
            #expect(try succeed("stats", many, "--json").json()["dimension"] as? Int == 8)
        }
        try succeed("verify", many)
        let names = try FileManager.default.contentsOfDirectory(atPath: many)
        #expect(names.count { $0.hasPrefix("vectors") } == 1)
    }
}
