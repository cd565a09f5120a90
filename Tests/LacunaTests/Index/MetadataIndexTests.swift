import TestSupport
import Testing

@testable import Lacuna

/// Indexes on fields of the metadata.
@Suite(.timeLimit(.minutes(40))) struct MetadataIndexTests {
    /// Rows with the metadata {"n": row % 50, "s": "s" + row % 7, "o": {"k": row}}, every eleventh without any.
    private static func make(_ scratch: Scratch, rows: Int = 2_000) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in
            for row in 0..<rows {
                let json = #"{"n":\#(row % 50),"s":"s\#(row % 7)","o":{"k":\#(row)}}"#
                try batch.put([Float(row)], for: Int64(row), metadataJSON: row % 11 == 0 ? nil : json)
            }
        }
        return store
    }

    private static func plan(_ store: VectorStore<Int64>, _ filter: Filter) throws -> SearchReport.Plan {
        try store.explainedSearch(forEach: [[0]], limit: 2, where: filter).report.plan
    }

    private static func expectSeven(_ store: VectorStore<Int64>, _ what: Comment) throws {
        let sevens = (0..<2_000 as Range<Int64>).filter { $0 % 50 == 7 && $0 % 11 != 0 }
        #expect(try store.ids(where: .field("n") == 7) == sevens, what)
        #expect(
            try store.search(for: [0], limit: 3, where: .field("n") == 7).map(\.id) == Array(sevens.prefix(3)),
            what
        )
    }

    @Test func itIsMadeUsedListedAndDropped() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        #expect(try store.indexes() == [])
        #expect(try Self.plan(store, .field("n") == 3) != .indexFirst)
        try store.createMetadataIndex(on: "n")
        try store.createMetadataIndex(on: "o", "k")
        try store.createMetadataIndex(on: "nowhere")
        try store.createMetadataIndex(on: "n")
        let rows = 2_000 - 182
        #expect(
            try store.indexes() == [
                IndexInfo(name: "field_n", kind: .metadata, fields: ["n"], rows: rows),
                IndexInfo(name: "field_nowhere", kind: .metadata, fields: ["nowhere"], rows: 0),
                IndexInfo(name: "field_o.k", kind: .metadata, fields: ["o.k"], rows: rows),
            ]
        )
        try Self.expectSeven(store, "with an index")
        #expect(try Self.plan(store, .field("n") == 4) == .indexFirst)
        #expect(try Self.plan(store, .field("n") == 4) == .rememberedFilter)
        #expect(try Self.plan(store, Filter(json: #"{"n": {"$gt": 48}, "s": "s1"}"#)) == .indexFirst)
        #expect(try Self.plan(store, .field("o", "k").in([5, 6])) == .indexFirst)
        #expect(try Self.plan(store, "json_extract(metadata, '$.\"n\"') = \(6)") == .indexFirst)
        #expect(try Self.plan(store, .field("nowhere") == 1) == .indexFirst)
        #expect(try Self.plan(store, .field("n") >= 0) == .nearestFirst, "an index that leaves many rows")
        #expect(try Self.plan(store, .field("n") == 4 || .id == 1) != .indexFirst)
        #expect(try store.dropMetadataIndex(on: "n"))
        #expect(try !store.dropMetadataIndex(on: "n"))
        #expect(try Self.plan(store, .field("n") == 5) != .indexFirst)
        #expect(try store.indexes().map(\.name) == ["field_nowhere", "field_o.k"])
    }

    /// Rows that are put, patched and deleted later, by this program, another handle, and the shell.
    @Test func everyWriteKeepsIt() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 100)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try store.createMetadataIndex(on: "n")
        let filter: Filter = .field("n") == 500
        func expect(_ ids: [Int64], _ what: Comment) throws {
            #expect(try store.ids(where: filter) == ids, what)
            #expect(try reader.ids(where: filter) == ids, what)
            #expect(try reader.search(for: [0], limit: 9, where: filter).map(\.id).sorted() == ids, what)
            #expect(try store.verify().indexMessages == [], what)
        }
        try store.put([1], for: 200, metadataJSON: #"{"n":500}"#)
        try store.put([1], for: 201, metadataJSON: #"{"n":500.0}"#)
        try store.put([1], for: 202, metadataJSON: #"{"n":"500"}"#)
        try expect([200, 201], "put")
        try store.patchMetadataJSON(#"{"n":500}"#, where: "id IN (1, 2, 3)")
        try store.patchMetadataJSON(#"{"n":null}"#, for: 2)
        try store.delete(200)
        try expect([1, 3, 201], "patched and deleted")
        try store.put([5], for: 3, replacing: true)
        try store.put([5], for: 1, replacing: true, oldMetadata: .drop)
        try expect([3, 201], "replaced")
        try store.compact(.inPlace)
        try store.compact(.rewrite)
        try store.erase([201])
        try expect([3], "compacted and erased")
        try store.close()
        try rawConnection(scratch.index).run("UPDATE metadata SET json = '{\"n\":500}' WHERE id = 4")
        #expect(try reader.ids(where: filter) == [3, 4])
    }

    @Test func aBackupHasIt() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try store.createMetadataIndex(on: "n")
        try store.backup(to: scratch.path + "/copy")
        let copy = try VectorStore<Int64>.open(at: scratch.path + "/copy")
        #expect(try copy.indexes() == store.indexes())
        #expect(try Self.plan(copy, .field("n") == 5) == .indexFirst)
        try Self.expectSeven(copy, "in the backup")
    }

    /// Names of SQLite's objects ignore case, and somebody else's object may have the name.
    @Test func namesThatAreTaken() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 20)
        try rawConnection(scratch.index).run("CREATE INDEX Field_S ON metadata (checksum)")
        for key in ["n", "N", "s", "a.b", "$"] { try store.createMetadataIndex(on: key) }
        try store.createMetadataIndex(on: "a", "b")
        #expect(
            try store.indexes().map { "\($0.name): \($0.fields[0])" } == [
                "field_\"a.b\": \"a.b\"", "field_$: $", "field_N_2: N", "field_a.b: a.b", "field_n: n",
                "field_s_2: s",
            ]
        )
        #expect(try store.dropMetadataIndex(on: "a.b"))
        #expect(try store.indexes().map(\.fields) == [["$"], ["N"], ["a.b"], ["n"], ["s"]])
    }

    @Test(arguments: ["", "é", "a\"b", "a\nb", "a'b", "\\", "*"]) func keysThatCantHaveOne(_ key: String) throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 20)
        expectError(.invalidArgument) { try store.createMetadataIndex(on: key) }
        #expect(try store.indexes() == [])
    }

    @Test func thereMayBeSixteen() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 20)
        for number in 0..<16 { try store.createMetadataIndex(on: "k\(number)") }
        expectError(.unsupported) { try store.createMetadataIndex(on: "k16") }
        #expect(try store.indexes().count == 16)
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.dropMetadataIndex(on: "k3")
        try again.createMetadataIndex(on: "k16")
        try again.put([1], for: 1_000, metadataJSON: #"{"k16":1}"#)
        #expect(try again.ids(where: .field("k16") == 1) == [1_000])
    }

    @Test func makingItCanBeStopped() throws {
        struct Stop: Error {}
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        var seen: [Int] = []
        #expect(throws: Stop.self) {
            try store.createMetadataIndex(on: "n") { progress in
                seen.append(progress.done)
                #expect(progress.total == 2_000)
                if seen.count == 2 { throw Stop() }
            }
        }
        #expect(seen == [350, 700])
        #expect(try store.indexes() == [])
        try store.put([1], for: 5_000)
        try store.createMetadataIndex(on: "n")
        try Self.expectSeven(store, "after a stop")
    }

    /// An index whose entries are those of another field: verification sees it, and recovery makes it anew.
    @Test func aWrongIndexIsMadeAnew() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try store.createMetadataIndex(on: "m")
        try store.close()
        // SQLite keeps the entries, and takes them for those of `n` from now on.
        let shell = try Program.sqlite.run(
            [scratch.index],
            input: """
                .dbconfig defensive off
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET name = 'field_n', sql = replace(replace(sql, '"m"', '"n"'), '_m"', '_n"')
                WHERE name = 'field_m';
                """
        )
        #expect(shell.status == 0)
        let damaged = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try damaged.ids(where: .field("n") == 7) == [], "the index has no entries")
        #expect(try damaged.verify().indexMessages.isEmpty == false)
        try damaged.close()
        let plan = try VectorStoreRecovery.recover(at: scratch.store, dryRun: true)
        #expect(plan.actions.map(\.kind) == [.rebuildIndex])
        let report = try VectorStoreRecovery.recover(at: scratch.store)
        #expect(report.state == .recovered)
        #expect(report.actions.map(\.kind) == [.rebuildIndex])
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
        let mended = try VectorStore<Int64>.open(at: scratch.store)
        try Self.expectSeven(mended, "made anew")
        #expect(try mended.verify().isSound)
    }
}
