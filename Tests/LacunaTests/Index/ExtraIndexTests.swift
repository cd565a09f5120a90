import Testing

@testable import Lacuna

/// Indexes that a person has made on our tables.
@Suite struct ExtraIndexTests {
    static let harmless = [
        "CREATE INDEX i ON metadata (json ->> 'n')",
        "CREATE INDEX i ON metadata (json ->> '$.\"a.b\"[0][#-1]', json -> 'text' DESC, id)",
        "CREATE INDEX \"an \"\"odd\"\" name\" ON metadata (json_extract(json, '$.n') COLLATE NOCASE ASC)",
        "CREATE INDEX [i] ON \"metadata\" (((json -> 'a') ), checksum) /* why */ WHERE json ->> 'n' IS NOT NULL",
        "CREATE INDEX i ON metadata (id) WHERE (json ->> 'n' > 3 AND NOT json ->> 'text' = 'it''s') OR id IN (1, -2, 'x')",
        "CREATE INDEX i ON metadata (json -> 'a' ->> 'b') WHERE id BETWEEN 1 AND 5 OR json ->> 'n' NOT NULL -- all",
        "CREATE INDEX i ON vectors (slot)",
        "CREATE INDEX i ON vectors (generation, slot DESC) WHERE slot >= 0",
        "CREATE INDEX i ON compaction_journal (state)",
    ]

    static let refused = [
        "CREATE UNIQUE INDEX i ON metadata (json ->> 'n')",
        "CREATE INDEX i ON metadata (length(json))",
        "CREATE INDEX i ON metadata (lower(json ->> 'text'))",
        "CREATE INDEX i ON metadata (json || 'x')",
        "CREATE INDEX i ON metadata (id ->> 'n') WHERE id < 0",
        "CREATE INDEX i ON metadata (json_extract(json, '$.a', '$.b'))",
        "CREATE INDEX i ON metadata (json_extract(json, '$.' || 'n'))",
        "CREATE INDEX i ON metadata (json_extract(json, 'n')) WHERE id < 0",
        "CREATE INDEX i ON metadata (json ->> 'a.b')",
        "CREATE INDEX i ON metadata (json ->> '$.a[') WHERE id < 0",
        "CREATE INDEX i ON metadata (json ->> '$.a[\u{308}') WHERE id < 0",
        "CREATE INDEX i ON metadata (json ->> 'a.\u{308}b')",
        "CREATE INDEX i ON metadata (json ->> id)",
        "CREATE INDEX i ON metadata (id) WHERE json LIKE '%a%'",
        "CREATE INDEX i ON metadata (id) WHERE json GLOB '*a*a*a*b'",
        "CREATE INDEX i ON metadata (id) WHERE CASE WHEN id THEN 1 END",
        "CREATE INDEX i ON vectors (slot / 16)",
        "CREATE INDEX i ON vectors (hex(zeroblob(100000)))",
        "CREATE INDEX \"a\"\"b\" ON store (abs(dimension))",
    ]

    @Test(arguments: harmless) func oneOfColumnsAndJSONIsLeftAlone(_ sql: String) throws {
        let store = try SmallStore<Int64>(Array(0..<10))
        try tamper(store.scratch.index, sql)
        let open = try VectorStore<Int64>.open(at: store.scratch.store)
        try open.put([1, 2, 3, 4], for: 100, metadataJSON: #"{"n":[1,{"b":2}],"a":{"b":[[3]]}}"#)
        try open.put([1, 2, 3, 4], for: 1, metadataJSON: "{}", replacing: true)
        try open.delete(0)
        #expect(try open.search(for: [1, 2, 3, 4], limit: 3, where: "metadata ->> 'n' = 3").map(\.id) == [3])
        #expect(try open.compact(.rewrite).liveRows == 10)
        #expect(try open.erase([2]).erasedRows == 1)
        #expect(try open.verify().isSound)
        try open.close()
        #expect(try rawConnection(store.scratch.index).value("PRAGMA integrity_check") == "ok")
        let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"
        #expect(try rawConnection(store.scratch.index).value(count) == 1, "it is there still")
        #expect(try SalvagedStore(store.scratch).verified.count == 9)
    }

    @Test(arguments: refused) func anyOtherIsRefusedForWriting(_ sql: String) throws {
        let store = try SmallStore<Int64>(Array(0..<10))
        try tamper(store.scratch.index, sql)
        let before = try read(store.scratch.index)
        let error = expectError(.unsupported) { try VectorStore<Int64>.open(at: store.scratch.store) }
        let remedy = sql.contains("\"\"") ? "DROP INDEX \"a\"\"b\"" : "DROP INDEX \"i\""
        #expect(error?.remedy.description.contains(remedy) == true, "\(String(describing: error))")
        expectError(.unsupported) { try VectorStoreRecovery.recover(at: store.scratch.store) }
        let reading = try VectorStore<Int64>.open(at: store.scratch.store, access: .readOnly)
        #expect(try reading.vector(for: 5) == SmallStore<Int64>.vector(5))
        #expect(try reading.ids().count == 10)
        #expect(try reading.metadataJSON(for: 0) != nil)
        #expect(try reading.verify().isSound)
        try reading.close()
        try SalvagedStore(store.scratch).expectVerified(store.model)
        #expect(try read(store.scratch.index) == before)
        // Does what the error says.
        try tamper(store.scratch.index, remedy)
        try VectorStore<Int64>.open(at: store.scratch.store).put([1, 2, 3, 4], for: 100)
    }

    /// In each case there is one term or index too many.
    @Test(arguments: [(17, 1), (1, 65), (2, 33)]) func tooManyAreRefusedForWriting(_ count: Int, _ terms: Int) throws {
        let store = try SmallStore<Int64>(Array(0..<10))
        let columns = (0..<terms).map { "json ->> 'k\($0)'" }.joined(separator: ", ")
        for number in 0..<count { try tamper(store.scratch.index, "CREATE INDEX i\(number) ON metadata (\(columns))") }
        let error = expectError(.unsupported) { try VectorStore<Int64>.open(at: store.scratch.store) }
        #expect(
            error?.problem.contains("\(count) indexes of \(count * terms) terms") == true,
            "\(error?.problem ?? "")"
        )
        let reader = try VectorStore<Int64>.open(at: store.scratch.store, access: .readOnly)
        #expect(try reader.ids().count == 10)
        #expect(try reader.backup(to: store.scratch.path + "/backup").rows == 10)
        try reader.close()
        try tamper(store.scratch.index, "DROP INDEX i0")
        try VectorStore<Int64>.open(at: store.scratch.store).put([1, 2, 3, 4], for: 100, metadataJSON: "{}")
    }

    /// `integrity_check` evaluates indexes, and CHECKs of tables that aren't ours.
    @Test func verifyingEvaluatesNothingOfOthers() throws {
        let store = try SmallStore<Int64>(Array(0..<10))
        func checks(_ statements: String...) throws -> [String] {
            let connection = try rawConnection(store.scratch.index)
            for statement in statements { try connection.run(statement) }
            return try IndexSchema(connection, version: Int64(StoreIndex.schemaVersion)).integrityChecks
        }
        #expect(try checks() == ["integrity_check"])
        #expect(try checks("CREATE INDEX a ON metadata (json ->> 'n')") == ["integrity_check"])
        let refused = try checks("CREATE INDEX b ON metadata (length(json))")
        #expect(refused.contains("quick_check(metadata)") && refused.contains("integrity_check(vectors)"))
        let foreign = try checks("DROP INDEX b", "CREATE TABLE notes (text CHECK (text GLOB '*a*a*b'))")
        #expect(foreign.contains("integrity_check(metadata)") && !foreign.contains { $0.contains("notes") })
        #expect(!foreign.contains("integrity_check"))
    }

    @Test func theParserEnds() {
        let open = String(repeating: "(", count: 100_000)
        for text in [
            "", "CREATE", "CREATE INDEX", "CREATE INDEX i ON metadata (", "CREATE INDEX i ON metadata (id) WHERE",
            "CREATE INDEX i ON metadata (\(open)", "CREATE INDEX i ON metadata (id) WHERE \(open)",
            "CREATE INDEX 'i ON", "CREATE INDEX \"i", "CREATE INDEX [", "CREATE /* ", "CREATE -- x",
            "CREATE INDEX \u{0} (",
            "CREATE INDEX i ON metadata (id) WHERE id = x'00'",
            "CREATE INDEX i ON metadata (id) WHERE id IN (SELECT 1)",
        ] { #expect(ExtraIndex(name: "i", table: "metadata", text).flaw != nil, "\(text.prefix(60))") }
    }
}
