import Foundation
import TestSupport
import Testing

/// The scripts for PostgreSQL, run by psql on a server with pgvector. Without one, these tests don't run: see
/// `Tests/Postgres/run`.
@Suite(.enabled(if: Postgres.isThere)) struct PostgresTests {
    /// Texts that COPY, SQL, psql or JSON could read in another way.
    private static let hostile = [
        "", " ", "\\", "\\.", "\\N", "\\n", "a\tb", "a\nb", "\n\\.\n", "a\rb", "a\r\nb", "'; DROP TABLE vectors; --",
        "\"",
        "\"\u{301}", "'\u{301}", "\\\u{301}", "e\u{301}", "é", "日本語", "🦆", "\u{1}\u{8}\u{b}\u{c}\u{1b}\u{7f}", ":name",
        "%s",
        "{}", "[1,2]", "NULL", "x\u{feff}", String(repeating: "z", count: 2_692),
    ]

    private func store(
        _ directory: TemporaryDirectory,
        _ name: String = "s",
        dimension: Int = 4,
        _ options: String...,
        rows: [(id: String, vector: [Float], metadata: String?)]
    ) throws -> String {
        let store = directory / name
        try succeed(["create", store, "--dimension", "\(dimension)"] + options)
        try put(rows, store, directory)
        return store
    }

    /// - Parameter rows: The ids and the metadata are JSON.
    private func put(
        _ rows: [(id: String, vector: [Float], metadata: String?)],
        _ store: String,
        _ directory: TemporaryDirectory
    ) throws {
        let lines = rows.map { row in
            let vector = row.vector.map(\.description).joined(separator: ",")
            return "{\"id\":\(row.id),\"vector\":[\(vector)],\"metadata\":\(row.metadata ?? "null")}\n"
        }
        try succeed("import", store, try directory.write("rows.jsonl", lines.joined()), "--replace", "--drop-metadata")
    }

    private static func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed), as: UTF8.self)
    }

    private static let extremes: [[Float]] = [
        [0.1, -0.0, .leastNonzeroMagnitude, 3.4028235e38], [1, 2, 3, 4], [-1.5, 16_777_216, 1e-7, 0.333_333_34],
        [.leastNormalMagnitude, 0, Float(bitPattern: 0x8000_0003), 5],
    ]

    @Test(arguments: ["cosine", "dot", "euclidean"], ["integer", "text", "uuid"])
    func aTableHasTheRowsOfTheStore(_ metric: String, _ ids: String) throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let rows = try (0..<40).map { row in
            let id =
                switch ids {
                case "integer": "\([.min, -20, 20, .max - 9][row % 4] + Int64(row / 4))"
                case "uuid": "\"\(UUID().uuidString)\""
                default: try Self.json("\(row)")
                }
            let text = try Self.json(Self.hostile[row % Self.hostile.count])
            let metadata: [String?] = [nil, "{}", "{\"a\":1.50,\"t\":\(text),\"n\":[null,true,{\"x\":-1e-7}]}"]
            return (id: id, vector: Self.extremes[row % 4], metadata: metadata[row % 3])
        }
        let store = try store(directory, "s", "--metric", metric, "--ids", ids, rows: rows)
        try postgres.export(store)
        let expected = try ComparableRow.rows(ofStore: store)
        #expect(expected.count == 40)
        #expect(try ComparableRow.rows(in: postgres) == expected)
        let index = try postgres.query("SELECT indexdef FROM pg_indexes WHERE tablename = 'vectors' ORDER BY indexname")
        let operators = ["cosine": "vector_cosine_ops", "dot": "vector_ip_ops", "euclidean": "vector_l2_ops"]
        #expect(index.contains { $0.hasSuffix("USING hnsw (vector \(operators[metric]!))") }, "\(index)")
        #expect(index.contains { $0.hasSuffix("USING gin (metadata jsonb_path_ops)") }, "\(index)")
    }

    @Test func hostileIDsComeOverByteForByte() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let rows = try Self.hostile.enumerated().map { index, text in
            let metadata = try Self.json([text: text, "n": index] as [String: Any])
            return (id: try Self.json(text), vector: [Float(index), 1, 2, 3] as [Float], metadata: Optional(metadata))
        }
        let store = try store(directory, "s", "--ids", "text", rows: rows)
        for options in [[], ["--table", "a\"b'c \\ \u{301}é$lacuna$"], ["--table", "synced '\"", "--sync"]] {
            let script = try succeed(["export", store, "--to", "postgres"] + options).text
            let run = try postgres.run(script)
            #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")
            let table = options.isEmpty ? "vectors" : options[1]
            let found = try ComparableRow.rows(of: "\"\(Self.doubled(table))\"", in: postgres)
            let expected = try ComparableRow.rows(ofStore: store)
            #expect(found.count == expected.count)
            for (row, other) in zip(found, expected) where row != other { Issue.record("\(row) and not \(other)") }
        }
    }

    private static func doubled(_ name: String) -> String {
        String(decoding: name.utf8.flatMap { $0 == 0x22 ? [$0, $0] : [$0] }, as: UTF8.self)
    }

    /// pgvector's exact answers are the store's, and its index finds nearly all of them.
    @Test(arguments: [("cosine", "<=>"), ("dot", "<#>"), ("euclidean", "<->")])
    func nearestNeighbours(_ metric: String, _ distance: String) throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let store = directory / "packages"
        try succeed("create", store, "--dimension", "384", "--metric", metric)
        let sample = "\(Repository.sample)/sample"
        try succeed("import", store, "\(sample).npy", "--metadata", "\(sample).jsonl")
        try postgres.export(store)
        var found = 0
        for id in stride(from: 7, through: 1_000, by: 50) {
            let expected = try succeed("search", store, "--like", "\(id)", "-k", "10", "--json").lines.map(jsonObject)
            let query = """
                SELECT id, vector \(distance) (SELECT vector FROM vectors WHERE id = \(id)) FROM vectors
                WHERE id <> \(id) ORDER BY 2, 1 LIMIT 10
                """
            let exact = try postgres.query("SET enable_indexscan = off; \(query)").map { $0.split(separator: "|") }
            #expect(exact.map { Int($0[0]) } == expected.map { $0["id"] as? Int })
            for (row, match) in zip(exact, expected) {
                let (there, here) = (try #require(Double(row[1])), try #require(match["distance"] as? Double))
                #expect((there - here).magnitude < 1e-5)
            }
            let vector = try postgres.query("SELECT vector FROM vectors WHERE id = \(id)")[0]
            let indexed = "SELECT id FROM vectors ORDER BY vector \(distance) '\(vector)' LIMIT 11"
            let settings = "SET enable_seqscan = off; SET hnsw.ef_search = 200;"
            #expect(
                try postgres.query("\(settings) EXPLAIN \(indexed)").contains {
                    $0.contains("Index Scan using vectors_vector")
                }
            )
            let ids = Set(try postgres.query("\(settings) \(indexed)"))
            found += exact.count { ids.contains(String($0[0])) }
        }
        #expect(found >= 190, "of 200")
    }

    @Test func metadataAreFoundByTheirIndex() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let store = try Fixture.sampleStore(directory)
        try postgres.export(store, "--where", "id <= 500")
        let condition = "metadata @> '{\"section\": \"science\"}'"
        let filter = "metadata ->> 'section' = 'science' AND id <= 500"
        let expected = try succeed("list", store, "--where", filter, "--json").lines.map {
            try jsonObject($0)["id"] as? Int
        }
        #expect(!expected.isEmpty)
        #expect(
            try postgres.query("SELECT id FROM vectors WHERE \(condition) ORDER BY id").map { Int($0) } == expected
        )
        let plan = try postgres.query("SET enable_seqscan = off; EXPLAIN SELECT id FROM vectors WHERE \(condition)")
        #expect(plan.contains { $0.contains("vectors_metadata") }, "\(plan)")
    }
}

/// Bringing a table up to date.
extension PostgresTests {
    private func rows(_ ids: some Sequence<Int>) -> [(id: String, vector: [Float], metadata: String?)] {
        ids.map { ("\($0)", [Float($0), 1, 2, 0], "{\"n\":\($0)}") }
    }

    @Test func aMergeBringsTheTableUpToDate() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let store = try store(directory, rows: rows(1...50))
        try postgres.export(store, "--sync")
        #expect(try ComparableRow.rows(in: postgres) == ComparableRow.rows(ofStore: store))
        let versions = "SELECT id, xmin FROM vectors WHERE id IN (20, 21) ORDER BY id"
        let before = try postgres.query(versions)
        try succeed("delete", store, "1", "2", "50")
        try put(
            [
                ("3", [9, 9, 9, 9], "{\"n\":3}"), ("4", [4, 1, 2, 0], nil), ("5", [5, 1, 2, 0], "{\"n\":5.0}"),
                // The same to pgvector's =, and another bit.
                ("6", [6, 1, 2, -0.0], "{\"n\":6}"), ("51", [1, 2, 3, 4], "{\"new\":true}"), ("-7", [0, 0, 0, 0], nil),
            ],
            store,
            directory
        )
        try postgres.export(store, "--sync")
        #expect(try ComparableRow.rows(in: postgres) == ComparableRow.rows(ofStore: store))
        #expect(try postgres.query("SELECT metadata ->> 'n' FROM vectors WHERE id = 5") == ["5.0"])
        #expect(try postgres.query(versions) == before, "rows that were right were written again")
        try succeed("delete", store, "--where", "true")
        try postgres.export(store, "--sync")
        #expect(try ComparableRow.rows(in: postgres).isEmpty)
    }

    @Test func aTableOfAnExportCanBeBroughtUpToDate() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let store = try store(directory, rows: rows(1...5))
        try postgres.export(store)
        try put(rows(6...9), store, directory)
        try postgres.export(store, "--sync")
        #expect(try ComparableRow.rows(in: postgres).count == 9)
        #expect(try postgres.query("SELECT count(*) FROM pg_indexes WHERE tablename = 'vectors'") == ["3"])
    }

    @Test func aTableOfOthersStaysAsItIs() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let mine = try store(directory, rows: rows(1...5))
        let other = try store(directory, "other", rows: rows(6...9))
        try postgres.export(other)
        try postgres.query("CREATE TABLE alien (id bigint PRIMARY KEY, vector vector(4), metadata jsonb)")
        try postgres.query("INSERT INTO alien VALUES (77, '[1,2,3,4]', NULL)")
        for (table, count) in [("vectors", "4"), ("alien", "1")] {
            for options in [["--sync"], []] {
                let script = try succeed(["export", mine, "--to", "postgres", "--table", table] + options).text
                let run = try postgres.run(script)
                #expect(run.status == 3)
                #expect(run.error.contains(options.isEmpty ? "already exists" : "isn't of this store"), "\(run.error)")
                #expect(try postgres.query("SELECT count(*) FROM \(table)") == [count])
            }
        }
        #expect(try ComparableRow.rows(in: postgres) == ComparableRow.rows(ofStore: other))
    }

    /// A script may end anywhere: its writer may die, and psql takes the end for that of the rows.
    @Test(arguments: [[], ["--sync"]])
    func aScriptThatIsCutShortChangesNothing(_ options: [String]) throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let store = try store(directory, rows: rows(1...20))
        if !options.isEmpty { try postgres.export(store) }
        let before = options.isEmpty ? [] : try ComparableRow.rows(ofStore: store)
        try succeed("delete", store, "1", "2")
        try put(rows(30...40), store, directory)
        let script = Array(try succeed(["export", store, "--to", "postgres"] + options).text.utf8)
        let whole = try #require(String(decoding: script, as: UTF8.self).range(of: "\nCOMMIT;"))
        let end = String(decoding: script, as: UTF8.self)[..<whole.upperBound].utf8.count
        // At the end of its input, psql needs no semicolon.
        for cut in Array(stride(from: 0, to: end - 2, by: 97)) + [end - 2] {
            _ = try postgres.run(String(decoding: script[..<cut], as: UTF8.self))
            let isThere = try postgres.query("SELECT to_regclass('vectors') IS NOT NULL")
            #expect(isThere == [options.isEmpty ? "f" : "t"], "\(cut)")
            if !options.isEmpty { #expect(try ComparableRow.rows(in: postgres) == before, "\(cut)") }
        }
        #expect(try postgres.run(String(decoding: script, as: UTF8.self)).status == 0)
        #expect(try ComparableRow.rows(in: postgres) == ComparableRow.rows(ofStore: store))
    }
}

/// What lies just within a limit, the server takes; `ExportLimitTests` checks that the next is refused.
extension PostgresTests {
    @Test func metadataAtTheLimits() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let metadata = [
            #"{"a":1e131071}"#, #"{"a":1e-16383}"#, #"{"a":-12.5E+131070}"#, #"{"a":"\\u0000"}"#, #"{"\\u0000":1}"#,
            #"{"a":"\ud83e\udd86"}"#, "{\"a\":0.\(String(repeating: "1", count: 16_383))}",
            "{\"a\":\(String(repeating: "[", count: 500))\(String(repeating: "]", count: 500))}",
        ]
        let rows = metadata.enumerated().map { ("\($0)", [1, 2, 3, 4] as [Float], Optional($1)) }
        try postgres.export(try store(directory, rows: rows))
        #expect(try postgres.query("SELECT count(metadata) FROM vectors") == ["\(metadata.count)"])
    }

    @Test(arguments: [
        ("float32", 2_000, "hnsw", "vector vector_cosine_ops"),
        ("float32", 4_000, "half", "((vector)::halfvec(4000)) halfvec_cosine_ops"), ("float32", 16_000, "none", nil),
        ("float16", 4_000, "hnsw", "vector halfvec_cosine_ops"), ("int8", 4_000, "half", "vector halfvec_cosine_ops"),
        ("float16", 16_000, "none", nil),
    ])
    func dimensions(_ element: String, _ dimension: Int, _ index: String, _ expected: String?) throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let rows = (0..<3).map { row in
            ("\(row)", (0..<dimension).map { Float(($0 + row) % 100) }, String?.none)
        }
        let store = try store(directory, dimension: dimension, "--element", element, rows: rows)
        try postgres.export(store, "--index", index)
        #expect(
            try ComparableRow.rows(in: postgres, half: element != "float32") == ComparableRow.rows(ofStore: store)
        )
        let indexes = try postgres.query("SELECT indexdef FROM pg_indexes WHERE indexname = 'vectors_vector'")
        #expect(indexes.count == (expected == nil ? 0 : 1))
        if let expected { #expect(indexes[0].hasSuffix("USING hnsw (\(expected))"), "\(indexes)") }
    }

    @Test func componentsAtTheLimitOfFloat16() throws {
        let directory = try TemporaryDirectory()
        let postgres = try Postgres()
        let rows = [("1", [65_519, -65_519, 1e-30, 0] as [Float], String?.none)]
        let store = try store(directory, rows: rows)
        try postgres.export(store, "--index", "half")
        #expect(try ComparableRow.rows(in: postgres) == ComparableRow.rows(ofStore: store))
    }
}
