import TestSupport
import Testing

@testable import Lacuna

/// The schema changes beside a handle that reads indexes as tables. Another index or table soon has the pages of an
/// index that was dropped.
@Suite(.timeLimit(.minutes(40))) struct ChangingIndexTests {
    private let scratch: Scratch
    private let store: VectorStore<Int64>
    private let reader: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1, metric: .euclidean))
        try store.write { batch in
            for row in 0..<2_000 as Range<Int64> {
                try batch.put([Float(row)], for: row, metadataJSON: #"{"n":\#(row % 100),"m":\#(row % 90)}"#)
            }
        }
        reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
    }

    private func root(of name: String) throws -> Int64? {
        try rawConnection(scratch.index).first("SELECT rootpage FROM sqlite_schema WHERE name = '\(name)'") {
            $0.integer(0)
        }
    }

    /// Searches with filters that no handle has met. Each handle has the same readers' connections throughout.
    private func expectRight(
        _ search: ([Float], Filter) throws -> [Match<Int64>],
        _ round: Int,
        _ what: Comment
    ) throws {
        let value = Int64(round % 90)
        for (key, modulus) in [("n", 100), ("m", 90)] as [(String, Int64)] {
            let right = (0..<2_000 as Range<Int64>).filter { $0 % modulus == value }
            let filter: Filter = .field(key).between(value, value) && .id >= -Int64(round)
            #expect(try search([0], filter).map(\.id) == right, "\(what), \(key)")
            let whole: Filter = .field(key).in([value, Int64(1_000 + round)])
            #expect(try search([0], whole).map(\.id) == right, "\(what), \(key)")
        }
    }

    private func expectRight(_ round: Int, _ what: Comment) throws {
        for handle in [store, reader] {
            try expectRight({ try handle.search(for: $0, limit: 100, where: $1) }, round, what)
        }
    }

    @Test func byTheWritingHandle() throws {
        var reused = 0
        for round in 0..<12 {
            let (old, new) = round % 2 == 0 ? ("m", "n") : ("n", "m")
            let before = try root(of: "field_\(old)")
            try store.dropMetadataIndex(on: old)
            try store.createMetadataIndex(on: new)
            reused += before == (try root(of: "field_\(new)")) ? 1 : 0
            try expectRight(round, "round \(round)")
        }
        #expect(reused > 8, "otherwise the test would say little")
    }

    @Test func byAnotherProgram() throws {
        for (round, sql) in [
            "SELECT 1", "DROP INDEX field_n; CREATE TABLE other (x); INSERT INTO other VALUES (7);", "VACUUM",
            "DROP INDEX field_m", "CREATE INDEX mine ON metadata (json_extract(json, '$.\"n\"'))", "DROP TABLE other",
            "CREATE TABLE lacuna_index_5 (field, kind, id)", "REINDEX", "DROP INDEX mine; VACUUM", "ANALYZE",
        ].enumerated() {
            if round % 3 == 0 { for key in ["n", "m"] { try store.createMetadataIndex(on: key) } }
            try expectRight(2 * round, "before \(sql)")
            let shell = try Program.sqlite.run([scratch.index], input: sql + ";")
            #expect(shell.status == 0, "\(shell.error)")
            try expectRight(2 * round + 1, "after \(sql)")
        }
    }

    /// A snapshot goes on reading the index that it began with.
    @Test func besideASnapshot() throws {
        try store.createMetadataIndex(on: "n")
        try reader.read { snapshot in
            try expectRight({ try snapshot.search(for: $0, limit: 100, where: $1) }, 1, "before")
            let before = try root(of: "field_n")
            try store.dropMetadataIndex(on: "n")
            try store.createMetadataIndex(on: "m")
            #expect(try root(of: "field_m") == before, "otherwise the test would say little")
            try expectRight({ try snapshot.search(for: $0, limit: 100, where: $1) }, 2, "in the snapshot")
        }
        try expectRight(3, "after the snapshot")
    }
}
