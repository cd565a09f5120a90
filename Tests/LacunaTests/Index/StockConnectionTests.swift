import Foundation
import Lacuna
import TestSupport
import Testing

/// What people can read and do with SQLite alone, while the store is open.
@Suite struct StockConnectionTests {
    let scratch: Scratch
    let store: VectorStore<String>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 3, metric: .euclidean))
        try store.write { batch in
            for row in 0..<10 { try batch.put([Float(row), 0, 0], for: "row-\(row)", metadataJSON: #"{"n":\#(row)}"#) }
        }
        try store.delete(["row-0", "row-4", "row-5", "row-9"])
    }

    @Test func theDatabaseSaysWhatItIs() throws {
        let connection = try rawConnection(scratch.index)
        #expect(try connection.value("PRAGMA auto_vacuum") == 2)
        // "Lacn"
        #expect(try connection.value("PRAGMA application_id") == 0x4C61_636E)
        #expect(try connection.value("PRAGMA user_version") == 5)
        #expect(try connection.value("PRAGMA journal_mode") == "wal")
        #expect(try connection.value("PRAGMA integrity_check") == "ok")
    }

    @Test(.enabled(if: Program.sqlite.isInstalled, "needs the sqlite3 shell"))
    func theShellReadsTheViews() throws {
        func shell(_ sql: String) throws -> String {
            let result = try Program.sqlite.run([scratch.index, sql])
            #expect(result.status == 0, "\(result.error)")
            return result.text
        }
        #expect(
            try shell("SELECT id, slot, byte_offset, byte_length FROM vector_index WHERE id = 'row-6'")
                == "row-6|6|4168|12\n"
        )
        #expect(
            try shell("SELECT first_slot, dead_rows, byte_offset, dead_bytes FROM dead_ranges")
                == "0|1|4096|12\n4|2|4144|24\n9|1|4204|12\n"
        )
        #expect(
            try shell("SELECT live_rows, dead_rows, live_bytes, dead_bytes, next_offset, fragmentation FROM space")
                == "6|4|72|48|4216|0.4\n"
        )
        #expect(try shell("SELECT count(*) FROM compaction_history") == "0\n")
        #expect(try shell("SELECT json ->> 'n' FROM metadata WHERE id = 'row-3'") == "3\n")
        try store.compact(.rewrite)
        #expect(try shell("SELECT id, slot FROM vector_index ORDER BY slot LIMIT 2") == "row-1|0\nrow-2|1\n")
        #expect(try shell("SELECT count(*) FROM dead_ranges") == "0\n")
        #expect(
            try shell("SELECT strategy, state, pending, source_file, target_file, rows_moved FROM compaction_history")
                == "rewrite|finished|0|vectors-1.f32|vectors-2.f32|6\n"
        )
    }

    /// The shell doesn't count commits; `PRAGMA data_version` shows that another program wrote.
    @Test func aRowDeletedBehindOurBackIsNoticed() throws {
        let query: [Float] = [0, 0, 0]
        #expect(
            try store.search(for: query, limit: 10).map(\.id) == ["row-1", "row-2", "row-3", "row-6", "row-7", "row-8"]
        )
        if Program.sqlite.isInstalled {
            let sql = "DELETE FROM vectors WHERE id = 'row-2'; DELETE FROM metadata WHERE id = 'row-2'"
            #expect(try Program.sqlite.run([scratch.index, sql]).status == 0)
        } else {
            try tamper(
                scratch.index,
                "DELETE FROM vectors WHERE id = 'row-2'",
                "DELETE FROM metadata WHERE id = 'row-2'"
            )
        }
        let left = ["row-1", "row-3", "row-6", "row-7", "row-8"]
        #expect(try store.search(for: query, limit: 10).map(\.id) == left)
        #expect(try store.search(for: query, limit: 10, where: "id <> 'x'").map(\.id) == left)
        #expect(try store.vector(for: "row-2") == nil)
        #expect(try store.ids() == left)
        // The messages say that there are fewer rows than counted, and that a slot is not marked as dead.
        #expect(try store.verify().indexMessages.count == 2)
        #expect(try store.compact(.rewrite).liveRows == 5)
        #expect(try store.count == 5)
        #expect(try store.verify().isSound)
        #expect(try store.search(for: query, limit: 10).map(\.id) == left)
    }

    /// If the shell leaves a transaction open, our write waits, and then fails with an error that says so; nothing is
    /// lost.
    @Test func aShellThatHoldsTheLockIsBusy() throws {
        let connection = try rawConnection(scratch.index)
        try connection.run("BEGIN IMMEDIATE")
        #expect(try store.count == 6)
        expectError(.busy) { try store.put([1, 2, 3], for: "new") }
        try connection.run("ROLLBACK")
        try store.put([1, 2, 3], for: "new")
        #expect(try store.count == 7)
    }
}
