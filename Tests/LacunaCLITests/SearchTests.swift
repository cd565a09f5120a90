import Foundation
import TestSupport
import Testing

/// Compares searches of the sample with the exact answers that come with it.
@Suite struct SearchTests {
    private struct Truth {
        let row: Int
        let filter: String?
        let ids: [Int]
        let scores: [Double]
    }

    private func objects(_ name: String) throws -> [[String: Any]] {
        let file = URL(fileURLWithPath: "\(Repository.sample)/\(name)")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
            try jsonObject(String($0))
        }
    }

    private func truths(_ name: String) throws -> [Truth] {
        let queries = try objects("queries.jsonl").map { $0["id"] as? Int }
        let filters = [
            "science": "metadata ->> 'section' = 'science'", "small": "metadata ->> 'installed_kib' < 500",
            "science_small": "metadata ->> 'section' = 'science' AND metadata ->> 'installed_kib' < 500",
        ]
        return try objects(name).map { truth in
            Truth(
                row: try #require(queries.firstIndex(of: truth["id"] as? Int)),
                filter: try (truth["filter"] as? String).map { try #require(filters[$0]) },
                ids: try #require(truth["ids"] as? [Int]),
                scores: try #require(truth["scores"] as? [Double])
            )
        }
    }

    /// Two rows whose scores differ by less than float32 can tell are allowed to change places.
    private func expect(_ lines: [[String: Any]], _ truth: Truth, _ location: SourceLocation = #_sourceLocation) {
        #expect(lines.count == truth.ids.count, sourceLocation: location)
        let score = Dictionary(uniqueKeysWithValues: zip(truth.ids, truth.scores))
        for (index, line) in lines.enumerated() {
            let distance = line["distance"] as? Double ?? .nan
            #expect(line["rank"] as? Int == index + 1, sourceLocation: location)
            #expect(abs(1 - distance - truth.scores[index]) < 1e-6, sourceLocation: location)
            if let expected = (line["id"] as? Int).flatMap({ score[$0] }) {
                #expect(abs(expected - truth.scores[index]) < 1e-6, sourceLocation: location)
            } else {
                // Only the last one may be missing from the truth, if it is as near as the last row there.
                #expect(index == lines.count - 1, "\(line)", sourceLocation: location)
            }
        }
    }

    @Test func allQueriesInOnePass() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.sampleStore(directory)
        let run = try succeed(
            "search",
            store,
            "--vector",
            "\(Repository.sample)/queries.npy",
            "-k",
            "100",
            "--threads",
            "2",
            "--json"
        )
        let lines = try run.lines.map(jsonObject)
        for truth in try truths("truth.jsonl") { expect(lines.filter { $0["query"] as? Int == truth.row }, truth) }
        #expect(lines.count == 1000)
        #expect(lines.allSatisfy { $0["metadata"] is [String: Any] })
    }

    @Test func filtered() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.sampleStore(directory)
        for truth in try truths("truth_filtered.jsonl") {
            let run = try succeed(
                "search",
                store,
                "--vector",
                "\(Repository.sample)/queries.npy",
                "--row",
                "\(truth.row)",
                "-k",
                "20",
                "--where",
                try #require(truth.filter),
                "--json"
            )
            let lines = try run.lines.map(jsonObject)
            #expect(lines.allSatisfy { $0["query"] as? Int == 0 })
            expect(lines, truth)
        }
    }

    @Test func likeLeavesTheRowItselfOut() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3", "--metric", "euclidean")
        // The row itself is not the first of those at distance 0.
        let rows = [1, 2, 3, 4].map { "{\"id\":\($0),\"vector\":[\($0 < 4 ? 1 : 2),0,0]}\n" }.joined()
        try succeed("import", store, try directory.write("r.jsonl", rows))
        for (k, expected) in [("1", [1]), ("2", [1, 2]), ("3", [1, 2, 4]), ("9223372036854775807", [1, 2, 4])] {
            let run = try succeed("search", store, "--like", "3", "-k", k, "--json")
            #expect(try run.lines.map { try jsonObject($0)["id"] as? Int } == expected)
        }
        #expect(try succeed("search", store, "--like", "3", "--where", "id > 2", "--json").lines.count == 1)
    }

    private func ids(_ words: String...) throws -> [Int] {
        try succeed(words + ["--json"]).lines.map { try #require(try jsonObject($0)["id"] as? Int) }
    }

    /// Rows on a line, at 1 to `count`.
    private func lineStore(_ directory: TemporaryDirectory, _ count: Int) throws -> String {
        let store = directory / "s"
        try succeed("create", store, "--dimension", "1", "--metric", "euclidean")
        let rows = (1...count).map { "{\"id\":\($0),\"vector\":[\($0)]}\n" }.joined()
        try succeed("import", store, try directory.write("r.jsonl", rows))
        return store
    }

    @Test func severalExamples() throws {
        let directory = try TemporaryDirectory()
        let store = try lineStore(directory, 9)
        // The query is at 4, and then, away from 2, at 6.
        #expect(try ids("search", store, "--like", "3", "--like", "5", "-k", "3") == [4, 2, 6])
        #expect(try ids("search", store, "--like", "3", "--like", "5", "--unlike", "2", "-k", "4") == [6, 7, 4, 8])
        try fail(1, "search", store, "--like", "3", "--unlike", "10", saying: "the id 10")
    }

    @Test func withinARadiusAndAmongIDs() throws {
        let directory = try TemporaryDirectory()
        let store = try lineStore(directory, 9)
        #expect(try ids("search", store, "--like", "5", "--radius", "2") == [4, 6, 3, 7])
        let file = try directory.write("ids", "9\n6\n77\n5\n6\n")
        #expect(try ids("search", store, "--like", "5", "--among", file) == [6, 9])
        let run = try succeed("search", store, "--like", "5", "--among", file, "--radius", "3", "--explain")
        #expect(run.lines.contains("plan        given rows"))
        try fail(1, "search", store, "--like", "5", "--radius", "0.5", saying: "--radius")
        try fail(64, "search", store, "--like", "5", "--radius", "-1", saying: "negative")
        try fail(65, "search", store, "--like", "5", "--among", try directory.write("bad", "one\n"), saying: "'one'")
    }

    @Test func pages() throws {
        let directory = try TemporaryDirectory()
        let store = try lineStore(directory, 9)
        var paged: [Int] = []
        var words = ["search", store, "--like", "5", "-k", "3", "--json"]
        while paged.count < 20 {
            let run = try lacuna(words)
            let lines = try run.lines.map(jsonObject)
            paged += lines.compactMap { $0["id"] as? Int }
            #expect(lines.dropLast().allSatisfy { $0["cursor"] == nil })
            guard let cursor = lines.last?["cursor"] as? String else {
                #expect(run.status == 1)
                break
            }
            words = words.prefix(7) + ["--after", cursor]
        }
        #expect(paged == [4, 6, 3, 7, 2, 8, 1, 9])
        let cursor = try #require(words.last)
        try fail(64, "search", store, "--vector", directory / "q.npy", "--after", cursor, saying: "--row")
        let elsewhere = try TemporaryDirectory()
        let other = try lineStore(elsewhere, 9)
        try fail(64, "search", other, "--like", "5", "--after", cursor, saying: "another store")
    }

    @Test func distinctByAField() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "1", "--metric", "euclidean")
        let rows = (1...9).map { number in
            let metadata = "{\"document\":\(number / 4),\"a\":{\"b\":\(number % 2)}}"
            return "{\"id\":\(number),\"vector\":[\(number)],\"metadata\":\(metadata)}\n"
        }
        try succeed("import", store, try directory.write("r.jsonl", rows.joined()))
        #expect(try ids("search", store, "--like", "1", "--distinct", "document") == [2, 4, 8])
        #expect(try ids("search", store, "--like", "1", "--distinct", "a.b") == [2, 3])
        #expect(
            try ids("search", store, "--like", "1", "--distinct", "document", "--where", "id % 2 = 1") == [3, 5, 9]
        )
        #expect(try ids("search", store, "--like", "9", "--distinct", "missing", "-k", "2") == [8, 7])
        let first = try succeed("search", store, "--like", "1", "--distinct", "document", "-k", "2", "--json")
        let last = try jsonObject(try #require(first.lines.last))
        let cursor = try #require(last["cursor"] as? String)
        #expect(try ids("search", store, "--like", "1", "--distinct", "document", "--after", cursor) == [8])
        let explained = try succeed("search", store, "--like", "1", "--distinct", "document", "--explain")
        #expect(explained.lines.contains("plan        all rows"))
    }

    @Test func badQueries() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try Fixture.npy(directory / "q.npy", 2, dimension: 4)
        try fail(65, "search", store, "--vector", directory / "q.npy", saying: "4 components")
        try fail(65, "search", store, "--vector", directory / "s.npy", "--row", "2", saying: "row 2")
    }

    @Test func explained() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let run = try succeed("search", store, "--like", "1", "--json", "--explain")
        #expect(run.lines.count == 3)
        let explain = try jsonObject(try #require(run.lines.last))["explain"] as? [String: Any]
        #expect(explain?["plan"] as? String == "all rows")
        // The row itself is left out.
        #expect(explain?["scanned_rows"] as? Int == 2 && explain?["coded_rows"] as? Int == 0)
        // The queries of a file share a pass, and one explanation.
        let all = try succeed("search", store, "--vector", directory / "s.npy", "--explain")
        #expect(all.lines.filter { $0.hasPrefix("plan") } == ["plan        all rows"])
        #expect(all.lines.contains("rows read   3 rows in 1 pass"))
    }
}
