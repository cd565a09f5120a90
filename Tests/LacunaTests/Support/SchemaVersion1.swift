import LacunaMigrations
import Testing

@testable import Lacuna

/// A store as the version of Lacuna left it that knew schema version 1: without the columns of `LogOrigin`, and with zeros for
/// the mark's token.
enum SchemaVersion1 {
    /// The statement by which version 1 made its table `store`.
    static var table: String {
        let script = String(decoding: Migrations.scripts[0], as: UTF8.self)
        return script.split(separator: ";").first { $0.contains("CREATE TABLE store") }.map { $0 + ";" } ?? ""
    }

    /// Changes a store that is closed; with `leavingLog`, its last commits are in a log, as after a kill.
    static func make(
        of directory: String,
        _ fileSystem: any FileSystem = SystemFileSystem(),
        leavingLog: Bool = false
    ) throws {
        let index = directory + "/" + StorePaths.indexName
        let connection = try Connection(index, .readWrite)
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.transaction { () throws(VectorStoreError) in
            try connection.execute(
                """
                CREATE TEMP TABLE before AS SELECT \(StoreRecord.columns) FROM store;
                DROP TABLE store;
                \(table)
                INSERT INTO store (singleton, element, \(StoreRecord.columns)) SELECT 1, 'float32', * FROM before;
                DROP TABLE before;
                PRAGMA user_version = 1;
                """
            )
        }
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if leavingLog {
            // A commit that only the log has: what was put last has a number of its own.
            try connection.run("UPDATE store SET commit_sequence = commit_sequence + 1")
        }
        let paths = try StorePaths(directory)
        var mark = try #require(try CommitMark.read(paths, SystemFileSystem()))
        mark.token = 0
        let descriptor = try fileSystem.open(StorePaths.writerLockName, in: paths.directory, .readWrite)
        defer { fileSystem.close(descriptor) }
        try unsafe mark.encoded().withUnsafeBytes { try unsafe fileSystem.writeAll(descriptor, $0, at: 0) }
        try fileSystem.sync(descriptor)
    }
}
