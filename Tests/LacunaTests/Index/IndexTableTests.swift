import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Searches that read the entries of an index alone, as a table.
@Suite(.timeLimit(.minutes(40))) struct IndexTableTests {
    private static let rows: Int64 = 4_000

    /// Fields of every kind, and many rows at each distance.
    private static func json(_ row: Int64) -> String? {
        if row % 11 == 0 { return nil }
        let values = [
            "\(row % 50)", "\(row % 50).0", "\"\(row % 50)\"", "\"s\(row % 50)é\"", "true", "false", "null", "[7]",
            "{\"n\":7}", "-\(row).5", "\"\"", "1e300",
        ]
        return #"{"n":\#(row % 100),"v":\#(values[Int(row) % values.count]),"s":"s\#(row % 7)"}"#
    }

    private static func make<ID: VectorID>(_ scratch: Scratch, _ id: (Int64) -> ID) throws -> VectorStore<ID> {
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in
            for row in 0..<rows { try batch.put([Float(row % 100)], for: id(row), metadataJSON: json(row)) }
        }
        return store
    }

    private static let filters: [Filter] = [
        .field("n") == 7, .field("n").between(3, 4), .field("n").in([5, 6, 200]),
        .field("n") > 97 && .field("s") == "s1",
        .field("v") == 7, .field("v") == 7.0, .field("v") == "7", .field("v") == true, .field("v") == false,
        .field("v").in(["7", "s3é", ""]), .field("v").in(Array(0..<120)), .field("v").hasPrefix("s1"),
        .field("v").hasPrefix("s1") && .field("n") < 30, .field("v") < 0, .field("v") >= "", .field("v") < "5",
        .field("v").isNull && .field("n") < 20, .field("v") == 7 || .field("n") == 3, .field("v") > 1e299,
        "json_extract(metadata, '$.\"v\"') = 7", "json_extract(metadata, '$.\"v\"') IS NOT NULL",
        "json_extract(metadata, '$.\"v\"') > 's' AND json_extract(metadata, '$.\"n\"') IN \([1, 2, 3])",
        "json_extract(metadata, '$.\"n\"') = \("7")", "json_extract(metadata,'$.\"n\"') BETWEEN -1 AND 1.5",
        "json_extract(metadata, '$.\"n\"') = 7 AND json_type(metadata, '$.\"n\"') <> 'text'",
        .field("n") == 1_000_000,
    ]

    /// The rows that pass, found without an index: none answers an alternative.
    private static func expected<ID: VectorID>(_ store: VectorStore<ID>, _ filter: Filter) throws -> [ID] {
        try store.ids(where: filter || "1 = 0")
    }

    private static func check<ID: VectorID>(_ store: VectorStore<ID>, _ what: String) throws {
        var byIndex = 0
        for (number, filter) in filters.enumerated() {
            let expected = try expected(store, filter)
            // The first search looks for the rows that pass, and the second one remembers them.
            let queries: [[Float]] = number % 2 == 0 ? [[0]] : [[0], [9]]
            let first = try store.explainedSearch(forEach: queries, limit: 3 * Int(rows), where: filter)
            byIndex += first.report.plan == .indexFirst ? 1 : 0
            let found = first.matches[0].map(\.id.sqlValue).sorted(by: SQLValue.idPrecedes)
            #expect(found == expected.map(\.sqlValue), "\(what): filter \(number)")
            let nine = first.matches.count == 1 ? try store.search(for: [9], limit: 5, where: filter) : first.matches[1]
            let passing = Set(expected)
            let right = try store.search(for: [9], limit: Int(rows)).filter { passing.contains($0.id) }
            #expect(nine.prefix(5) == right.prefix(5), "\(what): filter \(number)")
            #expect(try store.ids(where: filter) == expected, "\(what): filter \(number)")
            #expect(try store.count(where: filter) == expected.count, "\(what): filter \(number)")
        }
        #expect(byIndex > filters.count / 2, "\(what): otherwise the test would say little")
    }

    /// The names of the tables of the indexes on `n` and `v`; nil if they can't be read.
    private static func tables<ID: VectorID>(_ store: VectorStore<ID>) throws -> [String?] {
        try store.readers.read { snapshot in
            try snapshot.index.indexesOfValues().map {
                try snapshot.index.indexTables.table(ofIndexAt: $0.root, snapshot.index)
            }
        }
    }

    /// Makes a handle know the slots of all ids.
    private static func fill<ID: VectorID>(_ store: VectorStore<ID>) throws {
        let rowIDs = try #require(store.memory.rowIDs)
        try store.readers.read { rowIDs.missed($0.record, reads: 1 << 30) }
        rowIDs.finishFilling()
        #expect(try store.readers.read { rowIDs.knowsSlots($0.version) })
    }

    private static func checkKind<ID: VectorID>(_ id: (Int64) -> ID) throws {
        let scratch = try Scratch()
        let store = try make(scratch, id)
        try store.createMetadataIndex(on: "n")
        try store.createMetadataIndex(on: "v")
        #expect(try tables(store).allSatisfy { $0 != nil })
        try check(store, "slots by SQL")
        try fill(store)
        // Others evict the filters that are remembered.
        try check(store, "slots from memory")
        try store.delete([id(7), id(107)])
        try store.put([3], for: id(7), metadataJSON: #"{"n":7,"v":7}"#, replacing: true)
        try check(store, "changed")
        #expect(try store.indexes().map(\.name) == ["field_n", "field_v"])
        // SQLite's check would take the index's pages for pages that are in use twice.
        #expect(try store.verify().indexMessages == [])
        try rawConnection(scratch.index).run("DELETE FROM vectors WHERE slot IN (207, 307)")
        try check(store, "metadata without a row")
    }

    @Test func integers() throws { try Self.checkKind { $0 } }
    @Test func texts() throws { try Self.checkKind { "row \($0) é\u{1}" } }

    @Test func uuids() throws {
        try Self.checkKind { UUID(uuidString: "00000000-0000-4000-8000-\(100_000_000_000 + $0 * 7 % 4_003)") ?? UUID() }
    }

    /// Each value is that of more rows than the estimate of their number looks at.
    @Test func aRangeOfFewValues() throws {
        let scratch = try Scratch()
        let configuration = VectorStoreConfiguration(dimension: 1, metric: .euclidean)
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: configuration)
        try store.write { batch in
            for row in Int64(0)..<12_000 { try batch.put([Float(row)], for: row, metadataJSON: #"{"n":\#(row % 10)}"#) }
        }
        try store.createMetadataIndex(on: "n")
        try Self.fill(store)
        let found = try store.explainedSearch(forEach: [[0]], limit: 1_000, where: .field("n").between(2, 3))
        #expect(found.report.plan == .indexFirst)
        let nearest = (Int64(0)..<5_000).filter { [2, 3].contains($0 % 10) }
        #expect(found.matches[0].map(\.id) == nearest)
    }

    /// A table of somebody else has the name that the index's table would get.
    @Test func aNameThatIsTaken() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { $0 }
        for key in ["n", "v"] { try store.createMetadataIndex(on: key) }
        let shell = try rawConnection(scratch.index)
        let roots = try shell.rows(1, "SELECT rootpage FROM sqlite_schema WHERE name IN ('field_n', 'field_v')")
        for case .integer(let root) in roots.map({ $0[0] }) {
            try shell.run("CREATE TABLE lacuna_index_\(root) (field, kind, id)")
            try shell.run("INSERT INTO lacuna_index_\(root) VALUES (7, 'integer', 1)")
        }
        #expect(try Self.tables(store) == [nil, nil])
        try Self.check(store, "by SQLite's own plan")
    }

    /// A filter can't name the table.
    @Test func filtersDontReachIt() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { $0 }
        try store.createMetadataIndex(on: "n")
        let table = try #require(try Self.tables(store)[0])
        for sql in [
            "id IN (SELECT id FROM \(table))", "id IN \(table)", "EXISTS (SELECT 1 FROM \(table))", "field = 7",
            "\(table).field = 7", "kind = 'integer' AND json_extract(metadata, '$.\"n\"') = 7",
        ] {
            expectError(.invalidFilter, sql) { try store.ids(where: Filter(sql: sql)) }
            expectError(.invalidFilter, sql) { try store.search(for: [0], limit: 3, where: Filter(sql: sql)) }
        }
    }
}
