import CLacunaSQLite
import Lacuna
import Testing

/// The highest cost of a filter. Each test has a process of its own, so SQLite counts no other memory. These filters
/// are the worst of 6,000 random ones and 200 made on purpose; docs/security.md has the figures.
@Suite(.timeLimit(.minutes(40))) struct FilterCostTests {
    /// The sum is balanced, so it isn't deep.
    private static func sum(of term: String, _ count: Int) -> String {
        count == 1 ? term : "(\(sum(of: term, count / 2))+\(sum(of: term, count - count / 2)))"
    }

    private static func list(of term: String, _ count: Int) -> String {
        Array(repeating: term, count: count).joined(separator: ",")
    }

    /// Each column is equal to a sum of conditions on the one before.
    private static func chain(columns: Int, mentions: Int) -> String {
        let tables = (0..<columns).map { "json_each('[1]') AS t\($0)" }.joined(separator: ", ")
        let conditions = (1..<columns).map { "t\($0).value = \(sum(of: "(t\($0 - 1).value = 1)", mentions))" }
        return "EXISTS (SELECT 1 FROM \(tables) WHERE t0.value = 1 AND \(conditions.joined(separator: " AND ")))"
    }

    /// These filters are, or were, expensive to compile: SQLite substitutes the terms that columns are equal to.
    private static let longOnes = [
        "id = (1 IN (\(list(of: "1", 32_700)))) AND id = metadata", "id IN (\(list(of: "-1", 21_800)))",
        sum(of: "~~~~~~~~1", 5_400), sum(of: "NOT 1", 8_000),
        "metadata = (\(sum(of: "1", 100))) AND id = (\(sum(of: "metadata", 25))) AND (\(sum(of: "id", 25)))",
        "metadata = (\(sum(of: "1", 100))) AND id = (\(sum(of: "metadata", 60))) AND (\(sum(of: "id", 60)))",
        "id = \(sum(of: "1", 5_000)) AND \(sum(of: "(id = 1)", 2_500))",
        "EXISTS (SELECT 1 FROM json_each('[1]') WHERE value = \(sum(of: "1", 5_000)) AND \(sum(of: "(value = 1)", 2_500)))",
        chain(columns: 10, mentions: 4),
        "(\(sum(of: "1", 4_000)))" + String(repeating: " BETWEEN 0 AND 1", count: 3),
    ]

    /// These filters are expensive to run on metadata of 1 MiB: they need many texts at once, or tables of JSON.
    private static let wideOnes = [
        sum(of: "lower(metadata ->> 'text')", 120), "metadata ->> 'text' IN (\(list(of: "metadata ->> 'text'", 250)))",
        "(SELECT count(*) FROM \(list(of: "json_tree(lacuna_row.metadata, '$.none')", 16))) = 0",
        "EXISTS (SELECT 1 FROM \(list(of: "json_tree(lacuna_row.metadata)", 16)))",
    ]

    private static func bytes(of filter: String, _ store: VectorStore<Int64>) throws -> Int64 {
        let before = sqlite3_memory_used()
        sqlite3_memory_highwater(1)
        try store.forEach(where: Filter(sql: filter), includingVectors: false) { _ in }
        return sqlite3_memory_highwater(0) - before
    }

    @Test func compilingTakesAtMost32MiB() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            let scratch = try Scratch()
            let store = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
            try await store.put([1], for: 1, metadataJSON: #"{"n":1}"#)
            for filter in FilterCostTests.longOnes {
                let bytes = try FilterCostTests.bytes(of: filter, store)
                print("\(Double(bytes >> 10) / 1024) MiB to compile \(filter.prefix(60))")
                #expect(bytes <= 32 << 20, "\(filter.prefix(60))")
            }
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
    }

    @Test func runningTakesAMultipleOfTheLongestMetadata() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            let scratch = try Scratch()
            let store = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
            let text = String(repeating: "x", count: 1 << 19)
            let numbers = Array(repeating: "0", count: 1 << 18).joined(separator: ",")
            try await store.put([1], for: 1, metadataJSON: #"{"text":"\#(text)","list":[\#(numbers)]}"#)
            for filter in FilterCostTests.wideOnes {
                let bytes = try FilterCostTests.bytes(of: filter, store)
                print("\(Double(bytes >> 10) / 1024) MiB to run \(filter.prefix(60))")
                #expect(bytes <= 256 << 20, "\(filter.prefix(60))")
            }
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
    }
}
