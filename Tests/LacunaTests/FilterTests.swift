import Foundation
import Lacuna
import Testing

/// A filter is one expression over `id` and `metadata`: it can read nothing else and change nothing.
@Suite(.timeLimit(.minutes(20))) struct FilterTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, .init(dimension: 2))
        try store.write { batch in
            for id in Int64(0)..<40 {
                let json =
                    id == 39
                    ? nil : #"{"n":\#(id),"even":\#(id % 2 == 0),"s":"t\#(id % 3)","list":[\#(id % 5)],"x y":1}"#
                try batch.put([1, Float(id)], for: id, metadataJSON: json)
            }
        }
    }

    static let good: [(String, [SQLValue], @Sendable (Int64) -> Bool)] = [
        ("id < 7", [], { $0 < 7 }),
        ("id in (3, 5, 100)", [], { [3, 5].contains($0) }),
        ("metadata ->> 'n' >= 30", [], { (30..<39).contains($0) }),
        ("metadata ->> 'n' >= ? AND metadata ->> 's' = ?", [20, "t1"], { (20..<39).contains($0) && $0 % 3 == 1 }),
        ("metadata ->> 'even'", [], { $0 < 39 && $0 % 2 == 0 }),
        ("metadata IS NULL", [], { $0 == 39 }),
        ("NOT (metadata ->> '$.n' > 3)", [], { $0 <= 3 }),
        ("json_extract(metadata, '$.list[0]') = :v", [4], { $0 < 39 && $0 % 5 == 4 }),
        ("EXISTS (SELECT 1 FROM json_each(metadata, '$.list') WHERE value = ?)", [2], { $0 < 39 && $0 % 5 == 2 }),
        ("id = ?1 OR id = ?1 + 1", [8], { $0 == 8 || $0 == 9 }),
        ("id = ?2 OR id = ?1", [1, 2], { $0 == 1 || $0 == 2 }),
        ("metadata ->> 'x y' = 1 AND id BETWEEN ? AND ?", [5, 6], { $0 == 5 || $0 == 6 }),
        ("id = 3 -- and that is all", [], { $0 == 3 }),
        ("id = 3 /* or not */ OR id = 4", [], { $0 == 3 || $0 == 4 }),
        ("metadata ->> 's' LIKE 't_' AND id > ?", [36.5], { $0 == 37 || $0 == 38 }),
        ("1", [], { _ in true }),

        ("(SELECT count(*)) = 1", [], { _ in true }),
        ("NULL", [], { _ in false }),
        ("id IS ?", [nil], { _ in false }),
        ("(id = 1) OR (id = 2)", [], { $0 == 1 || $0 == 2 }),
        ("metadata ->> 'missing' = 1", [], { _ in false }),
        ("'1) UNION SELECT 1 --' = 'x'", [], { _ in false }),
    ]

    @Test(arguments: good.indices) func goodFiltersPassWhatTheyShould(_ place: Int) throws {
        let (filter, values, passes) = Self.good[place]
        let expected = (Int64(0)..<40).filter(passes)
        var seen: [Int64] = []
        try store.forEach(where: filter, values, vectors: false) {
            seen.append($0.id)
            #expect($0.vector.isEmpty)
        }
        #expect(seen == expected, "\(filter)")
        let matches = try store.search(for: [0, 1], limit: 50, where: filter, values)
        #expect(matches.map(\.id).sorted() == expected, "\(filter)")
        // Before the top k: the nearest of those that pass, and not those of the nearest that pass.
        let nearest = try store.search(for: [0, 1], limit: 3, where: filter, values)
        #expect(nearest.map(\.id) == Array(expected.reversed().prefix(3)), "\(filter)")
        var first: [Int64] = []
        try store.forEach(where: filter, values, limit: 2) { first.append($0.id) }
        #expect(first == Array(expected.prefix(2)))
    }

    static let attacks = [
        "", " ", "-- nothing", "id =", "= 1", "SELECT 1; SELECT 2", "1 1", "id = 1;", "1; DELETE FROM vectors",
        "1); DELETE FROM vectors; --",
        "1) UNION SELECT 1, 2, 3, 4 --", "1) UNION SELECT id, offset, checksum, 'x' FROM vectors WHERE (1", "1) --",
        "1) OR 1 --",
        "1 /*", "1) ORDER BY (id", "1) LIMIT (1", "1) THEN 1 ELSE (1", "1) THEN 1 END OR (1", "1) GROUP BY (id", "(1",
        "1)", ")", "(",
        "1) WINDOW w AS (ORDER BY id",
        // Other tables, however they are reached.
        "id IN (SELECT id FROM vectors)", "(SELECT count(*) FROM store) = 1", "EXISTS (SELECT 1 FROM metadata)",
        "id IN vectors",
        "(SELECT sql FROM sqlite_schema LIMIT 1) IS NOT NULL", "EXISTS (SELECT 1 FROM sqlite_master)",
        "(SELECT count(*) FROM compaction_journal) >= 0", "EXISTS (SELECT 1 FROM vector_index)",
        "EXISTS (SELECT 1 FROM space)",
        "EXISTS (SELECT 1 FROM temp.sqlite_schema)", "EXISTS (SELECT 1 FROM main.store)",
        "EXISTS (SELECT 1 FROM dbstat)",
        "EXISTS (SELECT 1 FROM (SELECT 1 AS x) AS json_each, store)",
        // Pragmas, extensions, files.
        "EXISTS (SELECT 1 FROM pragma_user_version)", "EXISTS (SELECT 1 FROM pragma_table_info('store'))",
        "EXISTS (SELECT 1 FROM pragma_database_list)", "EXISTS (SELECT 1 FROM pragma_journal_mode('delete'))",
        "PRAGMA user_version = 9",
        "load_extension('x')", "LOAD_EXTENSION('x', 'y') IS NULL", "\"load_extension\"('x')", "readfile('/etc/passwd')",
        "writefile('/tmp/x', 'y')", "edit('x')", "ATTACH 'x' AS y", "1) ; ATTACH '/tmp/x' AS y; --",
        "fts3_tokenizer('simple')", "relocated(1, 2, 3)",
        // Endless ones.
        "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c) > 1",
        // Columns that the query has and the caller hasn't.
        "row_offset > 0", "row_checksum > 0", "v.offset > 0", "m.json IS NULL", "v.id = 1", "generation = 1",
        "offset = 1",
        "\"nope\" = 1", "nope = 1",
        // Statements and functions that write or aggregate.
        "DELETE FROM vectors", "(DELETE FROM vectors RETURNING 1)", "(INSERT INTO store DEFAULT VALUES)",
        "count(*) > 0", "max(id) > 0",
        "row_number() OVER () = 1", "RAISE(IGNORE)", "id = 1 RETURNING 1",
        // Errors that only show while it runs.
        "metadata ->> '$[' = 1", "json_extract('{', '$.a') = 1", "abs(-9223372036854775808) = 1", "json('nope') = 1",
        "nosuchfunction(id)", "abs(1, 2, 3)", "id LIKE 'a' ESCAPE 'long'", "id COLLATE nosuch = 'a'",
        "id = 1\0", "\0", "id MATCH 'x'", "id REGEXP 'x'",
        // Texts that end early, and brackets that close too late.
        "id = 1 /* ", "id = 1 */", "'", "\"", "`", "[", "id = 1 -- \n)", "id = 1)) AS x JOIN store ON ((1", "1\n) --",
        "1) AND (SELECT count(*) FROM vectors", "1)) OR ((1", "id = 1; SELECT 1", "1; VACUUM INTO '/tmp/x'",
        "1; PRAGMA writable_schema = 1", "1) EXCEPT SELECT 1 WHERE (0", "1) INTERSECT VALUES (1", "CASE WHEN 1 THEN 1",
        // Tables, by other ways round.
        "id IN main.vectors", "id IN (TABLE vectors)", "id IN (SELECT id FROM vectors AS json_each)",
        "(SELECT json FROM metadata AS lacuna_row) IS NULL",
        "EXISTS (SELECT 1 FROM json_each('{}') NATURAL JOIN store)",
        "EXISTS (SELECT 1 FROM json_each((SELECT uuid FROM store)))", "(SELECT rootpage FROM sqlite_master) > 0",
        "EXISTS (SELECT 1 FROM \"store\")", "EXISTS (SELECT 1 FROM [store])", "EXISTS (SELECT 1 FROM `store`)",
        "EXISTS (SELECT 1 FROM sqlite_temp_master)", "EXISTS (SELECT 1 FROM sqlite_stat1)",
        "EXISTS (SELECT 1 FROM sqlite_sequence)", "EXISTS (SELECT 1 FROM bytecode('SELECT 1'))",
        "EXISTS (SELECT 1 FROM tables_used('SELECT 1'))", "EXISTS (SELECT 1 FROM sqlite_dbpage)",
        "EXISTS (SELECT 1 FROM pragma_function_list)", "EXISTS (SELECT 1 FROM generate_series(1, 2))",
        "EXISTS (SELECT 1 FROM fsdir('/'))", "EXISTS (SELECT 1 FROM json_each LEFT JOIN compaction_history)",
        // What may stand elsewhere in SQL.
        "id = 1 FOR UPDATE", "EXPLAIN SELECT 1", "(UPDATE store SET dimension = 1 RETURNING 1)",
        "(PRAGMA user_version)",
        "(ATTACH '/tmp/x' AS y)", "EXISTS (DETACH main)", "(REPLACE INTO store DEFAULT VALUES RETURNING 1)",
        "RAISE(ABORT, 'x')", "RAISE(ROLLBACK, 'x')", "sum(id) OVER w", "lag(id) OVER (ORDER BY id) > 0",
        "total(id) > 0",
        "EXISTS (WITH c AS (SELECT 1) SELECT 1 FROM c)", "new.id = 1", "excluded.id = 1", "lacuna_row.offset = 1",
        "* IS NULL", "lacuna_row.* IS NULL",
    ]

    @Test(arguments: attacks) func attacksAreRefused(_ filter: String) throws {
        expectError(.invalidFilter, filter) { try store.search(for: [1, 2], limit: 3, where: filter) }
        expectError(.invalidFilter, filter) { try store.forEach(where: filter) { _ in } }
        #expect(try store.count == 40)
        #expect(try store.search(for: [1, 2], limit: 50, where: "id >= 0").count == 40)
    }

    /// What tells nothing of the store and changes nothing may be called.
    @Test(arguments: [
        "sqlite_version() > ''", "random() IS NOT NULL", "changes() >= 0", "total_changes() >= 0",
        "last_insert_rowid() >= 0",
        "date('now') > ''", "likely(id IS NOT NULL)", "typeof(id) = 'integer'", "sqlite_compileoption_used('X') = 0",
        "(SELECT max(value) FROM json_each('[1, 2]')) = 2", "(SELECT sum(value) OVER () FROM json_each('[1]')) = 1",
        "(VALUES (1)) = 1", "id IN (VALUES (id))", "hex(quote(metadata)) > ''", "id = lacuna_row.id",
    ])
    func harmlessFunctionsPass(_ filter: String) throws {
        #expect(try store.search(for: [0, 1], limit: 50, where: filter).count >= 39, "\(filter)")
    }

    @Test func noAttackChangesAByte() throws {
        try store.close()
        let before = try scratch.contents()
        let reading = try VectorStore<Int64>.open(at: scratch.store, .readOnly)
        for filter in Self.attacks {
            expectError(.invalidFilter, filter) { try reading.forEach(where: filter) { _ in } }
        }
        try reading.close()
        let after = try scratch.contents()
        #expect(before.allSatisfy { after[$0.key] == $0.value })
        // A reader leaves an empty log and its shared memory.
        #expect(Set(after.keys).subtracting(before.keys).isSubset(of: ["index.sqlite-wal", "index.sqlite-shm"]))
        #expect(after["index.sqlite-wal"]?.isEmpty ?? true)
    }

    @Test(arguments: [
        ("id = 1", 1), ("id = ?", 0), ("id = ?", 2), ("id = ? OR id = ?", 1), ("id = ?3", 1), ("id = :a OR id = :a", 2),
    ])
    func aWrongNumberOfValuesIsRefused(_ filter: String, _ count: Int) throws {
        let values = [SQLValue](repeating: 1, count: count)
        expectError(.invalidFilter, filter) { try store.search(for: [1, 2], limit: 3, where: filter, values) }
        expectError(.invalidFilter, filter) { try store.forEach(where: filter, values) { _ in } }
    }

    @Test func anExpressionTooDeepOrTooLongIsRefused() throws {
        let deep = String(repeating: "(", count: 20_000) + "1" + String(repeating: ")", count: 20_000)
        expectError(.invalidFilter) { try store.search(for: [1, 2], limit: 3, where: deep) }
        let long = Array(repeating: "id = 1", count: 20_000).joined(separator: " OR ")
        expectError(.invalidFilter) { try store.search(for: [1, 2], limit: 3, where: long) }
    }

    /// A text is a value and never SQL.
    @Test func valuesAreBound() throws {
        try store.setMetadataJSON(#"{"s":"' OR 1 --"}"#, for: 5)
        let matches = try store.search(for: [1, 2], limit: 50, where: "metadata ->> 's' = ?", ["' OR 1 --"])
        #expect(matches.map(\.id) == [5])
    }
}
