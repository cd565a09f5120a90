import LacunaMigrations
import TestSupport
import Testing

@testable import Lacuna

/// Turns a store into one of an earlier schema version: version 3 lacks the tables `model` and `reembedding`; version 2
/// has byte offsets and checksums in `vectors`, and no runs; version 1 also lacks the columns of `LogOrigin`, and has
/// zeros for the mark's token.
enum EarlierSchema {
    /// Changes a store that is closed; with `leavingLog`, its last commits are in a log, as after a kill.
    static func make(
        _ version: Int,
        of directory: String,
        _ fileSystem: any FileSystem = SystemFileSystem(),
        leavingLog: Bool = false
    ) throws {
        let index = directory + "/" + StorePaths.indexName
        let connection = try Connection(index, .readWrite)
        try connection.execute("PRAGMA synchronous = FULL")
        if version < StoreIndex.slotVersion {
            try makeOffsets(version, connection)
        } else {
            try connection.transaction { () throws(VectorStoreError) in try dropLaterTables(version, connection) }
        }
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if leavingLog {
            // A commit that only the log has, with a number of its own.
            try connection.run("UPDATE store SET commit_sequence = commit_sequence + 1")
        }
        if version == 1 { try clearToken(directory, fileSystem) }
        // Makes it durable that the log's name belongs to the new log.
        try fileSystem.sync(StorePaths(directory).directory)
    }

    private static func dropLaterTables(_ version: Int, _ connection: Connection) throws(VectorStoreError) {
        for name in IndexSchema.names(newSince: version) { try connection.execute("DROP TABLE \(name)") }
        try connection.execute("PRAGMA user_version = \(version)")
    }

    /// Gives the tables of version 1 or 2 to an index of the newest version.
    private static func makeOffsets(_ version: Int, _ connection: Connection) throws {
        let opened = StoreIndex(connection)
        let record = try opened.record()
        let runs = RunReader(opened, record)
        var rows: [[SQLValue]] = []
        try opened.forEachRow(record.generation) { id, slot throws(VectorStoreError) in
            guard let row = try runs.row(in: slot) else { return }
            rows.append([
                .integer(record.generation), id, .integer(record.layout.offset(slot)), .integer(Int64(row.checksum)),
            ])
        }
        let origin = version == 1 ? "" : ", log_base, log_token"
        let columns = "singleton, uuid, dimension, element, metric, id_kind, generation, next_generation, data_file"
        let counters = "commit_sequence, reader_epoch, live_rows\(origin)"
        try connection.transaction { () throws(VectorStoreError) in
            try connection.execute(
                """
                CREATE TEMP TABLE before AS SELECT * FROM store;
                CREATE TEMP TABLE journal AS SELECT * FROM compaction_journal;
                DROP TABLE store; DROP TABLE vectors; DROP TABLE compaction_journal;
                DROP VIEW vector_index; DROP VIEW dead_ranges; DROP VIEW space; DROP VIEW compaction_history;
                """
            )
            try dropLaterTables(version, connection)
            for statement in statements(version) { try connection.execute(statement) }
            try connection.execute(
                """
                INSERT INTO store (\(columns), next_offset, \(counters))
                SELECT \(columns), 4096 + next_slot * 4 * dimension, \(counters) FROM before;
                INSERT INTO compaction_journal SELECT * FROM journal;
                DROP TABLE before; DROP TABLE journal;
                """
            )
            for row in rows {
                try connection.run("INSERT INTO vectors (generation, id, offset, checksum) VALUES (?, ?, ?, ?)", row)
            }
        }
    }

    /// The statements of the migrations up to a version, except those whose objects are unchanged today.
    private static func statements(_ version: Int) -> [String] {
        var made: [String: String] = [:]
        for script in Migrations.scripts.prefix(version) {
            for statement in SQLToken.statements(of: script) {
                for make in ["CREATE TABLE ", "CREATE VIEW "] where statement.hasPrefix(make) {
                    made[String(statement.dropFirst(make.count).prefix { $0 != " " })] = statement
                }
            }
        }
        made["metadata"] = nil
        return made.values.sorted()
    }

    private static func clearToken(_ directory: String, _ fileSystem: any FileSystem) throws {
        let paths = try StorePaths(directory)
        var mark = try #require(try CommitMark.read(paths, SystemFileSystem()))
        mark.token = 0
        let descriptor = try fileSystem.open(StorePaths.writerLockName, in: paths.directory, .readWrite)
        defer { fileSystem.close(descriptor) }
        try unsafe mark.encoded().withUnsafeBytes { try unsafe fileSystem.writeAll(descriptor, $0, at: 0) }
        try fileSystem.sync(descriptor)
    }
}
