import Foundation
import Lacuna
import Testing

/// A filter is one expression over `id` and `metadata`: it can read nothing else and change nothing.
@Suite(.timeLimit(.minutes(40))) struct FilterTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 2))
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
        try store.forEach(where: Filter(sql: filter, values: values), includingVectors: false) {
            seen.append($0.id)
            #expect($0.vector.isEmpty)
        }
        #expect(seen == expected, "\(filter)")
        let matches = try store.search(for: [0, 1], limit: 50, where: Filter(sql: filter, values: values))
        #expect(matches.map(\.id).sorted() == expected, "\(filter)")
        // The filter comes before the limit: the answer is the nearest of the rows that pass, and not those of the
        // nearest that pass.
        let nearest = try store.search(for: [0, 1], limit: 3, where: Filter(sql: filter, values: values))
        #expect(nearest.map(\.id) == Array(expected.reversed().prefix(3)), "\(filter)")
        var first: [Int64] = []
        try store.forEach(where: Filter(sql: filter, values: values), limit: 2) { first.append($0.id) }
        #expect(first == Array(expected.prefix(2)))
    }

    static let attacks = [
        "", " ", "-- nothing", "id =", "= 1", "SELECT 1; SELECT 2", "1 1", "id = 1;", "1; DELETE FROM vectors",
        "1); DELETE FROM vectors; --",
        "1) UNION SELECT 1, 2, 3, 4 --", "1) UNION SELECT id, slot, 1, 'x' FROM vectors WHERE (1", "1) --",
        "1) OR 1 --",
        "1 /*", "1) ORDER BY (id", "1) LIMIT (1", "1) THEN 1 ELSE (1", "1) THEN 1 END OR (1", "1) GROUP BY (id", "(1",
        "1)", ")", "(",
        "1) WINDOW w AS (ORDER BY id",
        // Access to other tables, by every way.
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
        // Columns that the query has, but the caller must not use.
        "row_slot > 0", "v.slot > 0", "m.json IS NULL", "v.id = 1", "generation = 1",
        "slot = 1",
        "\"nope\" = 1", "nope = 1",
        // Statements and functions that write or aggregate.
        "DELETE FROM vectors", "(DELETE FROM vectors RETURNING 1)", "(INSERT INTO store DEFAULT VALUES)",
        "count(*) > 0", "max(id) > 0",
        "row_number() OVER () = 1", "RAISE(IGNORE)", "id = 1 RETURNING 1",
        // Errors that show only while the filter runs.
        "metadata ->> '$[' = 1", "json_extract('{', '$.a') = 1", "abs(-9223372036854775808) = 1", "json('nope') = 1",
        "nosuchfunction(id)", "abs(1, 2, 3)", "id LIKE 'a' ESCAPE 'long'", "id COLLATE nosuch = 'a'",
        "id = 1\0", "\0", "id MATCH 'x'", "id REGEXP 'x'",
        // Texts that end early, and brackets that close too late.
        "id = 1 /* ", "id = 1 */", "'", "\"", "`", "[", "id = 1 -- \n)", "id = 1)) AS x JOIN store ON ((1", "1\n) --",
        "1) AND (SELECT count(*) FROM vectors", "1)) OR ((1", "id = 1; SELECT 1", "1; VACUUM INTO '/tmp/x'",
        "1; PRAGMA writable_schema = 1", "1) EXCEPT SELECT 1 WHERE (0", "1) INTERSECT VALUES (1", "CASE WHEN 1 THEN 1",
        // More ways to reach tables.
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
        // Syntax that is allowed elsewhere in SQL.
        "id = 1 FOR UPDATE", "EXPLAIN SELECT 1", "(UPDATE store SET dimension = 1 RETURNING 1)",
        "(PRAGMA user_version)",
        "(ATTACH '/tmp/x' AS y)", "EXISTS (DETACH main)", "(REPLACE INTO store DEFAULT VALUES RETURNING 1)",
        "RAISE(ABORT, 'x')", "RAISE(ROLLBACK, 'x')", "sum(id) OVER w", "lag(id) OVER (ORDER BY id) > 0",
        "total(id) > 0",
        "EXISTS (WITH c AS (SELECT 1) SELECT 1 FROM c)", "new.id = 1", "excluded.id = 1", "lacuna_row.row_slot = 1",
        "* IS NULL", "lacuna_row.* IS NULL",
        // Syntax that makes more work for the compiler than its length.
        "(VALUES (1)) = 1", "id IN (VALUES (id))", "(SELECT a FROM (SELECT 1 AS a)) = 1", "(SELECT 1 AS a) = 1",
        "(SELECT 1 a) = 1", "(SELECT 1 'a') = 1", "(SELECT 1 LIKE) = 1", "(SELECT 1 END FROM json_each('[1]')) = 1",
        "(SELECT 1 UNION SELECT 2) = 1", "(SELECT 1 UNION ALL SELECT 2) = 1", "id IN json_each",
        "id IN json_each('[1]')",
        "EXISTS (SELECT 1 FROM json_each('[1]') GROUP BY 1)", "EXISTS (SELECT 1 FROM json_each('[1]') ORDER BY 1)",
        "EXISTS (SELECT 1 FROM json_each('[1]') ORDER BY (1))", "EXISTS (SELECT 1 FROM json_each('[1]') ORDER BY +1)",
        "EXISTS (SELECT value FROM json_each('[1]') ORDER BY value || value)", "(SELECT sum(1) OVER ()) = 1",
        "EXISTS (SELECT 1 FROM json_each('[1]') JOIN json_each('[1]'))", "EXISTS (SELECT 1 FROM json_each)",
        "EXISTS (SELECT 1 FROM main.json_each('[1]'))", "(id, id) = (1, 1)", "(SELECT count(*) FILTER (WHERE 1)) = 1",
        "EXISTS (SELECT 1 FROM json_each('[1]') HAVING 1)", "EXISTS (SELECT 1 WHERE 1) = 1) OR (1",
        "EXISTS (SELECT 1 FROM json_each('[1]') WHERE 1) OR 1)", "id IS DISTINCT FROM 1",
        // Bytes that SQLite skips, or takes for parts of words.
        "\u{FEFF}id = 1", "(\u{FEFF}SELECT 1) = 1", "id = 1 -- é", "id = 1 /* é */", "id = é", "id\u{A0}= 1",
        "id = 1\u{B}",
        // Functions that lengthen texts, reveal something of the process, or exist in some versions only.
        "hex(id) > ''", "quote(id) > ''", "replace(id, 1, 2) > ''", "printf('%d', 1) > ''", "format('%d', 1) > ''",
        "char(65) > ''", "zeroblob(1) IS NULL", "randomblob(1) IS NULL", "random() IS NULL", "sqlite_version() > ''",
        "changes() >= 0", "total_changes() >= 0", "last_insert_rowid() >= 0", "likely(1)", "json_quote('a') > ''",
        "(SELECT group_concat(value) FROM json_each('[1]')) > ''",
        "(SELECT string_agg(value, 1) FROM json_each('[1]')) > ''",
        "(SELECT json_group_array(value) FROM json_each('[1]')) > ''", "json_array(1) > ''", "json_object('a', 1) > ''",
        "(SELECT json_group_object(key, value) FROM json_each('[1]')) > ''", "json_set('{}', '$.a', 1) > ''",
        "\"abs\"(1) = 1", "[lower]('A') = 'a'", "abs(DISTINCT 1) + row_number() > 0", "x'00' = 1", "1_000 = 1",
        "0x = 0", "1e = 1",
        // The right side of an arrow must be a literal that all versions of SQLite read alike.
        "metadata ->> 'app.version' = 1", "metadata -> 'app.version' IS NULL", "metadata ->> 'list[0]' = 1",
        "metadata ->> '[0]' = 1",
        "metadata ->> '2024' = 1", "metadata ->> '' = 1", "metadata ->> 'a\"b' = 1", "metadata ->> 'a\\b' = 1",
        "metadata ->> '$x' = 1", "metadata ->> '$.' = 1", "metadata ->> '$.\"a' = 1", "metadata ->> '$.a[x]' = 1",
        "metadata ->> '$.\"a\\\"b\"' = 1", "metadata ->> '$.a\"b' = 1", "metadata ->> 'a.\u{301}b' = 1",
        "metadata ->> id = 1",
        "metadata ->> ('n') = 1", "metadata ->> -1 = 1", "metadata ->> 1.5 = 1", "metadata ->> lower('n') = 1",
        "metadata ->> \"n\" = 1", "metadata ->> NULL = 1", "metadata ->> 'n' || 'a.b' ->> 'a.b' = 1",
        // Texts that are searched for in another text.
        "instr(metadata, metadata) > 0", "trim(metadata, metadata) > ''", "instr(metadata, 'a' || 'b') > 0",
        "instr(metadata, '\(String(repeating: "a", count: 1_001))') > 0",
    ]

    @Test(arguments: attacks) func attacksAreRefused(_ filter: String) throws {
        expectError(.invalidFilter, filter) { try store.search(for: [1, 2], limit: 3, where: Filter(sql: filter)) }
        expectError(.invalidFilter, filter) { try store.forEach(where: Filter(sql: filter)) { _ in } }
        #expect(try store.count == 40)
        #expect(try store.search(for: [1, 2], limit: 50, where: "id >= 0").count == 40)
    }

    /// Functions that read only their arguments and the clock, and make nothing longer, may be called.
    @Test(arguments: [
        "date('now') > '' AND time('now') > '' AND datetime('now') > '' AND strftime('%Y', 'now') > ''",
        "julianday('now') > 0 AND unixepoch() > 0 AND CURRENT_TIMESTAMP > ''", "typeof(id) = 'integer'",
        "(SELECT max(value) FROM json_each('[1, 2]')) = 2", "id = lacuna_row.id",
        "json_valid(coalesce(metadata, '{}'))",
        "json_type('[1]') = 'array' AND json_array_length('[1, 2]') = 2 AND json('[ 1 ]') = '[1]'",
        "json_extract('{\"a\":[5]}', '$.a[0]') = 5 AND '[7]' ->> 0 = 7 AND '{\"a\":{\"b\":1}}' -> 'a' ->> 'b' = 1",
        "like('a%', 'abc') AND glob('a*', 'abc') AND 'a_' LIKE 'a|_' ESCAPE '|' AND 'abc' GLOB 'a[b]c'",
        "lower('A') = 'a' AND upper('a') = 'A' AND length('abc') = 3 AND substr('abc', 2, 1) = 'b' AND unicode('a') = 97",
        "instr('abc', 'c') = 3 AND trim(' a ') = 'a' AND ltrim('xa', 'x') = 'a' AND rtrim('ax', 'x') = 'a'",
        "abs(-1) = 1 AND round(1.26, 1) = 1.3 AND sign(-3) = -1 AND min(1, 2) = 1 AND max(1, 2) = 2",
        "coalesce(NULL, 1) = 1 AND ifnull(NULL, 2) = 2 AND nullif(1, 1) IS NULL AND iif(1, 2, 3) = 2",
        "(SELECT count(*) + count(DISTINCT value) + sum(value) + avg(value) + total(value) FROM json_each('[1, 1]')) = 8",
        "(SELECT value FROM json_each('[1, 3, 2]') ORDER BY value DESC LIMIT 1 OFFSET 1) = 2",
        "(SELECT count(*) FROM json_tree('{\"a\":[1]}') AS t WHERE t.type <> 'object') = 2",
        "EXISTS (SELECT * FROM json_each('[1]') AS a, json_each('[1]') b WHERE a.value = b.value)",
        "CASE id WHEN -1 THEN 0 ELSE 1 END AND CASE WHEN 0 THEN 0 ELSE 1 END AND CAST('1' AS INTEGER) = 1",
        "'é' = \"id\" OR 'it''s' <> '\"' AND NOT id ISNULL AND id NOTNULL AND id NOT NULL AND id IS NOT NULL",
        "0x1F = 31 AND 1.5e3 = 1500 AND .5 = 0.5 AND 1. = 1 AND 7 % 4 = 3 AND 1 << 3 | 1 = 9 AND ~0 = -1 AND 'a' || 'b' == 'ab'",
        "'A' = 'a' COLLATE NOCASE AND id NOT IN (-1, -2) AND id NOT BETWEEN -2 AND -1 AND NOT EXISTS (SELECT 1 WHERE 0)",
        "id NOT IN () AND id IN (SELECT lacuna_row.id) AND id NOT LIKE 'x' AND TRUE",
    ])
    func harmlessFunctionsPass(_ filter: String) throws {
        #expect(try store.search(for: [0, 1], limit: 50, where: Filter(sql: filter)).count >= 39, "\(filter)")
    }

    @Test func noAttackChangesAByte() throws {
        try store.close()
        let before = try scratch.contents()
        let reading = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        for filter in Self.attacks {
            expectError(.invalidFilter, filter) { try reading.forEach(where: Filter(sql: filter)) { _ in } }
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
    func aWrongNumberOfValuesIsRefused(_ sql: String, _ count: Int) throws {
        let filter = Filter(sql: sql, values: [SQLValue](repeating: 1, count: count))
        expectError(.invalidFilter, sql) { try store.search(for: [1, 2], limit: 3, where: filter) }
        expectError(.invalidFilter, sql) { try store.forEach(where: filter) { _ in } }
    }

    @Test func anExpressionTooDeepOrTooLongIsRefused() throws {
        let deep = String(repeating: "(", count: 20_000) + "1" + String(repeating: ")", count: 20_000)
        expectError(.invalidFilter) { try store.search(for: [1, 2], limit: 3, where: Filter(sql: deep)) }
        let long = Array(repeating: "id = 1", count: 20_000).joined(separator: " OR ")
        expectError(.invalidFilter) { try store.search(for: [1, 2], limit: 3, where: Filter(sql: long)) }
    }

    /// A text is a value and never SQL.
    @Test func valuesAreBound() throws {
        try store.setMetadataJSON(#"{"s":"' OR 1 --"}"#, for: 5)
        let matches = try store.search(for: [1, 2], limit: 50, where: "metadata ->> 's' = \("' OR 1 --")")
        #expect(matches.map(\.id) == [5])
    }
}
