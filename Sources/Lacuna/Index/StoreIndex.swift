import LacunaMigrations

/// The SQL of this schema, over one connection. Not thread-safe, as its connection isn't.
package final class StoreIndex {
    let connection: Connection
    /// The log's frames when it was last copied.
    private var checkpointedFrames = 0

    private static let checkpointFrames = 1_000
    private static let longLogFrames = 4_000
    private static let readersMilliseconds: Int32 = 20

    /// "Lacn": what file(1) and SQLite's `PRAGMA application_id` know a store by.
    static let applicationID: Int64 = 0x4c61_636e
    static var schemaVersion: Int { Migrations.scripts.count }

    init(_ connection: Connection) { self.connection = connection }

    // MARK: Opening

    /// For the writing process: migrates an older schema, refuses a newer one untouched.
    static func openForWriting(_ path: String) throws(VectorStoreError) -> StoreIndex {
        let index = StoreIndex(try Connection(path, .readWrite))
        guard try index.isCreated() else { throw unfinished(path) }
        try index.configureWriter()
        try index.migrate()
        return index
    }

    /// For reading, and nothing else.
    static func openForReading(_ path: String, _ mode: Connection.Mode) throws(VectorStoreError) -> StoreIndex {
        let index = StoreIndex(try Connection(path, mode))
        try index.connection.run("PRAGMA query_only = ON")
        guard try index.isCreated() else { throw unfinished(path) }
        return index
    }

    private static func unfinished(_ path: String) -> VectorStoreError {
        VectorStoreError(
            .notAStore,
            "\(path) has no schema: the store's creation was interrupted; create it again at the same path"
        )
    }

    /// Makes the schema and its one record in a single transaction: the commit point of a store's creation.
    static func create(_ path: String, _ record: StoreRecord) throws(VectorStoreError) -> StoreIndex {
        let index = StoreIndex(try Connection(path, .create))
        guard try !index.isCreated() else {
            throw VectorStoreError(.alreadyExists, "\(path) holds a store already; open it, or choose another path")
        }
        // Only before the first page is written; later it would take rewriting the database.
        try index.connection.run("PRAGMA auto_vacuum = INCREMENTAL")
        try index.configureWriter()
        try index.connection.transaction { () throws(VectorStoreError) in
            try index.connection.execute("PRAGMA application_id = \(applicationID)")
            try index.runMigrations(from: 0)
            try index.insert(record)
        }
        return index
    }

    /// Whether the file is a database without any schema, which an interrupted creation leaves.
    static func isBlank(_ path: String) throws(VectorStoreError) -> Bool {
        do { return try !StoreIndex(try Connection(path, .readWrite)).isCreated() } catch {
            if [.notAStore, .newerFormat, .damaged].contains(error.code) { return false }
            throw error
        }
    }

    /// False for a database without any schema: an interrupted creation's.
    func isCreated() throws(VectorStoreError) -> Bool {
        let application = try pragma("application_id")
        let version = try pragma("user_version")
        if application == 0 && version == 0 {
            let objects = try connection.first("SELECT count(*) FROM sqlite_schema") { $0.integer(0) }
            if objects == 0 { return false }
        }
        guard application == Self.applicationID else {
            throw VectorStoreError(.notAStore, "index.sqlite is another program's database; check the path")
        }
        guard version <= Self.schemaVersion else {
            throw VectorStoreError(
                .newerFormat,
                "the store has schema version \(version), this Lacuna reads up to \(Self.schemaVersion); upgrade Lacuna"
            )
        }
        guard version >= 1 else { throw .damaged("the index's schema version is \(version)") }
        return true
    }

    private func configureWriter() throws(VectorStoreError) {
        // The pragma answers with the mode that holds, and keeps the old one without an error where it can't change it.
        let mode = try connection.first("PRAGMA journal_mode = WAL") { row throws(VectorStoreError) in
            try row.text(0)
        }
        guard mode == "wal" else {
            throw VectorStoreError(
                .ioError,
                "SQLite can't use a write-ahead log here; put the store on a local file system"
            )
        }
        for setting in [
            PlantedBug.logNotSynced.isPlanted ? "synchronous = NORMAL" : "synchronous = FULL", "fullfsync = ON",
            "checkpoint_fullfsync = ON", "cell_size_check = ON",
            "cache_size = -16384", "journal_size_limit = 16777216", "temp_store = MEMORY",
        ] {
            try connection.run("PRAGMA \(setting)")
        }
        connection.checkpointsItself()
    }

    private func migrate() throws(VectorStoreError) {
        guard try pragma("user_version") < Self.schemaVersion else { return }
        if PlantedBug.migrationInParts.isPlanted { return try runMigrations(from: Int(try pragma("user_version"))) }
        try connection.transaction { () throws(VectorStoreError) in
            try runMigrations(from: Int(try pragma("user_version")))
        }
    }

    private func runMigrations(from version: Int) throws(VectorStoreError) {
        for script in Migrations.scripts.dropFirst(version) {
            try connection.execute(String(decoding: script, as: UTF8.self))
        }
        try connection.execute("PRAGMA user_version = \(Self.schemaVersion)")
    }

    func pragma(_ name: String) throws(VectorStoreError) -> Int64 {
        try connection.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
    }

    // MARK: The record

    func record() throws(VectorStoreError) -> StoreRecord {
        let record = try connection.first("SELECT \(StoreRecord.columns) FROM store") { row throws(VectorStoreError) in
            try StoreRecord(row)
        }
        guard let record else { throw .damaged("the index's table `store` is empty") }
        return record
    }

    private func insert(_ record: StoreRecord) throws(VectorStoreError) {
        try connection.run(
            "INSERT INTO store (singleton, element, \(StoreRecord.columns)) VALUES (1, 'float32'\(String(repeating: ", ?", count: 11)))",
            [
                .text(record.uuid), .integer(Int64(record.dimension)), .text(record.metric.rawValue),
                .text(record.idKind.rawValue), .integer(record.generation), .integer(record.nextGeneration),
                .text(record.dataFile), .integer(record.nextOffset), .integer(record.commitSequence),
                .integer(record.readerEpoch), .integer(record.liveRows),
            ]
        )
    }

    /// Writes what may change, under the next commit sequence number.
    func update(_ record: StoreRecord) throws(VectorStoreError) {
        try connection.run(
            """
            UPDATE store SET generation = ?, next_generation = ?, data_file = ?, next_offset = ?, reader_epoch = ?, \
            live_rows = ?, commit_sequence = ?
            """,
            [
                .integer(record.generation), .integer(record.nextGeneration), .text(record.dataFile),
                .integer(record.nextOffset), .integer(record.readerEpoch), .integer(record.liveRows),
                .integer(record.commitSequence + 1),
            ]
        )
    }

    /// Whether commits are in the log that the database doesn't have yet, for all that is known here.
    func hasLog() throws(VectorStoreError) -> Bool {
        // A passive checkpoint waits for nobody, and tells how many frames the log holds: -1 where another program is at it.
        try connection.first("PRAGMA wal_checkpoint(PASSIVE)") { $0.integer(1) } ?? 0 != 0
    }

    /// Copies the log into the database and cuts it as far as readers allow, without waiting for anybody; whether all of it
    /// is in the database, and it is cut to nothing.
    @discardableResult
    func emptyLog() throws(VectorStoreError) -> Bool {
        try connection.waiting(milliseconds: 0) { () throws(VectorStoreError) in
            // That somebody else is at the log is an answer here, and no error.
            try connection.first("PRAGMA wal_checkpoint(TRUNCATE)") { $0.integer(0) } == 0
        }
    }

    /// Between commits: copies the log into the database every few megabytes of it, so that the next commit can begin it
    /// anew. Where unbroken reading keeps it from that, no reader is in the way for long: they are waited for.
    func keepLogShort() throws(VectorStoreError) {
        if connection.logFrames < checkpointedFrames { checkpointedFrames = 0 }
        guard connection.logFrames - checkpointedFrames >= Self.checkpointFrames else { return }
        let isLong = connection.logFrames >= Self.longLogFrames
        _ = try connection.waiting(milliseconds: isLong ? Self.readersMilliseconds : 0) { () throws(VectorStoreError) in
            try connection.checkpoint(isLong ? .restart : .passive)
        }
        checkpointedFrames = connection.logFrames
    }

    /// Writes the database anew, with nothing in it but what it holds: what was deleted is in none of its pages any more,
    /// once the log is emptied. O(index) time, and that much disk twice: a temporary file, and the log.
    ///
    /// The temporary file bounds the memory. SQLite puts it among the system's, and removes its name at once. Scripts and
    /// no cached statements: the setting takes effect when it is prepared.
    func rebuild() throws(VectorStoreError) {
        try connection.execute("PRAGMA temp_store = FILE")
        let result = Result { () throws(VectorStoreError) in try connection.execute("VACUUM") }
        try connection.execute("PRAGMA temp_store = MEMORY")
        try result.get()
    }
}
