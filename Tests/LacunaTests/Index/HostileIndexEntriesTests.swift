import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Indexes on fields whose entries or pages are anything at all. A search may miss rows or find others, or fail, but
/// each row that it finds is one of the store's, once.
@Suite(.timeLimit(.minutes(40))) struct HostileIndexEntriesTests {
    private let scratch: Scratch
    private static let rows: Int64 = 3_000

    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in
            for row in 0..<Self.rows {
                try batch.put([Float(row)], for: row, metadataJSON: #"{"n":\#(row % 100),"s":"s\#(row)"}"#)
            }
        }
        for key in ["n", "s"] { try store.createMetadataIndex(on: key) }
        try store.close()
    }

    private static let filters: [Filter] = [
        .field("n") == 7, .field("n") >= 90, .field("n").in([1, 2]) && .id > 3, .field("s").hasPrefix("s1"),
        .field("n") > -1.0e300, .field("s") >= "", "json_extract(metadata, '$.\"n\"') IS NOT NULL",
    ]

    /// Reads twice by each filter, with the slots by SQL and from memory, and beside verification.
    private func readAll(_ what: String) throws {
        for access in [VectorStoreAccess.readOnly, .readWrite] {
            worksOrRefuses(what) {
                let store = try VectorStore<Int64>.open(at: scratch.store, access: access)
                for filter in Self.filters {
                    worksOrRefuses(what) { try Self.check(store.ids(where: filter), what) }
                    for queries in [[[0]], [[0], [5]]] as [[[Float]]] {
                        worksOrRefuses(what) {
                            let found = try store.search(forEach: queries, limit: 4_000, where: filter)
                            for matches in found { Self.check(matches.map(\.id), what) }
                        }
                    }
                    try? store.readers.read { store.memory.rowIDs?.missed($0.record, reads: 1 << 30) }
                    store.memory.rowIDs?.finishFilling()
                }
                worksOrRefuses(what) { _ = try store.verify() }
                try store.close()
            }
        }
    }

    private static func check(_ ids: [Int64], _ what: String) {
        #expect(Set(ids).count == ids.count && ids.allSatisfy((0..<rows).contains), "\(what)")
    }

    private func numbers(_ sql: String) throws -> [Int64] {
        try rawConnection(scratch.index).rows(1, sql).map { if case .integer(let number) = $0[0] { number } else { 0 } }
    }

    /// Replaces the index, and removes the log.
    private func replaceIndex(_ bytes: Data) throws {
        for name in ["-wal", "-shm"] where exists(scratch.index + name) { try remove(scratch.index + name) }
        try write(bytes, to: scratch.index)
    }

    /// The schema says that the index is at another page.
    @Test func anotherRootPage() throws {
        let pages = try numbers("PRAGMA page_count")[0]
        let roots = try numbers("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")
        let others = [-1, 0, 1, 3, pages, pages + 1, 2_147_483_647, 4_294_967_298]
        let whole = try read(scratch.index)
        for root in Set(roots + others).map(\.description) + ["'x'", "NULL", "x'05'"] {
            try replaceIndex(whole)
            try changeSchema("UPDATE sqlite_schema SET rootpage = \(root) WHERE name = 'field_n'")
            try readAll("root page \(root)")
        }
    }

    private func changeSchema(_ sql: String) throws {
        let shell = try Program.sqlite.run(
            [scratch.index],
            input: ".dbconfig defensive off\nPRAGMA writable_schema = ON;\n\(sql);\n"
        )
        #expect(shell.status == 0, "\(shell.error)")
    }

    /// The index has entries that SQLite doesn't make: it has the pages of another index.
    @Test(arguments: [
        "VALUES (7, 'integer', NULL), (7, 'integer', x'00'), (7, 'integer', 1.5), (7, 'integer', 'x')",
        "VALUES (7, 'integer', 1), (7, 'text', 1), (7, 1, 1), (7, NULL, 1), (8, 'integer', 1), (90, 'real', 1)",
        "VALUES (NULL, NULL, 1), (x'00ff', 'integer', 2), (1e999, 'real', 3), (-1e999, 'real', 4)",
        "VALUES (7, 'integer', -1), (7, 'integer', 9223372036854775807), (99, 'integer', -9223372036854775808)",
        "SELECT value, 'integer', value * 9223372036854 FROM json_each('[1,2,3,90,91,92,93]')",
        """
        SELECT value % 7 + 90, 'integer', value FROM (
            WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 20000) SELECT * FROM n
        )
        """,
        "SELECT 7, 'integer', CAST(x'c328' AS TEXT)",
    ])
    func otherEntries(_ entries: String) throws {
        try changeSchema(
            """
            CREATE TABLE others (a, b, c);
            INSERT INTO others SELECT * FROM (\(entries));
            CREATE INDEX entries ON others (a, b, c);
            CREATE TABLE swap AS SELECT rootpage AS page FROM sqlite_schema WHERE name = 'entries';
            UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'field_n')
            WHERE name = 'entries';
            UPDATE sqlite_schema SET rootpage = (SELECT page FROM swap) WHERE name = 'field_n'
            """
        )
        try readAll(entries)
    }

    /// The pages below an inner page of an index (sqlite.org/fileformat2.html, 1.6).
    private static func children(of page: Data) -> [Int] {
        func number(_ offset: Int, _ bytes: Int) -> Int {
            page.dropFirst(offset).prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
        }
        return (0..<number(3, 2)).map { number(number(12 + 2 * $0, 2), 4) } + [number(8, 4)]
    }

    /// Random bytes in the index's pages.
    @Test func rottenPages() throws {
        let root = Int(try numbers("SELECT rootpage FROM sqlite_schema WHERE name = 'field_n'")[0])
        let whole = try read(scratch.index)
        let pageSize = 4_096
        let pages = [root] + Self.children(of: whole.dropFirst((root - 1) * pageSize).prefix(pageSize))
        #expect(pages.count > 5)
        var generator = SplitMix64(seed: 7)
        for round in 0..<30 {
            var rotten = whole
            let page = (pages[round % 3 == 0 ? 0 : round % pages.count] - 1) * pageSize
            let count = round % 2 == 0 ? 16 : 512
            let start = round % 4 == 0 ? page : page + Int.random(in: 0..<pageSize - count, using: &generator)
            for offset in start..<start + count { rotten[offset] = UInt8.random(in: 0...255, using: &generator) }
            try replaceIndex(rotten)
            try readAll("round \(round)")
        }
    }
}
