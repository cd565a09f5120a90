import Foundation
import Lacuna
import Testing

/// What typed filters and filters in JSON mean: the table in docs/searching.md, case by case.
@Suite(.timeLimit(.minutes(40))) struct FilterFieldTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    /// The id of a row is its place here; the last one has no metadata.
    private static let rows: [String?] = [
        #"{"v": 1}"#, #"{"v": 1.0}"#, #"{"v": "1"}"#, #"{"v": true}"#, #"{"v": false}"#, #"{"v": null}"#,
        #"{"v": [1, "a", null, true, [2]]}"#, #"{"v": {"w": 1, "x.y": 2}}"#, #"{"v": "ab"}"#, #"{"v": ""}"#,
        #"{"v": -3e2}"#, #"{"w": 1}"#, nil,
    ]

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1))
        try store.write { batch in
            for (id, json) in Self.rows.enumerated() { try batch.put([1], for: Int64(id), metadataJSON: json) }
        }
    }

    private func check(_ filter: Filter, _ ids: [Int64], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let others = Self.rows.indices.map { Int64($0) }.filter { !ids.contains($0) }
        #expect(try store.ids(where: filter) == ids, sourceLocation: sourceLocation)
        #expect(try store.ids(where: !filter) == others, sourceLocation: sourceLocation)
        #expect(try store.count(where: filter) == ids.count, sourceLocation: sourceLocation)
        let (count, found) = try store.read { try ($0.count(where: filter), $0.ids(where: filter)) }
        #expect(count == ids.count && found == ids, sourceLocation: sourceLocation)
    }

    private func check(
        _ filter: Filter,
        _ json: String,
        _ ids: [Int64],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try check(filter, ids, sourceLocation: sourceLocation)
        let filter = try Filter(json: json)
        #expect(try store.ids(where: filter) == ids, sourceLocation: sourceLocation)
    }

    @Test func aComparisonIsOfOneKind() throws {
        try check(.field("v") == 1, #"{"v": 1}"#, [0, 1])
        try check(.field("v") == 1.0, #"{"v": {"$eq": 1e0}}"#, [0, 1])
        try check(.field("v") == "1", #"{"v": "1"}"#, [2])
        try check(.field("v") == true, #"{"v": true}"#, [3])
        try check(.field("v") == false, #"{"v": {"$eq": false}}"#, [4])
        try check(.field("v").isNull, #"{"v": null}"#, [5])
        try check(.field("v") == Int?.none, [5])
        try check(.field("v") == "[1,\"a\",null,true,[2]]", [])
        try check(.field("v") < 2, #"{"v": {"$lt": 2}}"#, [0, 1, 10])
        try check(.field("v") <= "ab", #"{"v": {"$lte": "ab"}}"#, [2, 8, 9])
        try check(.field("v") > -1e9, #"{"v": {"$gt": -1e9}}"#, [0, 1, 10])
        try check(.field("v") >= "1", #"{"v": {"$gte": "1"}}"#, [2, 8])
        try check(.field("v") < true, [])
        try check(.field("v") >= Int?.none, [])
        try check(.field("v") <= Double.nan, [])
        try check(.field("v") == Double.nan, [])
        try check(.field("v").between(-300, 1), #"{"v": {"$gte": -300, "$lte": 1}}"#, [0, 1, 10])
        try check(.field("v").between("1", "b"), [2, 8])
        try check(.field("v").between(0, "b"), [])
        try check(.field("v").hasPrefix("a"), [8])
        try check(.field("v").hasPrefix(""), [2, 8, 9])
    }

    @Test func aListMayHaveValuesOfSeveralKinds() throws {
        let values: [FilterScalar] = [.integer(1), .text("ab"), .boolean(true), .null]
        try check(.field("v").in(values), #"{"v": {"$in": [1, "ab", true, null]}}"#, [0, 1, 3, 5, 8])
        try check(!.field("v").in(["1", ""]), #"{"v": {"$nin": ["1", ""]}}"#, [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12])
        try check(.field("v").in([Int]()), #"{"v": {"$in": []}}"#, [])
        try check(.field("v").in(Array(-300...20_000)), [0, 1, 10])
        try check(.field("v").in((0...500).map { "\($0)" }), [2])
    }

    @Test func whatIsNotThere() throws {
        try check(.field("v").exists, #"{"v": {"$exists": true}}"#, Array(0...10))
        try check(!.field("v").exists, #"{"v": {"$exists": false}}"#, [11, 12])
        try check(.field("v") != 1, #"{"v": {"$ne": 1}}"#, Array(2...12))
        try check(.field("v") != 1 && .field("v").exists, Array(2...10))
        try check(!(.field("v") < 2), #"{"v": {"$not": {"$lt": 2}}}"#, [2, 3, 4, 5, 6, 7, 8, 9, 11, 12])
        try check(!.field("v").isNull && .field("v").exists, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10])
    }

    @Test func arraysAndObjects() throws {
        try check(.field("v").contains(1), #"{"v": {"$contains": 1}}"#, [6])
        try check(.field("v").contains("a") && .field("v").contains(true), [6])
        try check(.field("v").contains(Int?.none), #"{"v": {"$contains": null}}"#, [6])
        try check(.field("v").contains(2), [])
        try check(.field("v").contains("[2]"), [])
        try check(.field("v", "w") == 1, #"{"v.w": 1}"#, [7])
        try check(.field("v", "x.y") == 2, #"{"v.\"x.y\"": 2}"#, [7])
        try check(.field("v", "x", "y").exists, #"{"v.x.y": {"$exists": true}}"#, [])
        try check(.field("v", "0").exists, [])
    }

    @Test func theIDOfTheRow() throws {
        try check(.id == 3, #"{"id": 3}"#, [3])
        try check(.id < 2, #"{"id": {"$lt": 2}}"#, [0, 1])
        try check(.field("id").in([1, 5, 99]), #"{"id": {"$in": [1, 5, 99]}}"#, [1, 5])
        try check(.id.between(3, 4.5), [3, 4])
        try check(.id == "3", #"{"id": "3"}"#, [])
        try check(.id.hasPrefix("3") || .id.isNull || .id.contains(3) || .id == true, [])
        try check(.id.exists && .id != 12, Array(0...11))
    }

    /// A key is never read as a path or as SQL, and is found however the metadata spell it.
    @Test(arguments: [
        "a.b", "$.a", "[0]", "a[0]", "'", "\"", "\\", "\\\"", "' OR 1 --", "\"') OR (1) --", "$.\"a\" = 1 OR 1 --", "",
        " ",
        "?", ":a", "\u{E9}", "e\u{301}", "\u{1F600}", "a\nb", "/", "0", "2024", "#-1", "$", "--", "*/", "a\u{7F}b",
    ])
    func keys(_ key: String) throws {
        func json(_ members: (String, Int)...) throws -> String {
            let pairs = try members.map { key, value in
                "\(String(decoding: try JSONEncoder().encode(key), as: UTF8.self)):\(value)"
            }
            return "{\(pairs.joined(separator: ","))}"
        }
        let escaped = key.utf16.map { String(format: "\\u%04x", $0) }.joined()
        let isPlain = key.utf8.allSatisfy { "a.b$ 0124#-:".utf8.contains($0) } && !key.isEmpty
        try store.setMetadataJSON(try json(("a", 5), (key, 7), ("b", 5)), for: 0)
        try store.setMetadataJSON(isPlain ? nil : "{\"\(escaped)\":7,\"inside\":{\"\(escaped)\":[7]}}", for: 1)
        try store.setMetadataJSON("{\"inside\":\(try json(("c", 1), (key, 7)))}", for: 2)
        let both: [Int64] = isPlain ? [0] : [0, 1]
        try check(.field(key) == 7, both)
        try check(.field(key) == 5, [])
        try check(.field("inside", key) == 7, [2])
        try check(.field("inside", key).contains(7), isPlain ? [] : [1])
        try check(.field(key, "inside").exists, [])
        try check(.field(key, key, key).contains(7), [])
        let name = key.replacing("\"", with: "\"\"")
        let quoted = String(decoding: try JSONEncoder().encode("\"\(name)\""), as: UTF8.self)
        try check(.field(key).between(6, 8), "{\(quoted): {\"$gte\": 6, \"$lte\": 8}}", both)
    }

    @Test func valuesAreNeverSQL() throws {
        for text in ["' OR 1 --", "\" OR 1 --", "1) OR (1", "?", "%", "\0", "\\"] {
            try check(.field("v") == text, [])
            try check(.field("v").hasPrefix(text) || .field("v").in([text]) || .field("v").contains(text), [])
        }
    }

    @Test func textsAndIDsOfOtherStores() throws {
        let texts = try VectorStore<String>.create(
            at: scratch.path + "/texts.lacuna",
            configuration: .init(dimension: 1)
        )
        let uuid = UUID()
        for id in ["7", "007", "10", "9", "\u{E9}"] {
            try texts.put([1], for: id, metadataJSON: #"{"owner":"\#(uuid)"}"#)
        }
        let filters: [(Filter, [String])] = [
            (.id == 7, []), (.id == "7", ["7"]), (.id < "10", ["007"]), (.id == "e\u{301}", []),
            // The metadata have the text in capitals.
            (.field("owner") == uuid, []), (.field("owner") == uuid.uuidString && .id > "9", ["\u{E9}"]),
        ]
        for (filter, ids) in filters { #expect(try texts.ids(where: filter) == ids) }
        let uuids = try VectorStore<UUID>.create(at: scratch.path + "/uuids.lacuna", configuration: .init(dimension: 1))
        try uuids.put([1], for: uuid)
        try uuids.put([1], for: UUID(), metadataJSON: #"{"at":"2026-01-31T08:00:01.500Z"}"#)
        let found = try uuids.ids(where: .id.in([uuid, UUID()]))
        #expect(found == [uuid])
        let after = try uuids.count(where: .field("at") > Date(timeIntervalSince1970: 1_769_846_401.499))
        let later = try uuids.count(where: .field("at") >= Date(timeIntervalSince1970: 1_769_846_401.501))
        #expect(after == 1 && later == 0)
    }

    /// Filters of any form may be combined, and a typed filter keeps within the limits for all.
    @Test func limits() throws {
        try check(.field("v") == 1 && "id > \(0)", [1])
        try check(try .field("v") == 1 || Filter(json: #"{"id": 12}"#) && Filter(sql: "metadata IS NULL"), [0, 1, 12])
        let first: Filter = .field("v") == 1
        let many = (1..<128).reduce(first) { $0 || .field("key \($1)") == $1 }
        try check(many, [0, 1])
        expectError(.invalidFilter) { try store.count(where: many || .field("one more") == 1) }
        let contains: Filter = .field("v").contains(1)
        let lists = (1..<16).reduce(contains) { $0 || .field("key \($1)").contains($1) }
        try check(lists, [6])
        expectError(.invalidFilter) { try store.count(where: lists || .field("one more").contains(1)) }
    }

    @Test(arguments: [
        (#"{"v": {"$like": 1}}"#, "`$like` of `v`"), (#"{"v": {"w": 1}}"#, "`v.w`"), (#"{"$nor": []}"#, "`$nor`"),
        (#"{"$eq": 1}"#, "`$eq`"), (#"{"v": {"$in": 1}}"#, "`$in` of `v`"), (#"{"v": {"$in": [[1]]}}"#, "`$in` of `v`"),
        (#"{"v": {"$lt": true}}"#, "`$lt` of `v`"), (#"{"v": {"$gte": null}}"#, "`$gte` of `v`"),
        (#"{"v": {"$exists": 1}}"#, "`$exists` of `v`"), (#"{"v": {"$eq": {}}}"#, "`$eq` of `v`"),
        (#"{"v": {"$contains": []}}"#, "`$contains` of `v`"), (#"{"v": {"$not": 1}}"#, "`$not` of `v`"),
        (#"{"v": {}}"#, "`v`"), (#"{"v": [1]}"#, "`v`"), (#"{"$and": {}}"#, "`$and`"), (#"{"$or": []}"#, "`$or`"),
        (#"{"$or": [1]}"#, "`$or`"), (#"{"$not": []}"#, "`$not`"), ("[]", "no JSON object"), ("1", "no JSON object"),
        (#"{"a..b": 1}"#, "`a..b`"), (#"{"": 1}"#, "empty name"), (#"{".a": 1}"#, "`.a`"), (#"{"a.": 1}"#, "`a.`"),
        (#"{"\"a": 1}"#, "quote"), (#"{"\"a\"b": 1}"#, "quote"), ("", "byte 1"), ("{", "byte 2"), (#"{"a"}"#, "byte 5"),
        (#"{"a":1,}"#, "byte 8"), (#"{"a":1}x"#, "byte 8"), (#"{"a":01}"#, "byte 8"), (#"{"a":.5}"#, "byte 6"),
        (#"{"a":1.}"#, "byte 8"), (#"{"a":+1}"#, "byte 6"), (#"{"a":nul}"#, "byte 6"), (#"{"a":NaN}"#, "byte 6"),
        (#"{"a":1,"a":2}"#, "`a` is there twice"), (#"{"a":1,"\u0061":2}"#, "`a` is there twice"),
        (#"{"a":"\x"}"#, "byte 7"), ("{\"a\":\"\n\"}", "byte 7"), (#"{"a":"\u12"}"#, "byte 7"),
        (#"{"a":"\ud800"}"#, "byte 7"), (#"{"a":"\udc00"}"#, "byte 7"), (#"{"a":"\ud83d\ud83d\ude00"}"#, "byte 7"),
        (#"{"a":"b"#, "doesn't end"),
        (#"{'a':1}"#, "byte 2"), (#"{"a":1e}"#, "byte 8"), (#"{"a":-}"#, "byte 7"), (#"{"a" 1}"#, "byte 6"),
        (String(repeating: #"{"$not":"#, count: 300), "nested"),
        ("{\"a\":\"\(String(repeating: "x", count: 70_000))\"}", "long"),
    ])
    func wrongJSON(_ json: String, _ place: String) {
        let error = expectError(.invalidFilter, json) { try Filter(json: json) }
        #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
    }

    @Test func rightJSON() throws {
        try check("1", " { } ", Array(0...12))
        try check(.field("v") == 1 && .id > 0, "{\"v\" :\t1 ,\r\n\"id\": {\"$gt\": 0, \"$ne\": 7}}", [1])
        try check(
            (.field("v") == 1 || .field("w") == 1) && !(.id == 1),
            #"{"$or": [{"v": 1}, {"w": 1}], "$not": {"$and": [{"id": 1}, {}]}}"#,
            [0, 11]
        )
        try check(.field("v") == "\u{1F600}", #"{"v": "\ud83d\uDE00"}"#, [])
        try check(.field("v") > 0.5, #"{"\u0076": {"$gt": 5e-1}}"#, [0, 1])
        try check(.field("v") < 99_999_999_999_999_999_999.0, #"{"v": {"$lt": 99999999999999999999}}"#, [0, 1, 10])
    }
}
