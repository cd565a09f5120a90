import Foundation
import Lacuna
import TestSupport
import Testing

/// A prepared store leads to an exit status that says so, and neither to a crash nor to a hang.
@Suite struct HostileStoreTests {
    private func tamper(_ store: String, _ statements: String...) throws {
        let connection = try Connection(store + "/index.sqlite", .readWrite)
        connection.checkpointsOnClose(true)
        for statement in statements { try connection.run(statement) }
    }

    @Test(.timeLimit(.minutes(40)), arguments: ["store", "vectors", "metadata", "compaction_journal"])
    func anEndlessView(_ name: String) throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try tamper(
            store,
            "DROP TABLE \(name)",
            "CREATE VIEW \(name) AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
        )
        for command in ["stats", "verify", "list", "map", "compact", "recover"] {
            try fail(command == "verify" ? 1 : 76, command, store)
        }
        try fail(76, "report", store, "--html", directory / "report.html")
        #expect([0, 76].contains(try lacuna(["recover", store, "--salvage", directory / "saved.jsonl"]).status))
    }

    @Test func anIndexThatIsRefused() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try tamper(store, "CREATE UNIQUE INDEX by_n ON metadata (json ->> 'n')")
        for words in [["delete", store, "1"], ["compact", store], ["recover", store]] {
            try lacuna(words).expectFailure(76, saying: "DROP INDEX \"by_n\"")
        }
        try succeed("verify", store)
        try succeed("get", store, "2")
        try tamper(store, "DROP INDEX by_n", "CREATE INDEX by_n ON metadata (json ->> 'n')")
        try succeed("delete", store, "1")
    }

    @Test(.timeLimit(.minutes(40))) func aSparseFileOfTwoThousandMillionMillionRows() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "1", "--metric", "euclidean")
        try Fixture.npy(directory / "s.npy", 10, dimension: 1)
        try succeed("import", store, directory / "s.npy")
        let end = 4_096 + 4 << 41
        let file = try #require(FileHandle(forUpdatingAtPath: store + "/vectors-1.f32"))
        try file.truncate(atOffset: UInt64(end))
        try file.close()
        try tamper(store, "UPDATE store SET next_slot = \((end - 4_096) / 4)")
        for command in ["stats", "map"] { try succeed(command, store) }
        try succeed("report", store, "--html", directory / "report.html")
        try succeed("compact", store, "--dry-run")
        try succeed("erase", store, "3")
        try succeed("compact", store, "--strategy", "punch")
        try succeed("compact", store, "--strategy", "in-place")
        try succeed("verify", store)
        #expect(try Fixture.rowCount(store) == 9)
    }
}
