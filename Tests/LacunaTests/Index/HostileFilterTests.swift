import TestSupport
import Testing

@testable import Lacuna

/// Filters whose text or values are made to break something.
@Suite struct HostileFilterTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func store() throws -> VectorStore<String> {
        let store = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: 2, metric: .dot))
        for id in ["a", "b"] { try store.put([1, 2], for: id, metadataJSON: #"{"name": "\#(id)"}"#) }
        return store
    }

    @Test(
        "a number of a value that nobody gave is refused, however large",
        arguments: [
            "?0 = ?", "?0 = :a", "?9223372036854775807 = ?", "?99999999999999999999 = :a", "?1048576 = 1", "?2 = 1",
        ]
    )
    func numbersOfValues(sql: String) throws {
        let store = try store()
        expectError(.invalidFilter) { try store.count(where: Filter(sql: sql, values: [1])) }
        expectError(.invalidFilter) { try store.count(where: Filter(sql: sql) && "id = \("a")") }
    }

    @Test("a list passes no text that begins like one of its own, up to U+0000")
    func listsWithNUL() throws {
        let store = try store()
        #expect(try store.delete(where: "id IN \(["a\u{0}b", "c"])") == 0)
        #expect(try store.count(where: "id NOT IN \(["a\u{0}b"])") == 2)
        let many = (0..<200).map { "a\u{0}\($0)" }
        #expect(try store.count(where: .field("name").in(many)) == 0)
        #expect(try store.ids(where: "id IN \(["a\u{0}b", "b"])") == ["b"])
    }

    @Test("a key of too many names is refused before its SQL is written")
    func longKeys() throws {
        let names = [String](repeating: "é", count: 16)
        #expect(try store().count(where: Filter(json: #"{"\#(names.joined(separator: "."))": 1}"#)) == 0)
        let long = [String](repeating: "é", count: 10_000).joined(separator: ".")
        expectError(.invalidFilter) { try Filter(json: #"{"\#(long)": {"$gt": 1, "$lt": 2}}"#) }
    }
}
