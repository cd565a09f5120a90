import Testing

@testable import Lacuna

/// A connection that is told not to write refuses to, also in the middle of a transaction.
@Suite struct WithoutWritingTests {
    @Test func refusesChangesMeanwhile() throws {
        let scratch = try Scratch()
        try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1)).close()
        let connection = try rawConnection(scratch.index)
        let statements = [
            "INSERT OR REPLACE INTO metadata (id, json, checksum) VALUES (5, '{}', 0)", "DELETE FROM store",
        ]
        try connection.run("BEGIN IMMEDIATE")
        // The first statement runs once before, so that it was prepared while the connection could write.
        try connection.run(statements[0])
        try connection.withoutWriting {
            for statement in statements + ["CREATE TABLE other (x)"] {
                #expect(throws: VectorStoreError.self) { try connection.run(statement) }
            }
            let count = try connection.value("SELECT count(*) FROM metadata")
            #expect(count == 1)
        }
        try connection.run("UPDATE metadata SET checksum = 1")
        try connection.run("COMMIT")
        #expect(try connection.value("SELECT checksum FROM metadata") == 1)
        #expect(try connection.value("SELECT count(*) FROM store") == 1)
    }
}
