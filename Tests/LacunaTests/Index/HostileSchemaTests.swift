import Foundation
import LacunaMigrations
import TestSupport
import Testing

@testable import Lacuna

/// Nothing in a prepared schema runs, and our own tables are recognized by their text.
@Suite struct HostileSchemaTests {
    private let store: SmallStore<Int64>
    private var scratch: Scratch { store.scratch }

    init() throws { store = try SmallStore(Array(0..<10)) }

    static let tables: [(name: String, columns: String)] = [
        ("store", StoreRecord.columns), ("vectors", "generation, id, slot"), ("runs", "place, slots, rows"),
        ("dead", "place, changed, bits"), ("files", "name, generation, kind, nonce, covered"),
        ("metadata", "id, json, checksum"),
        ("model", "name, version, normalized"),
        ("reembedding", "generation, dimension, next_slot, live_rows, model_name, model_version, model_normalized"),
        ("compaction_journal", "id, strategy, state, source_generation, source_file, target_generation, target_file"),
    ]

    /// A query with those columns that never ends.
    private static func endless(_ columns: String) -> String {
        let values = columns.split(separator: ",").map { "n AS \($0)" }.joined(separator: ", ")
        return "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT \(values) FROM r WHERE n < 0"
    }

    private func expectRefused(naming name: String) throws {
        let before = try scratch.contents().filter { !$0.key.hasPrefix("index.sqlite-") }
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            let error = expectError(.damaged) { try VectorStore<Int64>.open(at: scratch.store, access: access) }
            #expect(error?.problem.contains(name) == true, "\(error?.problem ?? "")")
        }
        for dryRun in [true, false] {
            #expect(try VectorStoreRecovery.recover(at: scratch.store, dryRun: dryRun).state == .damaged)
        }
        #expect(try scratch.contents().filter { !$0.key.hasPrefix("index.sqlite-") } == before)
    }

    @Test(.timeLimit(.minutes(40)), arguments: tables.map(\.name)) func anEndlessViewUnderATablesName(_ name: String)
        throws
    {
        let columns = try #require(Self.tables.first { $0.name == name }?.columns)
        try tamper(scratch.index, "DROP TABLE \(name)", "CREATE VIEW \(name) AS \(Self.endless(columns))")
        try expectRefused(naming: "`\(name)`")
        let salvaged = try SalvagedStore(scratch)
        #expect(salvaged.report.problems.contains { $0.contains("`\(name)`") })
        switch name {
        case "runs": #expect(salvaged.setAside(.noChecksum).count == store.model.rows.count)
        case "metadata":
            store.model.inIDOrder.forEach { row in #expect(salvaged.verified.contains { $0.id == .integer(row.id) }) }
        default: salvaged.expectVerified(store.model)
        }
    }

    /// The columns of such a table are computed when they are read.
    @Test(.timeLimit(.minutes(40)), arguments: tables.map(\.name)) func aTableOfComputedColumns(_ name: String) throws {
        let columns = try #require(Self.tables.first { $0.name == name }?.columns)
        let last = try #require(columns.split(separator: ",").last)
        let stored = columns.split(separator: ",").dropLast().joined(separator: ", ")
        let isHung = "'a' GLOB '*a*a*a*a*a*a*a*b'"
        try tamper(
            scratch.index,
            "DROP TABLE \(name)",
            "CREATE TABLE \(name) (\(stored), \(last) AS (\(isHung)))",
            "INSERT INTO \(name) DEFAULT VALUES"
        )
        try expectRefused(naming: "`\(name)`")
        let index = try StoreIndex.openForSalvage(Directory(scratch.store))
        #expect(throws: VectorStoreError.self) { try index.connection.forEach("SELECT * FROM \(name)") { _ in } }
    }

    /// A table whose text differs from ours is not accepted as ours; salvage can read its rows all the same.
    @Test func aTableWithAnotherText() throws {
        let sql = try rawConnection(scratch.index).value("SELECT sql FROM sqlite_schema WHERE name = 'vectors'")
        guard case .text(let text) = sql else { throw VectorStoreError(.damaged, "no text") }
        try tamper(
            scratch.index,
            "ALTER TABLE vectors RENAME TO aside",
            text.replacing("slot >= 0", with: "slot >= -1"),
            "INSERT INTO vectors SELECT * FROM aside",
            "DROP TABLE aside"
        )
        try expectRefused(naming: "`vectors`")
        try SalvagedStore(scratch).expectVerified(store.model)
    }

    /// SQLite takes `INDEX` for `index`, and would evaluate it with each put.
    @Test(arguments: ["CREATE INDEX i ON metadata (length(json))", "CREATE TABLE t (a CHECK (length(a)))"])
    func aTypeInCapitals(_ sql: String) throws {
        try tamper(scratch.index, sql)
        let shell = try Program.sqlite.run(
            [scratch.index],
            input: """
                .dbconfig defensive off
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET type = upper(type) WHERE name IN ('i', 't');
                """
        )
        #expect(shell.status == 0)
        try expectRefused(naming: sql.contains("INDEX") ? "`i`" : "`t`")
    }

    @Test func aTriggerDoesNotRun() throws {
        try tamper(
            scratch.index,
            "CREATE TABLE seen (what)",
            "CREATE TRIGGER t1 AFTER INSERT ON vectors BEGIN DELETE FROM metadata; END",
            "CREATE TRIGGER t2 AFTER UPDATE ON store BEGIN INSERT INTO seen VALUES ('store'); END",
            "CREATE TRIGGER t3 BEFORE DELETE ON metadata BEGIN SELECT raise(ABORT, 'no'); END"
        )
        let open = try VectorStore<Int64>.open(at: scratch.store)
        try open.put([1, 2, 3, 4], for: 100, metadataJSON: "{}")
        try open.delete(0)
        try open.compact(.rewrite)
        try open.erase([1])
        #expect(try open.verify().isSound)
        try open.close()
        let connection = try rawConnection(scratch.index)
        #expect(try connection.value("SELECT count(*) FROM seen") == 0)
        #expect(try connection.value("SELECT count(*) FROM metadata") == 6)
    }

    /// SQLite reads the counts of ANALYZE when it loads the schema, before they could be checked.
    @Test(
        .timeLimit(.minutes(40)),
        arguments: [
            "length(replace(hex(zeroblob(20000000)), '0', 'ab'))",
            "trim(hex(zeroblob(7000)), replace(hex(zeroblob(3000)), '0', 'b') || '0')",
        ]
    ) func countsThatTakeForEver(_ expression: String) throws {
        try Connection.$longestLoading.withValue(.milliseconds(100)) {
            try expectCounts("tbl, idx, stat AS (\(expression))", areRefusedNaming: "`sqlite_stat1`")
            try SalvagedStore(scratch).expectVerified(store.model)
        }
    }

    /// SQLite substitutes the terms that each column is computed from, which makes a program of 2^40 steps.
    @Test(.timeLimit(.minutes(40))) func countsThatTakeForEverToCompile() throws {
        let columns = (1...40).map { "c\($0) AS (c\($0 - 1) || c\($0 - 1))" }.joined(separator: ", ")
        try expectCounts("tbl, idx, c0, \(columns), stat AS (c40)", areRefusedNaming: "schema of index.sqlite")
    }

    private func expectCounts(_ columns: String, areRefusedNaming name: String) throws {
        try tamper(
            scratch.index,
            "CREATE TABLE sqlitX_stat1 (\(columns))",
            """
            INSERT INTO sqlitX_stat1 (tbl, idx)
            WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 40000) SELECT n, n FROM r
            """
        )
        var bytes = try read(scratch.index)
        while let range = bytes.range(of: Data("sqlitX_stat1".utf8)) {
            bytes.replaceSubrange(range, with: Data("sqlite_stat1".utf8))
        }
        try write(bytes, to: scratch.index)
        try expectRefused(naming: name)
    }

    /// The bug: when each had a megabyte, they took half a gigabyte of memory.
    @Test(arguments: [(15_000, 300), (10, 4_000), (20_000, 1)]) func aSchemaThatFillsTheMemory(
        _ length: Int,
        _ count: Int
    ) throws {
        let values = String(repeating: "1,", count: length / 2) + "1"
        try makeInSchema((0..<count).map { "VIEW v\($0) AS SELECT 1 IN (\(values))" })
        try expectRefused(naming: "schema of index.sqlite")
    }

    private func makeInSchema(_ objects: [String]) throws {
        let connection = try rawConnection(scratch.index)
        try connection.execute("BEGIN; " + objects.map { "CREATE \($0);" }.joined() + " COMMIT")
    }

    /// There are as many tables as people may need.
    @Test func aSchemaOfManyTables() throws {
        try makeInSchema((0..<1_000).map { "TABLE t\($0) (a, b, c, d, e, f, g, h)" })
        let open = try VectorStore<Int64>.open(at: scratch.store)
        try open.put([1, 2, 3, 4], for: 100)
        #expect(try open.verify().isSound)
    }

    /// Other people's tables are left alone, and nothing that their indexes would compute is evaluated.
    @Test func otherObjectsAreLeftAlone() throws {
        try tamper(
            scratch.index,
            "DROP VIEW vector_index",
            "DROP VIEW space",
            "CREATE VIEW space AS \(Self.endless("a, b"))",
            "CREATE TABLE notes (text TEXT UNIQUE CHECK (length(text) > 0), twice AS (text || text))",
            "CREATE INDEX notes_by_length ON notes (length(text)) WHERE text LIKE 'a%'",
            "CREATE VIEW all_notes AS SELECT * FROM notes",
            "CREATE TRIGGER noted AFTER INSERT ON notes BEGIN DELETE FROM notes; END",
            "INSERT INTO notes (text) VALUES ('a')",
            "ANALYZE"
        )
        let open = try VectorStore<Int64>.open(at: scratch.store)
        try open.put([1, 2, 3, 4], for: 100)
        #expect(try open.erase([0]).erasedRows == 1)
        #expect(try open.compact(.rewrite).liveRows == 10)
        #expect(try open.verify().isSound)
        try open.close()
        let notes = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%note%' AND sql NOT NULL"
        #expect(try rawConnection(scratch.index).value(notes) == 4)
        #expect(try SalvagedStore(scratch).verified.count == 10)
    }

    /// The comparison uses the text that SQLite stores.
    @Test func eachVersionIsKnown() throws {
        let connection = try Connection(scratch.path + "/each.sqlite", .create)
        for (index, script) in Migrations.scripts.enumerated() {
            try connection.execute(String(decoding: script, as: UTF8.self))
            let schema = try IndexSchema(connection, version: Int64(index) + 1)
            #expect(schema.strange == [] && schema.extraIndexes.isEmpty && !schema.hasOtherTables)
        }
    }

    @Test func aMigratedStoreIsKnown() throws {
        let script =
            "-- a later one; isn't it?\nDROP VIEW space; CREATE TABLE later (id INTEGER PRIMARY KEY, text TEXT); PRAGMA user_version = 2;"
        try Migrations.$scripts.withValue(Migrations.scripts + [Array(script.utf8)]) {
            let open = try VectorStore<Int64>.open(at: scratch.store)
            try open.put([1, 2, 3, 4], for: 100)
            try open.close()
            #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).count == 11)
            try tamper(scratch.index, "DROP TABLE later")
            expectError(.damaged) { try VectorStore<Int64>.open(at: scratch.store) }
        }
        expectError(.newerFormat) { try VectorStore<Int64>.open(at: scratch.store) }
    }
}
