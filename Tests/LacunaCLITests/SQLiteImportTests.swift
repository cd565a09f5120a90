import Foundation
import TestSupport
import Testing

/// Imports of tables that other programs have made; the `sqlite3` shell makes these.
@Suite struct SQLiteImportTests {
    private func database(_ directory: TemporaryDirectory, _ script: String, _ name: String = "a.db") throws -> String {
        let run = try Program.sqlite.run(["-bail", directory / name], input: script)
        try #require(run.status == 0, "\(run.error)")
        return directory / name
    }

    private func store(_ directory: TemporaryDirectory, ids: String = "integer", _ name: String = "s") throws -> String
    {
        try succeed("create", directory / name, "--dimension", "2", "--ids", ids)
        return directory / name
    }

    @Test func blobsAndArrays() throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let file = try database(
            directory,
            """
            CREATE TABLE items (k INTEGER PRIMARY KEY, embedding, name TEXT, score REAL, picture BLOB,
                twice GENERATED ALWAYS AS (k * 2));
            CREATE INDEX names ON items (name);
            INSERT INTO items VALUES (7, x'0000003f000080bf', 'a "b"', 0.25, x'00'), (9, '[1, 2.5]', NULL, NULL, NULL);
            """
        )
        try succeed("import", store, file)
        #expect(
            try succeed("get", store, "7", "9", "--json").lines == [
                #"{"id":7,"vector":[0.5,-1.0],"metadata":{"name": "a \"b\"", "score": 0.25}}"#,
                #"{"id":9,"vector":[1.0,2.5],"metadata":null}"#,
            ]
        )
        let named = try database(
            directory,
            """
            CREATE TABLE other (x);
            CREATE TABLE "my items" (key TEXT, v BLOB, info TEXT);
            INSERT INTO "my items" VALUES ('one', x'0000003f000080bf', '{"a": 1}'), ('two', x'0000003f000080bf', NULL);
            """,
            "b.sqlite"
        )
        let texts = try self.store(directory, ids: "text", "texts")
        let words = ["--vector-field", "v", "--id-field", "key", "--metadata-field", "info"]
        try fail(65, "import", texts, named, saying: "there are several tables: 'my items', 'other'; ")
        try succeed(["import", texts, named, "--table", "my items"] + words)
        #expect(
            try succeed("get", texts, "one", "--json").text
                == #"{"id":"one","vector":[0.5,-1.0],"metadata":{"a": 1}}"# + "\n"
        )
    }

    @Test(arguments: [
        ("INSERT INTO t VALUES (1, x'00')", "row 0: the vector's blob has 1 byte, not 4 for each"),
        ("INSERT INTO t VALUES (1, 5)", "a number"),
        ("INSERT INTO t VALUES (1, NULL)", "row 0: the vector is NULL"),
        ("INSERT INTO t VALUES (1, '[1]')", "has 1 component, and"),
        ("INSERT INTO t VALUES (NULL, '[1,2]')", "row 0: the id is neither"),
        ("INSERT INTO t VALUES (1, '[1,2]'), (1, '[1,2]')", "row 1: the id 1 is there twice"),
        ("INSERT INTO t VALUES ('a', '[1,2]')", "row 0: \"a\" is not an id of this store"),
        ("INSERT INTO t VALUES (1, x'0000c07f0000c07f')", "row 0: component 0 of the vector of id 1 is not"),
    ])
    func badRows(_ sql: String, _ reason: String) throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let file = try database(directory, "CREATE TABLE t (id, vector); \(sql);")
        try fail(65, "import", store, file, saying: reason)
        #expect(try Fixture.rowCount(store) == 0)
    }

    /// Nothing of the schema runs: no view, no virtual table, no function.
    @Test func hostileSchemas() throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let file = try database(
            directory,
            """
            CREATE TABLE t (id, vector); INSERT INTO t VALUES (1, '[1,2]');
            CREATE VIEW v AS SELECT id, vector FROM t;
            CREATE VIRTUAL TABLE words USING fts5(id, vector);
            CREATE TABLE computed (id, vector AS (char(91) || '1,2]'));
            INSERT INTO computed VALUES (1);
            """
        )
        try fail(65, "import", store, file, "--table", "v", saying: "there is no table 'v'")
        try fail(65, "import", store, file, "--table", "words", saying: "'words' is no table, or a virtual one")
        try fail(65, "import", store, file, "--table", "computed", saying: "there is no column 'vector' among 'id'")
        try fail(65, "import", store, file, "--table", "none", saying: "there is no table 'none' among 'computed', 't'")
        try fail(65, "import", store, try directory.write("x.db", String(repeating: "no database ", count: 200)))
        try fail(66, "import", store, directory / "none.db")
        #expect(try Fixture.rowCount(store) == 0)
        let before = try directory.read("a.db")
        try succeed("import", store, file, "--table", "t")
        #expect(try directory.read("a.db") == before)
    }

    /// A quote and an accent after it are one character, and two in SQL.
    @Test func quotesInNames() throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let file = try database(
            directory,
            """
            CREATE TABLE "t""\u{300}" (id, vector, "m""\u{300} FROM t LIMIT 1 --");
            INSERT INTO "t""\u{300}" VALUES (1, '[1,2]', 'a'), (2, '[1,2]', 'b'), (3, '[1,2]', 'c');
            """
        )
        try succeed("import", store, file)
        #expect(try Fixture.rowCount(store) == 3)
        #expect(try succeed("get", store, "3", "--json").text.contains("LIMIT 1 --\": \"c\"}"))
    }

    /// Only tables of a virtual table are left out of the choice.
    @Test func severalTables() throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let script = "CREATE TABLE docs (id, vector); CREATE TABLE docs_embeddings (id, vector);"
        let file = try database(directory, script)
        try fail(65, "import", store, file, saying: "there are several tables: 'docs', 'docs_embeddings'; ")
    }

    /// A journal that was kept after its transaction is no sign of one that wasn't finished.
    @Test(arguments: ["PERSIST", "TRUNCATE"]) func journals(_ mode: String) throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory)
        let script = "PRAGMA journal_mode = \(mode); CREATE TABLE t (id, vector); INSERT INTO t VALUES (1, '[1,2]');"
        let file = try database(directory, script)
        let journal = try directory.read("a.db-journal")
        try succeed("import", store, file)
        #expect(try Fixture.rowCount(store) == 1)
        try Data([0xD9, 0xD5, 5, 0xF9, 0x20, 0xA1, 0x63, 0xD7] + journal.dropFirst(8))
            .write(to: URL(fileURLWithPath: file + "-journal"))
        try fail(65, "import", store, file, "--skip-existing", saying: "a change of it was not finished; ")
    }

    private static func zeros(_ count: Int) -> String { String(repeating: "00", count: count) }

    /// The tables in which sqlite-vec 0.1.9 keeps a vec0 table: a chunk of eight places, two of them in use.
    private static let vectorTable = """
        CREATE TABLE "w_chunks"(chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,size INTEGER NOT NULL,
            validity BLOB NOT NULL,rowids BLOB NOT NULL);
        CREATE TABLE "w_rowids"(rowid INTEGER PRIMARY KEY AUTOINCREMENT,id TEXT UNIQUE NOT NULL,
            chunk_id INTEGER,chunk_offset INTEGER);
        CREATE TABLE "w_vector_chunks00"(rowid PRIMARY KEY,vectors BLOB NOT NULL);
        CREATE TABLE "w_metadatachunks00"(rowid PRIMARY KEY, data BLOB NOT NULL);
        CREATE TABLE "w_metadatatext00"(rowid PRIMARY KEY, data TEXT);
        CREATE TABLE "w_auxiliary"( rowid integer PRIMARY KEY , value00);
        INSERT INTO w_chunks VALUES (1, 8, x'05', x'01\(zeros(15))03\(zeros(47))');
        INSERT INTO w_rowids VALUES (1, 'one', 1, 0), (3, 'three', 1, 2);
        INSERT INTO w_vector_chunks00 VALUES (1, x'0000003f000080bf\(zeros(8))000080bf0000003f\(zeros(40))');
        INSERT INTO w_metadatachunks00 VALUES (1, x'020000006731\(zeros(26))10000000\(zeros(92))');
        INSERT INTO w_metadatatext00 VALUES (3, 'sixteen letters.');
        INSERT INTO w_auxiliary VALUES (1, 10), (3, 'x');
        PRAGMA writable_schema = ON;
        INSERT INTO sqlite_schema VALUES ('table', 'w', 'w', 0,
            'CREATE VIRTUAL TABLE w using vec0(k text primary key, e float[2] distance_metric=cosine, Genre text, +extra text, chunk_size=8)');
        """

    @Test func vectorTables() throws {
        let directory = try TemporaryDirectory()
        let store = try store(directory, ids: "text")
        let file = try database(directory, Self.vectorTable)
        try succeed("import", store, file)
        #expect(
            try succeed("get", store, "one", "three", "--json").lines == [
                #"{"id":"one","vector":[0.5,-1.0],"metadata":{"Genre": "g1", "extra": 10}}"#,
                #"{"id":"three","vector":[-1.0,0.5],"metadata":{"Genre": "sixteen letters.", "extra": "x"}}"#,
            ]
        )
        for (number, change) in [
            "UPDATE w_chunks SET size = 9", "UPDATE w_chunks SET size = -1", "UPDATE w_chunks SET rowids = 5",
            "UPDATE w_vector_chunks00 SET vectors = x'00'", "DELETE FROM w_auxiliary",
            "UPDATE w_chunks SET validity = x''",
            "UPDATE w_metadatachunks00 SET data = x'00'", "DELETE FROM w_vector_chunks00",
            "DELETE FROM w_metadatachunks00", "DELETE FROM w_chunks", "UPDATE w_chunks SET validity = x'01'",
        ].enumerated() {
            let broken = try database(directory, Self.vectorTable + change + ";", "b\(number).db")
            try fail(65, "import", store, broken, "--replace", saying: "a chunk of it isn't as sqlite-vec makes them")
        }
    }
}
