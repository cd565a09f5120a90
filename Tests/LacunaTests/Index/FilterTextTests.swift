import Foundation
import Lacuna
import Testing

/// Values that are interpolated into a filter are bound, and texts that are combined stay apart.
@Suite(.timeLimit(.minutes(40))) struct FilterTextTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1))
        try store.write { batch in
            for id in Int64(1)...9 {
                let json = #"{"n":\#(id),"s":"t\#(id % 3)","even":\#(id % 2 == 0)}"#
                try batch.put([1], for: id, metadataJSON: id == 9 ? nil : json)
            }
        }
    }

    private func expect(_ filter: Filter, _ ids: [Int64], sourceLocation: SourceLocation = #_sourceLocation) throws {
        var found: [Int64] = []
        try store.forEach(where: filter, includingVectors: false) { found.append($0.id) }
        #expect(found == ids, sourceLocation: sourceLocation)
        let matches = try store.search(for: [1], limit: 9, where: filter)
        #expect(matches.map(\.id).sorted() == ids, sourceLocation: sourceLocation)
    }

    private func expectRefusal(_ filter: Filter, sourceLocation: SourceLocation = #_sourceLocation) -> VectorStoreError?
    {
        expectError(.invalidFilter, sourceLocation: sourceLocation) { try store.forEach(where: filter) { _ in } }
    }

    // MARK: Interpolation

    @Test func valuesOfAllTypesAreBound() throws {
        try expect("id = \(3)", [3])
        try expect("id = \(Int8(3)) OR id = \(UInt64(4)) OR id = \(Int64(5)) OR id = \(UInt16(6))", [3, 4, 5, 6])
        try expect("id < \(UInt64.max) AND id > \(7.5)", [8, 9])
        try expect("id > \(Float(7.5)) AND metadata ->> 's' = \("t2")", [8])
        try expect("metadata ->> 'even' = \(true)", [2, 4, 6, 8])
        let none: Int? = nil
        let some: Int? = 4
        try expect("metadata ->> 'n' = \(none)", [])
        try expect("metadata ->> 'n' IS \(none)", [9])
        try expect("metadata ->> 'n' = \(some)", [4])
        let value = SQLValue.text("t1")
        try expect("metadata ->> 's' = \(value) AND id > \(FilterScalar.integer(4))", [7])
        let uuid = try #require(UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"))
        try store.setMetadataJSON(#"{"owner":"e621e1f8-c36c-495a-93fc-0c247a3e6e5f"}"#, for: 9)
        try expect("metadata ->> 'owner' = \(uuid)", [9])
    }

    /// Variables need no conversion, in an interpolation or in a list of values.
    @Test func variablesAreBoundAsTheyAre() throws {
        struct Event: Codable { var made: Date, owner: UUID, name: String, done: Bool, size: Double }
        let event = Event(made: Date(), owner: UUID(), name: "it's", done: true, size: 0.1)
        let (id, none): (Int64, Int?) = (7, nil)
        try store.setMetadata(event, for: id)
        let conditions = "metadata ->> 'made' = ? AND metadata ->> 'owner' = ? AND metadata ->> 'name' = ?"
        let values: [any FilterValue] = [event.made, event.owner, event.name, event.done, event.size, id, none]
        let more = " AND metadata ->> 'done' = ? AND metadata ->> 'size' = ? AND id = ? AND metadata ->> 'n' IS ?"
        try expect(Filter(sql: conditions + more, values: values), [id])
        try expect(
            .field("made") == event.made && .field("owner") == event.owner && .field("name") == event.name
                && .field("done") == event.done && .field("size") == event.size && .id == id,
            [id]
        )
    }

    @Test(arguments: [
        (1_769_846_401.5, "2026-01-31T08:00:01.500Z"), (0, "1970-01-01T00:00:00.000Z"),
        (-0.001, "1969-12-31T23:59:59.999Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"), (1_767_225_599.9999, "2026-01-01T00:00:00.000Z"),
        (-62_167_219_200, "0000-01-01T00:00:00.000Z"), (253_402_300_799.999, "9999-12-31T23:59:59.999Z"),
        (-1e12, "0000-01-01T00:00:00.000Z"), (.infinity, "9999-12-31T23:59:59.999Z"),
    ])
    func datesAreTextsInUTC(_ seconds: Double, _ text: String) {
        #expect(Date(timeIntervalSince1970: seconds).filterScalar == .text(text))
    }

    @Test func daysAreThoseOfTheCalendar() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for day in stride(from: -719_000, to: 2_932_000, by: 97) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + 3_723)
            // Foundation's calendar is Julian before 1582.
            if date < Date(timeIntervalSince1970: -12_219_292_800) { continue }
            let parts = calendar.dateComponents([.year, .month, .day], from: date)
            let text = String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
            #expect(date.filterScalar == .text(text + "T01:02:03.000Z"))
        }
    }

    @Test func aListIsTheRightSideOfIn() throws {
        try expect("id IN \([3, 5, 100])", [3, 5])
        try expect("id IN (\([3, 5, 100]))", [3, 5])
        try expect("id NOT IN \(Array(1...7)) AND metadata ->> 's' IN (\(["t1", "t2"]))", [8])
        try expect("id IN \([Int]())", [])
        try expect("metadata ->> 's' IN \(["\"]', '[\\\n", "t0"])", [3, 6])
        try expect("id IN \(Array(1...200_000)) AND id > 7", [8, 9])
        let reals: [Double] = [.infinity, -.infinity, .nan, 1e300, 2]
        try expect("id IN \(reals)", [2])
        for filter: Filter in ["id = \([3])", "id = (\([3]))", "\([1]) = id", "id IN (1, \([3]))", "id IN (\([3]), 1)"]
        {
            _ = expectRefusal(filter)
        }
    }

    @Test func aValueIsNeverReadAsSQL() throws {
        for text in ["' OR 1 --", "1) OR (1", "?", "'", "\"", "x' UNION SELECT 1 --", "\0", "é\u{301}"] {
            try store.setMetadataJSON(nil, for: 5)
            try expect("metadata ->> 's' = \(text)", [])
            if text != "\0" {
                let json = String(decoding: try JSONEncoder().encode(["s": text]), as: UTF8.self)
                try store.setMetadataJSON(json, for: 5)
                try expect("metadata ->> 's' = \(text)", [5])
            }
        }
    }

    /// A value in quotes, in a comment or inside of a word isn't a value.
    @Test func aValueInTheWrongPlaceIsRefused() {
        let remedy = expectRefusal("metadata ->> 's' LIKE '\("t")%'")?.remedy.description
        #expect(remedy?.contains("without quotes") == true)
        for filter: Filter in [
            "id = 'x\(1)'", "\"\(1)\" = id", "id = 1\(2)", "id\(2) = 1", "id = ?\(1)", "id = ? OR id = \(1)",
            "id = \(1) OR id = ?", "id = \(1) /* \(2) */", "metadata ->> '\("s")' = 't1'", "metadata ->> \("s") = 't1'",
        ] {
            _ = expectRefusal(filter)
        }
    }

    // MARK: Combining

    @Test func combinations() throws {
        let small: Filter = "id < 5"
        let second: Filter = "metadata ->> 's' = 't2'"
        try expect(small && second, [2])
        try expect(small || second, [1, 2, 3, 4, 5, 8])
        try expect(!small, [5, 6, 7, 8, 9])
        try expect(!(small || second) && "id <> 7", [3, 6, 9].filter { $0 > 5 })
        try expect(small && second || "id = 9" && !second, [2, 9])
        try expect((small || second) && (second || "id = 9") && !("id = 5" as Filter), [2, 8])
        // What is NULL for a row doesn't pass, and its negation does.
        try expect(!second, [1, 3, 4, 6, 7, 9])
        try expect(!(!second), [2, 5, 8])
        try expect(!(second && "id > 2"), [1, 2, 3, 4, 6, 7, 9])
        let chain = (0..<190).reduce("id > 0" as Filter) { filter, _ in filter && "id < 3" }
        try expect(chain, [1, 2])
        let deep = (0..<190).reduce("id > 7" as Filter) { filter, count in count % 2 == 0 ? !filter : filter && "1" }
        _ = expectRefusal(deep && deep)
    }

    /// Each text has parameters of its own, whatever they are called.
    @Test func parametersOfCombinedTexts() throws {
        let named = Filter(sql: "id = :a OR id = :b OR id = :a + 2", values: [1, 2])
        let numbered = Filter(sql: "id = ?2 OR id = ?1 OR id = ?", values: [4, 5, 6])
        let plain = Filter(sql: "id = ? AND id < ?", values: [8, 100])
        let again = Filter(sql: "id = :a", values: [9])
        try expect(named || numbered || plain || again, Array(1...9).filter { $0 != 7 })
        try expect(again || plain || numbered || named, Array(1...9).filter { $0 != 7 })
        try expect((named || "id IN \([7, 8])" || numbered) && !again && "id <> \(8)", [1, 2, 3, 4, 5, 6, 7])
        for sql in ["id = ?0", "id = ?1", "id = ?", "id = :a", "id = ?99999999999999999999"] {
            _ = expectRefusal(plain && Filter(sql: sql))
            _ = expectRefusal(Filter(sql: sql) && plain)
        }
        _ = expectRefusal(plain && Filter(sql: "1", values: [1]))
        // One value too many here doesn't make up for one too few there.
        _ = expectRefusal(Filter(sql: "id = ?", values: [1, 2]) && Filter(sql: "id = ? OR id = ?", values: [1]))
    }

    /// A text that closes a bracket of ours, or hides one, isn't an expression by itself.
    @Test(arguments: ["1) OR (1", "1) --", "1 /*", "1 -- \n) OR (1", ") OR (", "id = 1 OR", "'", "1, 1", ""])
    func aTextCannotReachBeyondItself(_ sql: String) {
        let mine: Filter = "id = \(1)"
        let theirs = Filter(sql: sql)
        for filter in [mine && theirs, theirs && mine, mine || theirs, !theirs, theirs && theirs] {
            _ = expectRefusal(filter)
        }
    }

    @Test func aCommentEndsWithItsText() throws {
        try expect(Filter(sql: "id < 5 -- and more") && Filter(sql: "id > 2 /* or not */"), [3, 4])
    }

    /// The limits hold for all texts together.
    @Test func manyTextsAreLimitedAsOne() throws {
        func joined(_ sql: String, _ count: Int) -> Filter {
            (1..<count).reduce(Filter(sql: sql)) { filter, _ in filter || Filter(sql: sql) }
        }
        try expect(joined("EXISTS (SELECT 1 FROM json_each('[]'))", 16), [])
        _ = expectRefusal(joined("EXISTS (SELECT 1 FROM json_each('[]'))", 17))
        try expect(joined("abs(abs(id)) = 2", 128), [2])
        _ = expectRefusal(joined("abs(abs(id)) = 2", 129))
        _ = expectRefusal(joined("id = 1 --" + String(repeating: "-", count: 33_000), 2))
        let pattern = String(repeating: "a", count: 200)
        try expect(joined("metadata LIKE '\(pattern)'", 10), [])
        _ = expectRefusal(joined("metadata LIKE '\(pattern)'", 11))
    }

    @Test func equalFiltersAreSpelledAlike() {
        let id = 5
        #expect("id = \(id)" as Filter == "id = \(5)")
        #expect("id = \(id)" as Filter != "id = \(6)")
        #expect("id = \(1)" as Filter != "id = \("1")")
        #expect(Filter(sql: "id = '\u{E9}'") != Filter(sql: "id = 'e\u{301}'"))
        #expect("id = \("\u{E9}")" as Filter != "id = \("e\u{301}")")
        #expect("id = \(0.0)" as Filter != "id = \(-0.0)")
        #expect("id IN \([1, 2])" as Filter == "id IN \([1, 2])")
        #expect("id IN \([1, 2])" as Filter != "id IN \([1, 3])")
        #expect(!("id = 1" as Filter) != "id = 1")
    }
}
