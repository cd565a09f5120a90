import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// At most some rows of each value of a field, by each plan.
@Suite(.timeLimit(.minutes(40))) struct DistinctTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Rows on a line, ten in a row of the same document; in some of them the document is missing.
    private static func model(_ count: Int, isMissing: (Int) -> Bool = { _ in false }) -> RankedRows<Int64> {
        var model = RankedRows<Int64>(metric: .euclidean)
        for number in 0..<count {
            let id = Int64(number)
            let group = isMissing(number) ? nil : "\"document \(number / 10)\""
            model.rows[IDKey(id)] = .init(id: id, vector: [Float(number)], number: number, group: group)
        }
        return model
    }

    private func store(_ model: RankedRows<Int64>) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: model.metric)
        )
        try store.write { batch in
            for row in model.rows.values { try batch.put(row.vector, for: row.id, metadataJSON: row.json) }
        }
        return store
    }

    @Test("the nearest rows are enough for few documents; all rows are read for many, once for each state")
    func plans() throws {
        let model = Self.model(6_000)
        let store = try store(model)
        let query: [Float] = [3_000.25]
        func check(_ limit: Int, _ plan: SearchReport.Plan, passes: Int, _ name: String) throws {
            let right = model.search(query, limit: limit, mostOfGroup: 1) { _ in true }
            let (found, report) = try store.explainedSearch(
                forEach: [query],
                limit: limit,
                options: .init(distinct: "group")
            )
            #expect(found == [right], "\(name)")
            #expect(report.plan == plan && report.passes == passes, "\(name): \(report)")
        }
        try check(5, .nearestFirst, passes: 1, "few")
        // The values of at most 500 rows are read by id, and of all rows after that.
        try check(100, .allRows, passes: 2, "many")
        try check(100, .allRows, passes: 1, "known")
        try check(5, .allRows, passes: 1, "known")
        try check(700, .allRows, passes: 1, "more than there are documents")
        try store.setMetadataJSON(#"{"n":3000,"group":"another"}"#, for: 3_000)
        let changed = try store.search(for: query, limit: 2, options: .init(distinct: "group"))
        #expect(changed.map(\.id) == [3_000, 3_001])
    }

    @Test("several queries at once", arguments: [nil, "metadata ->> 'n' % 3 = 0"] as [Filter?])
    func severalQueries(filter: Filter?) throws {
        let model = Self.model(3_000) { $0 % 40 == 7 }
        let store = try store(model)
        let queries: [[Float]] = [[0], [1_500.5], [9_000], [77]]
        let right = queries.map { query in
            model.search(query, limit: 30, mostOfGroup: 2) { filter == nil || $0.number % 3 == 0 }
        }
        for threads in [1, 3] {
            let options = SearchOptions<Int64>(distinct: .init("group", limit: 2), threads: threads)
            #expect(try store.search(forEach: queries, limit: 30, where: filter, options: options) == right)
            for (query, right) in zip(queries, right) {
                #expect(try store.search(for: query, limit: 30, where: filter, options: options) == right)
            }
        }
    }

    @Test("pages of distinct rows make up one long answer", arguments: [1, 6, 90])
    func pages(size: Int) throws {
        let model = Self.model(size == 1 ? 200 : 4_000) { $0 % 17 == 3 }
        let store = try store(model)
        let query: [Float] = [70]
        for filter: Filter? in [nil, "metadata ->> 'n' % 2 = 0"] {
            let right = model.search(query, limit: .max, mostOfGroup: 3) { filter == nil || $0.number % 2 == 0 }
            var paged: [Match<Int64>] = []
            while paged.count <= model.rows.count {
                let cursor = try paged.last.map { try store.cursor(after: $0) }
                let options = SearchOptions<Int64>(after: cursor, distinct: .init("group", limit: 3))
                let page = try store.search(for: query, limit: size, where: filter, options: options)
                paged += page
                if page.count < size { break }
            }
            #expect(paged == right)
        }
    }

    @Test("rows that are all alike are chosen by their ids")
    func rowsAlike() throws {
        var model = RankedRows<Int64>(metric: .dot)
        for number in 0..<3_000 {
            let id = Int64(number * 7 % 3_001)
            model.rows[IDKey(id)] = .init(id: id, vector: [1], number: number, group: "\(number % 50)")
        }
        let store = try store(model)
        for limit in [3, 20, 60, 500] {
            let right = model.search([1], limit: limit, mostOfGroup: 2) { _ in true }
            for threads in [1, 3] {
                let options = SearchOptions<Int64>(distinct: .init("group", limit: 2), threads: threads)
                #expect(try store.search(for: [1], limit: limit, options: options) == right)
            }
        }
    }

    @Test("a field inside of an object, and a key of any characters")
    func fields() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        let keys = [
            "a", "a.b", "it's", "$", "[0]", "2024", "\"quoted\"", "back\\slash", "é", "",
            "'\u{301}) FROM store --",
        ]
        try store.write { batch in
            for id in Int64(0)..<8 {
                var object: [String: Any] = [:]
                // One key has the value true for even ids, the others have a value of each row's own.
                for key in keys { object[key] = id }
                object["inner"] = ["a.b": ["c": id % 2], "plain": ["c": id % 4 / 2]]
                object["shared"] = id % 2 == 0
                let json = try JSONSerialization.data(withJSONObject: object)
                try batch.put([Float(id)], for: id, metadataJSON: String(decoding: json, as: UTF8.self))
            }
        }
        func ids(_ field: DistinctField) throws -> [Int64] {
            try store.search(for: [0], limit: 9, options: .init(distinct: field)).map(\.id)
        }
        for key in keys { #expect(try ids(DistinctField(key)) == Array(0..<8), "\(key)") }
        try store.write { batch in
            for id in Int64(0)..<8 {
                var object: [String: Any] = [:]
                for key in keys { object[key] = "always" }
                object["inner"] = ["a.b": ["c": id % 2], "plain": ["c": id % 4 / 2]]
                object["shared"] = id % 2 == 0
                let json = try JSONSerialization.data(withJSONObject: object)
                try batch.setMetadataJSON(String(decoding: json, as: UTF8.self), for: id)
            }
        }
        for key in keys { #expect(try ids(DistinctField(key)) == [0], "\(key)") }
        #expect(try ids("shared") == [0, 1])
        #expect(try ids(DistinctField("inner", "a.b", "c")) == [0, 1])
        #expect(try ids(DistinctField("inner", "plain", "c")) == [0, 2])
        #expect(try ids(DistinctField("inner", "plain", "c", limit: 3)) == [0, 1, 2, 3, 4, 6])
        #expect(try ids(DistinctField("inner", "plain", "d")) == Array(0..<8))
        #expect(try ids(DistinctField("inner.plain")) == Array(0..<8))
    }

    @Test("a composed and a decomposed é are two fields, also to what is remembered")
    func canonicallyEquivalentKeys() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        for id in Int64(0)..<3 {
            try store.put([Float(id)], for: id, metadataJSON: "{\"\u{e9}\":1,\"e\u{301}\":\(id)}")
        }
        for (key, count) in [("\u{e9}", 1), ("e\u{301}", 3), ("\u{e9}", 1)] {
            let found = try store.search(for: [0], limit: 9, options: .init(distinct: DistinctField(key)))
            #expect(found.count == count)
        }
    }

    @Test("values of other types, and numbers that doubles don't tell apart, are different")
    func values() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        let alike = [
            ["1", "1.0", "10e-1"], ["\"1\""], ["true"], ["0", "-0.0"], ["false"], ["1.5", "15e-1"],
            ["9007199254740993"], ["9007199254740992", "9007199254740992.0"], ["\"\""], ["[]"], ["\"[]\""],
            ["{\"a\":[1,2]}", "{ \"a\" : [1, 2] }"], ["1e300"], ["\"\u{e9}\"", "\"\\u00e9\""], ["\"e\u{301}\""],
        ]
        try store.write { batch in
            for (id, json) in alike.joined().enumerated() {
                try batch.put([Float(id)], for: Int64(id), metadataJSON: "{\"f\":\(json)}")
            }
        }
        var right: [Int64] = []
        var next = 0
        for group in alike {
            right.append(Int64(next))
            next += group.count
        }
        let found = try store.search(for: [0], limit: 99, options: .init(distinct: "f"))
        #expect(found.map(\.id) == right)
        // The same by their ids, with many rows that aren't looked at.
        try store.write { batch in for id in Int64(1_000)..<4_000 { try batch.put([1e6], for: id) } }
        let nearest = try store.search(for: [0], limit: right.count, options: .init(distinct: "f"))
        #expect(nearest.map(\.id) == right)
    }

    @Test("half a surrogate pair in one row doesn't keep the others from being found")
    func halfAPair() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2, metric: .dot))
        let values = [#""\ud800""#, #""\ud801""#, #""\ud800""#, #""x""#, #""x""#]
        for (id, value) in values.enumerated() {
            try store.put([1, Float(-id)], for: Int64(id), metadataJSON: #"{"document": \#(value)}"#)
        }
        let found = try store.search(for: [0, 1], limit: 5, options: .init(distinct: "document"))
        #expect(found.map(\.id) == [0, 1, 3])
    }

    @Test func refused() throws {
        let store = try store(Self.model(10))
        let long = String(repeating: "x", count: 1_001)
        for field in [DistinctField("group", limit: 0), DistinctField(long), DistinctField("a\0b")] {
            expectError(.invalidArgument) { try store.search(for: [1], limit: 1, options: .init(distinct: field)) }
        }
    }

    @Test("values that are remembered are brought up to date after commits, and read anew after a rewrite")
    func remembered() throws {
        var model = Self.model(3_000) { $0 % 50 == 7 }
        let store = try store(model)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        func check(_ name: String) throws {
            for (limit, most) in [(200, 1), (3_000, 4), (5, 2)] {
                let right = model.search([1_200], limit: limit, mostOfGroup: most) { _ in true }
                let options = SearchOptions<Int64>(distinct: .init("group", limit: most))
                let (found, report) = try store.explainedSearch(forEach: [[1_200]], limit: limit, options: options)
                #expect(found == [right], "\(name), \(limit)")
                // The values are known: the nearest rows aren't tried first.
                if limit == 5 { #expect(report.plan == .allRows, "\(name)") }
                #expect(try reader.search(for: [1_200], limit: limit, options: options) == right, "\(name), reader")
            }
        }
        func put(_ id: Int64, _ group: String?, replacing: Bool = false) throws {
            let row = RankedRows<Int64>.Row(id: id, vector: [Float(id)], number: Int(id), group: group)
            model.rows[IDKey(id)] = row
            try store.put(row.vector, for: id, metadataJSON: row.json, replacing: replacing)
        }
        func setGroup(_ id: Int64, _ group: String?) throws {
            model.rows[IDKey(id)]?.group = group
            try store.setMetadataJSON(model.rows[IDKey(id)]?.json, for: id)
        }
        try check("new")
        try setGroup(1_200, "\"document 1\"")
        try setGroup(1_207, "\"document 2\"")
        try setGroup(1_201, nil)
        try check("other metadata")
        try put(4_000, "\"a new document\"")
        try put(1_199, "\"a new document\"", replacing: true)
        try put(1_198, nil, replacing: true)
        try check("new rows")
        // Many rows of the same documents go, and one row of each of them stays.
        let dead = (1_000..<Int64(2_000)).filter { $0 % 10 != 3 }
        try store.delete(dead)
        for id in dead { model.rows[IDKey(id)] = nil }
        try check("deleted rows")
        try store.compact(.rewrite)
        try check("rewritten")
        try setGroup(1_203, "\"document 1\"")
        try check("after the rewrite")
    }

    @Test("another program's writes are noticed")
    func anotherProgram() throws {
        let model = Self.model(3_000)
        let store = try store(model)
        func ids(_ limit: Int) throws -> [Int64] {
            try store.search(for: [0], limit: limit, options: .init(distinct: "group")).map(\.id)
        }
        #expect(try ids(200).count == 200 && ids(3) == [0, 10, 20])
        try rawConnection(scratch.index).run("DELETE FROM vectors WHERE id IN (0, 1, 11)")
        #expect(try ids(3) == [2, 10, 20])
        #expect(try Array(ids(200).prefix(3)) == [2, 10, 20])
    }
}
