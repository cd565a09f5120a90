import Foundation
import Testing

@testable import Lacuna

/// However a filter is evaluated, the answer is the same: the nearest of the rows that pass, and at equal distances the
/// rows with the lowest ids.
@Suite(.timeLimit(.minutes(40))) struct FilterPlanTests {
    /// With this many rows, a search sometimes tries the nearest rows first, and sometimes gives that up.
    private static let rows = 16_000

    /// There are few distances, so many rows are at equal ones.
    private static func vector(_ row: Int, _ version: Int = 0) -> [Float] {
        [Float(row % 401), Float((row * 7 + version) % 13)]
    }

    private static let filters: [Filter] = [
        "metadata ->> 'n' < 0", "metadata ->> 'n' = 7", "metadata ->> 'n' % 1000 = \(3)",
        "metadata ->> 'n' % 100 = 1", "metadata ->> 'n' % 5 < \(3)", "metadata ->> 'x' > 200", "metadata IS NULL",
        Filter(sql: "id <> 'row 5' AND metadata ->> 'n' < ?2", values: [SQLValue.null, 300]),
        "metadata ->> 'n' % 50 = 0 AND date('now') > '2000'",
    ]

    private static func json(_ row: Int) -> String? {
        row % 11 == 0 ? nil : #"{"n":\#(row),"x":\#(row % 401)}"#
    }

    /// Finds the answer by checking each row.
    private static func expected<ID: VectorID>(
        _ store: VectorStore<ID>,
        _ query: [Float],
        _ limit: Int,
        _ filter: Filter
    ) throws -> [ID] {
        var found: [(distance: Double, id: ID)] = []
        try store.forEach(where: filter) { row in
            var sum = 0.0
            for (left, right) in zip(row.vector, query) {
                let difference = Double(left) - Double(right)
                sum += difference * difference
            }
            found.append((sum.squareRoot(), row.id))
        }
        found.sort { left, right in
            left.distance == right.distance
                ? SQLValue.idPrecedes(left.id.sqlValue, right.id.sqlValue) : left.distance < right.distance
        }
        return found.prefix(limit).map(\.id)
    }

    private static func check<ID: VectorID>(_ store: VectorStore<ID>, _ what: String) throws {
        for filter in filters {
            for (query, limit) in [([0, 0] as [Float], 10), ([300, 5], 3), ([0, 0], 10)] {
                let right = try expected(store, query, limit, filter)
                let found = try store.search(for: query, limit: limit, where: filter)
                #expect(found.map(\.id) == right, "\(what): \(filter)")
                let both = try store.search(forEach: [query, [1, 1]], limit: limit, where: filter)
                #expect(both[0].map(\.id) == right, "\(what): \(filter), two queries")
            }
        }
    }

    private static func make<ID: VectorID>(_ scratch: Scratch, _ id: (Int) -> ID) throws -> VectorStore<ID> {
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, metric: .euclidean)
        )
        try store.write { batch in
            for row in 0..<rows { try batch.put(vector(row), for: id(row), metadataJSON: json(row)) }
        }
        return store
    }

    /// Checks before and after commits of this handle; after a commit only changed rows are evaluated anew.
    private static func checkThroughCommits<ID: VectorID>(_ store: VectorStore<ID>, _ id: (Int) -> ID) throws {
        try check(store, "new")
        try store.put(vector(100, 1), for: id(100), metadataJSON: #"{"n":7,"x":1}"#, replacing: true)
        try store.delete([id(1), id(3), id(50)])
        try store.setMetadataJSON(#"{"n":7}"#, for: id(200))
        try store.setMetadataJSON(nil, for: id(7))
        // Their metadata stay, and go with them to other slots.
        try store.put(vector(3, 5), for: id(1_007), replacing: true)
        try store.put(vector(2, 1), for: id(2_003), replacing: true)
        try store.put(vector(1), for: id(150), replacing: true, oldMetadata: .drop)
        try store.patchMetadataJSON(#"{"n":7}"#, where: "metadata ->> 'n' BETWEEN 500 AND 520")
        try store.patchMetadataJSON(#"{"n":null}"#, for: id(301))
        try store.put(vector(0), for: id(rows), metadataJSON: #"{"n":1003,"x":300}"#)
        try check(store, "changed")
        try store.write { batch in for row in 4_000..<9_000 { batch.delete(id(row)) } }
        try store.compact(.inPlace)
        try check(store, "in place")
        try store.compact(.rewrite)
        try store.erase([id(12)])
        try check(store, "rewritten")
    }

    @Test func integers() throws {
        let scratch = try Scratch(); try Self.checkThroughCommits(Self.make(scratch) { Int64($0) }) { Int64($0) }
    }

    /// The same answers as without an index, as metadata change and rows move.
    @Test func indexedFields() throws {
        let (plain, indexed) = (try Scratch(), try Scratch())
        let stores = (try Self.make(plain) { Int64($0) }, try Self.make(indexed) { Int64($0) })
        for key in ["n", "x"] { try stores.1.createMetadataIndex(on: key) }
        let n: Filter = .field("n") == 7
        let filters: [Filter] = [
            n, .field("n").between(500, 520), .field("n") > 300 && .field("x") < 3, .field("n").in([7, 1_003, 5]),
            .field("x") >= 0, n || .field("x") == 300, !n, n && .id > 300,
            "json_extract(metadata, '$.\"n\"') = 7 AND date('now') > '2000'", .field("n") == "7",
        ]
        func compare(_ what: String) throws {
            for filter in filters {
                for (query, limit) in [([0, 0] as [Float], 10), ([300, 5], 3), ([0, 0], 10)] {
                    let right = try Self.expected(stores.0, query, limit, filter)
                    #expect(try stores.1.search(for: query, limit: limit, where: filter).map(\.id) == right, "\(what)")
                    let both = try stores.1.search(forEach: [query, [1, 1]], limit: limit, where: filter)
                    #expect(both[0].map(\.id) == right, "\(what): \(filter), two queries")
                }
                #expect(try stores.1.ids(where: filter) == stores.0.ids(where: filter), "\(what): \(filter)")
            }
        }
        try compare("new")
        for store in [stores.0, stores.1] {
            try store.patchMetadataJSON(#"{"n":7}"#, where: "metadata ->> 'n' BETWEEN 500 AND 520")
            try store.patchMetadataJSON(#"{"n":"7"}"#, for: 301)
            try store.put(Self.vector(0), for: 20_000, metadataJSON: #"{"n":7.0,"x":1}"#)
            try store.delete(where: .field("x") == 200)
        }
        try compare("changed")
        for store in [stores.0, stores.1] { try store.compact(.rewrite) }
        try compare("rewritten")
    }

    @Test func texts() throws {
        let scratch = try Scratch()
        let id = { (row: Int) in "row \(row) \"\\\n\u{1}é" }
        try Self.checkThroughCommits(Self.make(scratch, id), id)
    }

    /// Another handle commits, and another program.
    @Test func aReaderBesideAWriter() throws {
        let scratch = try Scratch()
        let writer = try Self.make(scratch) { Int64($0) }
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try Self.check(reader, "new")
        try writer.setMetadataJSON(#"{"n":7}"#, for: 200)
        try writer.put(Self.vector(0), for: 20_000, metadataJSON: #"{"n":7}"#)
        try Self.check(reader, "changed")
        try rawConnection(scratch.index).run("DELETE FROM vectors WHERE id IN (0, 1, 7, 14, 401)")
        try Self.check(reader, "by another program")
        try Self.check(writer, "by another program, in the writing handle")
    }

    private static func checkOnce(_ store: VectorStore<Int64>, _ limit: Int, _ filter: Filter, _ what: String) throws {
        let right = try expected(store, [0, 0], limit, filter)
        let found = try store.search(for: [0, 0], limit: limit, where: filter).map(\.id)
        #expect(found == right, "\(what): \(filter)")
    }

    /// A filter's first use tries the nearest rows, the second evaluates all rows, and later ones know which pass.
    @Test func usedAgain() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        let filters: [Filter] = ["metadata ->> 'n' % 5 < 3", "metadata ->> 'n' % 30 = 1"]
        func usesToWait(_ filter: Filter) -> Int? { store.memory.filters.trials(filter)?.usesToWait }
        for filter in filters {
            for wanted in [1, 64, 63, 62] {
                try Self.checkOnce(store, 10, filter, "used again")
                #expect(usesToWait(filter) == wanted)
            }
        }
        let nearest = try store.search(for: [0, 0], limit: 500).map(\.id)
        for id in nearest.prefix(20) { try store.setMetadataJSON(#"{"n":4}"#, for: id) }
        for id in nearest.dropFirst(20).prefix(20) { try store.setMetadataJSON(#"{"n":1}"#, for: id) }
        for filter in filters { try Self.checkOnce(store, 10, filter, "after commits") }

        // The rewrite makes the rows unknown that pass; how many of the nearest passed is too many now.
        try store.write { batch in
            for id in nearest.prefix(100) { try batch.setMetadataJSON(#"{"n":4}"#, for: id) }
            batch.delete(nearest[nearest.count - 1])
        }
        try store.compact(.rewrite)
        for wanted in (1...60).reversed() {
            if wanted % 20 == 0 {
                try Self.checkOnce(store, 10, filters[0], "after a rewrite")
            } else {
                _ = try store.search(for: [0, 0], limit: 10, where: filters[0])
            }
            #expect(usesToWait(filters[0]) == wanted)
        }
        try Self.checkOnce(store, 10, filters[0], "all rows are evaluated again")
        #expect(usesToWait(filters[0]) == 64)
    }

    /// The second pass finds more rows, among them all those at the distance at which the first pass ended.
    @Test func aSecondPass() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, metric: .euclidean)
        )
        try store.write { batch in
            for row in (0..<24_000).reversed() {
                let distance = row < 1_700 ? 0 : Float(row)
                try batch.put([distance, 0], for: Int64(row), metadataJSON: #"{"n":\#(row)}"#)
            }
        }
        try Self.checkOnce(store, 8, "metadata ->> 'n' % 300 = 7 OR id BETWEEN 1540 AND 1699", "ties")
    }
}
