import Foundation
import Lacuna
import Synchronization
import TestSupport

/// A caller's filter, in SQL or (if bit 3 of the first byte is set) in JSON: any text must be refused, be cancelled, or
/// pass rows by their `id` and `metadata` alone. A filter in JSON and its negation pass each row once together.
///
/// Two stores have the same ids and metadata, and differ in everything else: a filter must pass the same rows of both.
/// It is cancelled after a number of checks, not after a time, so that an input always has the same effect.
struct FilterTarget: Target {
    static func seeds() -> [[UInt8]] {
        [
            "\u{0}id < 7", "\u{0}metadata ->> 'n' >= 3 AND metadata ->> 's' = 't1'", "\u{1}id = ?",
            "\u{2}? IN (id, ?2)",
            "\u{0}EXISTS (SELECT 1 FROM json_each(metadata, '$.list') WHERE value = 2)",
            "\u{0}json_extract(metadata, '$.list[0]') IS NOT NULL -- and more\n",
            "\u{0}1) UNION SELECT id, 1, 1, '' FROM vectors --",
            "\u{0}id IN (SELECT id FROM vectors)", "\u{0}(SELECT sql FROM sqlite_schema) IS NULL",
            "\u{0}1; DELETE FROM vectors",
            "\u{0}(SELECT count(*) FROM json_each('[1,2,3]') a, json_each('[1,2,3]') b, json_tree(metadata) c) > 9",
            "\u{0}length(hex(zeroblob(99999999))) > 0", "\u{0}printf('%.*c', 99999999, 'x') LIKE '%a%a%a'",
            "\u{0}(SELECT a+a AS a FROM (SELECT a+a AS a FROM (SELECT id AS a FROM json_each('[1]')))) > id",
            "\u{0}CASE WHEN id THEN metadata ->> '$.x' ELSE rowid END /* why */ IS NULL", "\u{0}load_extension('x')",
            // These would tell the two stores apart if they were allowed.
            "\u{0}id IN (SELECT generation FROM store)", "\u{0}(SELECT id FROM vectors ORDER BY offset) = id",
            // These are limited by the grammar.
            "\u{1}id IN (SELECT value FROM json_each(?) AS t WHERE t.key < 3 ORDER BY t.key DESC LIMIT 2)",
            "\u{0}metadata ->> '$.\"app.version\"' = 1 OR metadata ->> 'app.version' = 1",
            "\u{0}(\u{FEFF}SELECT 1) = 1",
            "\u{0}(SELECT value+1 AS a FROM json_each('[1]') WHERE a BETWEEN a AND a) > 0",
            "\u{0}id = (1+1) AND metadata = id AND (id+id+id) IN (id, `id`, [id], \"id\")",
            "\u{0}EXISTS (SELECT DISTINCT * FROM json_each(metadata) a, json_tree(metadata, '$.list') WHERE a.key LIKE 'l%')",
            #"\#u{8}{"n": {"$gte": 3, "$lt": 7}, "s": {"$in": ["t1", "t2", null]}}"#,
            #"\#u{8}{"$or": [{"list": {"$contains": 1}}, {"$not": {"\"a.b\"": {"$exists": true}}}], "id": {"$ne": 5}}"#,
            #"\#u{8}{"$and": [{"list.x": 1.5e0}, {"\u00e9": {"$nin": [true, -0.5]}}, {"s": {"$not": {"$eq": "t0"}}}]}"#,
        ].map { Array($0.utf8) }
    }

    private struct Store {
        let store: VectorStore<Int64>
        /// Another connection, whose `data_version` shows whether anybody has written.
        let watcher: Connection
    }

    /// The number of checks in one call: it makes a hundred thousand steps, or a tenth of that if it searches texts.
    private static let questions = 1_000
    /// Words of functions whose results depend on the time, or are random.
    private static let unsteady = ["random", "now", "current", "date", "time", "julian", "epoch"]

    private let stores: [Store]
    private let asked = Counter()

    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    init() throws {
        let asked = asked
        stores = try [false, true].map { isSecond in
            let path = Scratch.file(isSecond ? "second.lacuna" : "first.lacuna")
            let options = VectorStoreOptions(shouldCancel: {
                asked.count.add(1, ordering: .relaxed).newValue > Self.questions
            })
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: isSecond ? 3 : 2),
                options: options
            )
            let ids = isSecond ? Array(Self.ids.reversed()) : Array(Self.ids)
            let first: Float = isSecond ? 3 : 1
            try store.write { batch in
                for id in ids {
                    let vector = [first, Float(id)] + (isSecond ? [1] : [])
                    try batch.put(vector, for: id, metadataJSON: Self.metadata(id))
                }
            }
            if isSecond { try store.compact(.rewrite) }
            return Store(store: store, watcher: try Connection(path + "/index.sqlite", .readOnly))
        }
    }

    private static let ids = Int64(-3)...12

    private static func metadata(_ id: Int64) -> String? {
        id == 5 ? nil : #"{"n":\#(id),"s":"t\#(id & 3)","list":[\#(id & 1),2,{"a b":null}],"é":1.5}"#
    }

    func run(_ input: [UInt8]) throws {
        guard let first = input.first else { return }
        let values = [SQLValue.integer(2), .text("t1"), .null, .real(0.5)].prefix(Int(first & 7))
        let text = String(decoding: input.dropFirst(), as: UTF8.self)
        let isJSON = first & 8 != 0
        guard let filter = try filter(text, Array(values), isJSON: isJSON) else { return }
        let answers = try stores.map { try answer($0, filter) }
        let isSteady = isJSON || !Self.unsteady.contains { text.lowercased().contains($0) }
        let isCancelled = answers.contains { $0 == .refused(.cancelled) }
        try expect(!isSteady || isCancelled || answers[0] == answers[1], "it reads more than it may: \(answers)")
        if isJSON, case .passed(let rows) = answers[0], case .passed(let others) = try answer(stores[0], !filter) {
            try expect((rows + others).sorted() == Array(Self.ids), "rows pass both or neither: \(rows), \(others)")
        }
    }

    /// Nil if the JSON is refused.
    private func filter(_ text: String, _ values: [SQLValue], isJSON: Bool) throws -> Filter? {
        if !isJSON { return Filter(sql: text, values: values) }
        do { return try Filter(json: text) } catch {
            try expect(error.code == .invalidFilter, "\(error.code): \(error)")
            return nil
        }
    }

    private enum Answer: Equatable {
        case passed([Int64])
        case refused(VectorStoreError.Code)
    }

    private func answer(_ store: Store, _ filter: Filter) throws -> Answer {
        let version = try version(store)
        let rows = try answer {
            var rows: [Int64] = []
            try store.store.forEach(where: filter, includingVectors: false) { row in
                try expect(row.metadataJSON == Self.metadata(row.id), "row \(row.id) has other metadata")
                rows.append(row.id)
            }
            return rows
        }
        if case .passed(let rows) = rows {
            try expect(rows == rows.sorted() && rows.allSatisfy(Self.ids.contains), "no such rows: \(rows)")
        }
        let query = Array(repeating: Float(1), count: try store.store.info.dimension)
        _ = try answer {
            try store.store.search(for: query, limit: 99, where: filter, options: .init(threads: 1)).map(\.id)
        }
        try expect(try self.version(store) == version, "it wrote")
        try expect(try store.store.count == Self.ids.count, "rows are gone")
        return rows
    }

    private func answer(_ body: () throws -> [Int64]) throws -> Answer {
        asked.count.store(0, ordering: .relaxed)
        do { return .passed(try body()) } catch let error as VectorStoreError {
            try expect([.invalidFilter, .cancelled].contains(error.code), "\(error.code): \(error)")
            return .refused(error.code)
        }
    }

    private func version(_ store: Store) throws -> SQLValue {
        var version = SQLValue.null
        try store.watcher.forEach("PRAGMA data_version") { row throws(VectorStoreError) in version = try row.value(0) }
        return version
    }
}
