import Foundation
import Lacuna
import Synchronization
import TestSupport
import Testing

/// A filter that would take for ever, or more memory than there is, is ended or refused. Any read that takes long can
/// be cancelled.
@Suite(.timeLimit(.minutes(40))) struct FilterLimitTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        try store.write { batch in
            for id in Int64(0)..<5_000 { try batch.put([1, Float(id)], for: id, metadataJSON: #"{"n":\#(id)}"#) }
        }
        try store.close()
    }

    /// For each row of the store, a cross join has 10^15 rows: that takes a month at least.
    static let endless: String = {
        let digits = "[0,1,2,3,4,5,6,7,8,9]"
        let tables = (0..<15).map { "json_each('\(digits)') AS t\($0)" }.joined(separator: ", ")
        return "(SELECT count(*) FROM \(tables) WHERE t0.value + t14.value > 0) > 0"
    }()

    /// A closure that answers no the first `calls` times and counts the calls.
    private final class Patience: Sendable {
        private let asked = Atomic(0)
        private let calls: Int
        init(_ calls: Int) { self.calls = calls }
        var count: Int { asked.load(ordering: .relaxed) }
        func isOver() -> Bool { asked.add(1, ordering: .relaxed).newValue > calls }
    }

    private static func cancelThisTask() { unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() } }

    private func open(_ access: VectorStoreAccess, _ isCancelled: @escaping @Sendable () -> Bool) throws
        -> VectorStore<Int64>
    {
        try .open(at: scratch.store, access: access, options: .init(shouldCancel: isCancelled))
    }

    // MARK: Cancelling

    @Test(arguments: [VectorStoreAccess.readOnly, .readWrite])
    func anEndlessFilterIsCancelled(_ access: VectorStoreAccess) throws {
        let patience = Patience(50)
        let store = try open(access, patience.isOver)
        expectError(.cancelled) { try store.forEach(where: Filter(sql: Self.endless)) { _ in } }
        #expect(patience.count == 51)
        expectError(.cancelled) { try store.search(for: [1, 2], limit: 3, where: Filter(sql: Self.endless)) }
        #expect(patience.count == 52)
        // The handle can still be used.
        var found: [Int64] = []
        try store.forEach(where: "id = 7") { found.append($0.id) }
        #expect(found == [7])
        #expect(try store.count == 5_000)
    }

    @Test func whateverTakesLongIsCancelledAndNothingElse() throws {
        let store = try open(.readWrite) { true }
        expectError(.cancelled) { try store.forEach { _ in } }
        expectError(.cancelled) { try store.ids() }
        expectError(.cancelled) { try store.verify() }
        expectError(.cancelled) { try store.space }
        // Short reads, even very many of them, and all writes are not cancelled.
        for id in Int64(0)..<5_000 {
            let (row, json) = try store.read { try ($0.vector(for: id), $0.metadataJSON(for: id)) }
            #expect(row == [1, Float(id)] && json == #"{"n":\#(id)}"#)
        }
        try store.put([1, 2], for: -1)
        #expect(try store.delete(Array(0..<4_000)) == 4_000)
        try store.compact(.rewrite)
        try store.close()
        let sound = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).verify()
        #expect(sound.isSound && sound.rows == 1_001)
    }

    /// One step may be a search through a long text, so a filter asks after few steps.
    @Test(arguments: [("json_valid(value)", 100), ("value NOT LIKE 'x'", 10), ("instr(value, 'x') = 0", 10)])
    func longStepsAreFewBetweenTwoQuestions(_ condition: String, _ steps: Int) throws {
        let patience = Patience(1_000_000)
        let store = try open(.readOnly, patience.isOver)
        let rows = 3_000
        let list = "[\((0..<rows).map(String.init).joined(separator: ","))]"
        let filter = "id = 1 AND (SELECT count(*) FROM json_each(?) WHERE \(condition)) >= 0"
        #expect(try store.ids(where: filter, [.text(list)]) == [1])
        // Each row of the list takes a step at least.
        #expect(patience.count >= rows / steps)
    }

    @Test func aTaskThatWasCancelledReadsNothingThatTakesLong() async throws {
        let store = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try await Task {
            Self.cancelThisTask()
            try Self.read(store)
            await #expect(throws: CancellationError.self) { try await store.contains(1) }
        }.value
        #expect(try await store.search(for: [0, 1], limit: 5).count == 5)
    }

    /// Blocks the task's thread.
    private static func read(_ store: VectorStore<Int64>) throws {
        expectError(.cancelled) { try store.forEach(where: Filter(sql: endless)) { _ in } }
        for id in Int64(0)..<5_000 { #expect(try store.contains(id)) }
    }

    @Test func aTaskThatIsCancelledMeanwhileStopsReading() async throws {
        let patience = Patience(50)
        let store = try open(.readOnly) {
            if patience.isOver() { Self.cancelThisTask() }
            return false
        }
        await Task { _ = expectError(.cancelled) { try store.forEach(where: Filter(sql: Self.endless)) { _ in } } }
            .value
        #expect(patience.count == 51)
    }

    // MARK: Memory

    static let tooMuch = [
        "metadata LIKE '\(String(repeating: "%a", count: 501))'",
        "metadata GLOB '\(String(repeating: "a", count: 1_001))'",
        nestedSums(levels: 12, terms: 4), nestedSums(levels: 3, terms: 80),
        // A byte order mark hid the keyword.
        nestedSums(levels: 12, terms: 4).replacing("SELECT", with: "\u{FEFF}SELECT"),
        "id = 1 OR " + nestedSums(levels: 12, terms: 4),
        commonTables(24), "/* WITH */ EXISTS (with a AS (SELECT 1) SELECT 1 FROM a)",
        "(SELECT \(sum(of: "1", 200)) AS a FROM json_each('[1]') WHERE \(sum(of: "a", 200))) > 0",
        sum(of: "metadata LIKE '\(String(repeating: "a", count: 101))'", 20),
        sum(of: "instr(metadata, '\(String(repeating: "a", count: 101))')", 20),
        sum(of: "trim(metadata, '\(String(repeating: "a", count: 101))')", 20),
        nestedOrders(levels: 5), "(\(sum(of: "1", 8_000)))" + String(repeating: " BETWEEN 0 AND 1", count: 4),
        (0..<4).reduce("(\(sum(of: "1", 8_000)))") { inner, _ in "CASE \(inner) WHEN 1 THEN 2 END" },
        (0..<4).reduce("id IN (\(Array(repeating: "1", count: 16_000).joined(separator: ",")))") { inner, _ in
            "(1 = \(inner) BETWEEN 0 AND 1)"
        },
        // These have one more than the limits allow.
        sum(of: "abs(1)", 257), sum(of: ":a", 257), sum(of: "'{}' ->> 'a'", 257), sum(of: "(SELECT 1)", 257),
        sum(of: "CAST(1 AS INT)", 257), sum(of: "CASE WHEN 1 THEN 1 END", 257), sum(of: "json_each('[]')", 17),
        "(SELECT count(*) FROM \(Array(repeating: "json_each('[]')", count: 17).joined(separator: ","))) = 0",
        "'a'" + String(repeating: "||'a'", count: 17) + " > ''",
        sum(of: "strftime('%Y')", 17), sum(of: "json_extract('{}', '$.a', '$.b')", 17),
        String(repeating: "(", count: 201) + "1" + String(repeating: ")", count: 201),
        String(repeating: "id = 1 AND ", count: 200) + "1", "max(1, 2, 3, 4, 5, 6, 7, 8, 9) = 9",
        "EXISTS (SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)",
        "id = 1 --" + String(repeating: "-", count: 65_536 - 8),
    ]

    /// The sum is balanced, so it isn't deep.
    private static func sum(of term: String, _ count: Int) -> String {
        count == 1 ? term : "(\(sum(of: term, count / 2))+\(sum(of: term, count - count / 2)))"
    }

    /// SQLite copies each level's result for each of its terms.
    private static func nestedOrders(levels: Int) -> String {
        let ones = Array(repeating: "1", count: 16).joined(separator: ",")
        return (0..<levels).reduce("1") { inner, _ in "(SELECT \(inner) FROM json_each('[1]') ORDER BY \(ones))" }
    }

    /// The terms of each sum are the sum inside it.
    private static func nestedSums(levels: Int, terms: Int) -> String {
        let sum = Array(repeating: "a", count: terms).joined(separator: "+")
        return (0..<levels).reduce("(SELECT 1 AS a FROM json_each('[1]'))") { inner, _ in
            "(SELECT \(sum) AS a FROM \(inner))"
        }
            + " > 0"
    }

    /// Each table refers twice to the one before.
    private static func commonTables(_ count: Int) -> String {
        let tables = (1..<count).map { ", t\($0) AS (SELECT p.x FROM t\($0 - 1) AS p, t\($0 - 1) AS q)" }.joined()
        return "(WITH t0 AS (SELECT 1 AS x)\(tables) SELECT count(*) FROM t\(count - 1)) > 0"
    }

    @Test(arguments: tooMuch) func whatWouldFillTheMemoryIsRefused(_ filter: String) throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        expectError(.invalidFilter, filter) { try store.forEach(where: Filter(sql: filter)) { _ in } }
        expectError(.invalidFilter, filter) { try store.search(for: [1, 2], limit: 3, where: Filter(sql: filter)) }
        #expect(try store.count == 5_000)
    }

    static let inReason = [
        "EXISTS (SELECT 1 FROM json_each(metadata) AS a WHERE a.value IN (SELECT value FROM json_each('[1, 2]')))",
        "metadata ->> 'WITH' IS NULL AND id = 1 /* WITH */ -- WITH",
        "id = 1 AND 'it''s (SELECT' <> \"metadata\" AND [id] = 1 AND `id` = 1",
        // These have as much as the limits allow.
        sum(of: "abs(1)", 256) + "= 256 AND id = 1", String(repeating: "id = 1 AND ", count: 190) + "1",
        "(SELECT count(*) FROM \(Array(repeating: "json_each('[1]')", count: 16).joined(separator: ","))) = id",
        String(repeating: "id BETWEEN 1 AND 2 AND ", count: 190) + "1",
        sum(of: "(metadata NOT LIKE '\(String(repeating: "a", count: 100))')", 20) + "= 20 AND id = 1",
        "id IN (\((0..<12_000).map(String.init).joined(separator: ",")))",
        "id = 1 --" + String(repeating: "-", count: 65_536 - 9),
    ]

    @Test(arguments: inReason) func whatIsInReasonIsTaken(_ filter: String) throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try store.search(for: [1, 2], limit: 9_000, where: Filter(sql: filter)).map(\.id).contains(1))
    }

    /// A filter can look for an id in a list of any length, which is passed as one value.
    @Test func aLongListIsOneValue() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let list = "[\((0..<200_000).map { String($0 * 2) }.joined(separator: ","))]"
        let error = expectError(.invalidFilter) { try store.ids(where: "id IN (\(list.dropFirst().dropLast()))") }
        #expect(error?.remedy.description.contains("id IN (SELECT value FROM json_each(?))") == true)
        let ids = try store.ids(where: "id IN (SELECT value FROM json_each(?))", [.text(list)])
        #expect(ids == (0..<2_500).map { Int64($0 * 2) })
    }

    /// Other people's tables may have more columns than a filter may, even if this connection hasn't seen them yet.
    @Test func aWideTableOfSomebodyElseIsNoneOfTheFilters() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try store.ids(where: "id = 3") == [3])
        let columns = (0..<40).map { "c\($0)" }.joined(separator: ",")
        try Connection(scratch.store + "/index.sqlite", .readWrite).execute("CREATE TABLE wide (\(columns))")
        #expect(try store.ids(where: "id = 3") == [3])
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).ids(where: "id = 3") == [3])
    }

    /// SQLite substitutes the term that a column is equal to, unless it is kept from it. The filter passes the same
    /// rows either way.
    @Test func manyConditionsOnOneColumnPassTheSameRows() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let many = (0..<190).map { "id = \($0 * 7)" }.joined(separator: " OR ")
        #expect(try store.ids(where: many) == (0..<190).map { Int64($0 * 7) })
        #expect(try store.ids(where: "id = 8 AND " + String(repeating: "id < 9 AND ", count: 150) + "1") == [8])
        #expect(try store.ids(where: "id = 8 AND " + String(repeating: "id < 8 AND ", count: 150) + "1") == [])
    }

    /// The time to check a filter grows no faster than the filter's length.
    @Test func aLongFilterIsLookedThroughOnce() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let half = 1 << 12
        for text in [
            String(repeating: "(", count: half) + "1" + String(repeating: ")", count: half),
            String(repeating: "(SELECT ", count: half) + "1" + String(repeating: ")", count: half),
            String(repeating: "/*", count: half), String(repeating: "'", count: half + 1),
        ] {
            expectError(.invalidFilter) { try store.ids(where: text) }
        }
    }

    /// Metadata and the values of a filter may be as long as SQLite allows.
    @Test func longMetadataAndValuesPassTheFilter() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store)
        let long = String(repeating: "x", count: 3 << 20)
        expectError(.invalidFilter) { try store.ids(where: "length(? || ?) > 0", [.text(long), .text(long)]) }
        expectError(.invalidFilter) { try store.ids(where: "instr(?, ?) = 0", ["a", .text(long)]) }
        #expect(try store.ids(where: "id = 3 AND ? <> ''", [.text(long)]) == [3])
        try store.setMetadataJSON("{\"s\":\"\(long)\"}", for: 2)
        #expect(try store.ids(where: "metadata ->> 's' = ?", [.text(long)]) == [2])
        #expect(try store.ids(where: "length(metadata ->> 's') = \(long.count)") == [2])
    }
}

extension VectorStore where ID == Int64 {
    fileprivate func ids(where filter: String, _ values: [SQLValue] = []) throws -> [Int64] {
        var ids: [Int64] = []
        try forEach(where: Filter(sql: filter, values: values), includingVectors: false) { ids.append($0.id) }
        return ids
    }
}
