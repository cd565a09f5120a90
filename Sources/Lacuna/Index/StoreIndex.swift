import CLacunaSQLite
import LacunaMigrations

/// The SQL of this schema, over one connection. Not thread-safe, as its connection isn't.
package final class StoreIndex {
    let connection: Connection
    /// Told of each row that this connection moves, where somebody wants to know.
    var changes: RowChanges?
    let statements = RowStatements()
    /// What the next update of the record says of its log.
    private var origin = LogOrigin(base: 0, token: 0)
    /// Whether the transaction has updated the record; how much the connection had changed when it began.
    private var hasUpdatedRecord = false
    private var changesBefore = 0
    private var hasVacuumed = false
    private var versionBefore = StoreIndex.schemaVersion
    /// As it was when the index was opened.
    private var schema: IndexSchema?
    /// The schema's version, as it was then.
    var version = StoreIndex.schemaVersion

    /// "Lacn": what file(1) and SQLite's `PRAGMA application_id` know a store by.
    static let applicationID: Int64 = 0x4c61_636e
    static var schemaVersion: Int { Migrations.scripts.count }

    init(_ connection: Connection) {
        self.connection = connection
        connection.useTablesOnly()
    }

    // MARK: Opening

    /// For reading, and nothing else; believes the log, since whoever opened the store has looked through it.
    static func openForReading(
        _ directory: Directory,
        _ mode: Connection.Mode,
        allowingEarlier: Bool = false
    ) throws(VectorStoreError) -> StoreIndex {
        let index = StoreIndex(try Connection(StorePaths.indexName, in: directory, mode))
        guard try index.isCreated() else { throw noSchema(directory) }
        if !allowingEarlier { try index.checkIsMigrated() }
        return index
    }

    /// Readers read the newest schema only.
    func checkIsMigrated() throws(VectorStoreError) {
        if !isOutdated { return }
        throw VectorStoreError(
            .needsMigration,
            "the store has schema version \(version), and only version \(Self.schemaVersion) can be read"
        )
    }

    static func noSchema(_ directory: Directory) -> VectorStoreError {
        let path = directory.path(StorePaths.indexName)
        return VectorStoreError(.notAStore, "\(path) is a database without a schema, and so no store's")
    }

    /// Makes a file with the schema and its one record in it, in the mode that has a log, but no log. Nothing is synced.
    static func create(
        _ name: String,
        in directory: Directory,
        _ record: StoreRecord
    ) throws(VectorStoreError) {
        let index = StoreIndex(try Connection(name, in: directory, .create))
        // A file that is half made is thrown away, and a whole one synced by the caller.
        try index.connection.run("PRAGMA journal_mode = MEMORY")
        try index.connection.run("PRAGMA synchronous = OFF")
        // Only before the first page is written; later it would take rewriting the database.
        try index.connection.run("PRAGMA auto_vacuum = INCREMENTAL")
        try index.connection.transaction { () throws(VectorStoreError) in
            try index.connection.execute("PRAGMA application_id = \(applicationID)")
            try index.makeSchema()
            try index.insert(record)
        }
        try index.useLog()
    }

    /// False for a database without any schema. From then on our tables may be read: they are what they should be.
    func isCreated() throws(VectorStoreError) -> Bool {
        try connection.snapshot { () throws(VectorStoreError) in
            guard try isOfKnownVersion() else { return false }
            let version = try pragma("user_version")
            let schema = try IndexSchema(connection, version: version)
            try schema.check()
            self.schema = schema
            self.version = Int(version)
            versionBefore = self.version
            return true
        }
    }

    /// Of an index that was found to be created: whether changing rows evaluates nothing but what is ours, and, where rows are
    /// to be put, not too much of other people's.
    func checkForWriting(counting: Bool = true) throws(VectorStoreError) {
        try ExtraIndex.checkForWriting(schema?.extraIndexes ?? [], counting: counting)
    }

    private func isOfKnownVersion() throws(VectorStoreError) -> Bool {
        let application = try pragma("application_id")
        let version = try pragma("user_version")
        if application == 0 && version == 0 {
            let hasObjects = try connection.prepareLoadingSchema("SELECT 1 FROM sqlite_schema LIMIT 1").step()
            if !hasObjects { return false }
        }
        guard application == Self.applicationID else {
            throw VectorStoreError(.notAStore, "index.sqlite is another program's database")
        }
        guard version <= Self.schemaVersion else {
            throw VectorStoreError(
                .newerFormat,
                "the store has schema version \(version), and this Lacuna knows none after \(Self.schemaVersion)"
            )
        }
        guard version >= 1 else { throw .damaged("the index's schema version is \(version)") }
        return true
    }

    private func useLog() throws(VectorStoreError) {
        // Somebody may have taken the mode away, and a rollback journal on disk is refused: the two bytes of the header that
        // change lie in one sector.
        if try journalMode("") != "wal" { _ = try journalMode("= MEMORY") }
        // The pragma answers with the mode that holds, and keeps the old one without an error where it can't change it.
        guard try journalMode("= WAL") == "wal" else {
            throw VectorStoreError(
                .ioError,
                "SQLite can't use a write-ahead log here",
                remedy: "put the store on a local file system"
            )
        }
    }

    private func journalMode(_ setting: String) throws(VectorStoreError) -> String? {
        try connection.first("PRAGMA journal_mode \(setting)") { row throws(VectorStoreError) in try row.text(0) }
    }

    func configureWriter() throws(VectorStoreError) {
        try useLog()
        for setting in [
            PlantedBug.logNotSynced.isPlanted ? "synchronous = NORMAL" : "synchronous = FULL", "fullfsync = ON",
            "checkpoint_fullfsync = ON", "cell_size_check = ON",
            "cache_size = -16384", "journal_size_limit = 33554432", "temp_store = FILE",
        ] {
            try connection.run("PRAGMA \(setting)")
        }
        connection.checkpointsItself()
    }

    /// Whether the schema is of an older version.
    var isOutdated: Bool { version < Self.schemaVersion }
    /// Whether it is of one that had byte offsets in place of slots.
    var isOfOffsets: Bool { version < Self.slotVersion }
    static let slotVersion = 3

    /// Makes what all migrations together leave, in an empty database; the caller's transaction commits it.
    ///
    /// Nothing is made that is dropped again. So tables have their first pages in the order of the schema, as `VACUUM` lays them:
    /// what a log says of the table `store` is found in an older copy of the database too.
    private func makeSchema() throws(VectorStoreError) {
        var made: [(name: String, statement: String)] = []
        for statement in Migrations.scripts.flatMap(SQLToken.statements) {
            let words = statement.split(maxSplits: 5) { " (".contains($0) }.map { $0.filter { $0 != "\"" } }
            switch (words[0], words[1], words[2]) {
            case ("CREATE", "TABLE", let name), ("CREATE", "VIEW", let name), ("CREATE", "INDEX", let name):
                made.append((name, statement))
            case ("DROP", _, let name): made.removeAll { $0.name == (name == "IF" ? words[4] : name) }
            default: continue
            }
        }
        for (_, statement) in made { try connection.execute(statement) }
        try connection.execute("PRAGMA user_version = \(Self.schemaVersion)")
    }

    func pragma(_ name: String) throws(VectorStoreError) -> Int64 {
        try connection.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
    }

    // MARK: The record

    func record() throws(VectorStoreError) -> StoreRecord {
        let columns = isOfOffsets ? StoreRecord.earlierColumns : StoreRecord.columns
        let record = try connection.first("SELECT \(columns) FROM store") { row throws(VectorStoreError) in
            try StoreRecord(row)
        }
        guard let record else { throw .damaged("the index's table `store` is empty") }
        return record
    }

    private func insert(_ record: StoreRecord) throws(VectorStoreError) {
        try connection.run(
            """
            INSERT INTO store (singleton, \(StoreRecord.columns), log_base, log_token) \
            VALUES (1\(String(repeating: ", ?", count: 13)), 0, 0)
            """,
            [
                .text(record.uuid), .integer(Int64(record.dimension)), .text(record.metric.rawValue),
                .text(record.idKind.rawValue), .integer(record.generation), .integer(record.nextGeneration),
                .text(record.dataFile), .integer(Int64(record.nextSlot.number)), .integer(record.commitSequence),
                .integer(record.readerEpoch), .integer(record.liveRows), .integer(record.moved),
                .text(record.layout.element.rawValue),
            ]
        )
    }

    /// The number of the commit that the transaction will be: `record` was read in it.
    func sequence(after record: StoreRecord) -> Int64 { record.commitSequence + (hasUpdatedRecord ? 0 : 1) }

    /// Writes what may change, under the number of the commit that the transaction will be.
    func update(_ record: StoreRecord) throws(VectorStoreError) {
        try connection.run(
            """
            UPDATE store SET generation = ?, next_generation = ?, data_file = ?, next_slot = ?, reader_epoch = ?, \
            live_rows = ?, commit_sequence = ?, moved = ?, log_base = ?, log_token = ?
            """,
            [
                .integer(record.generation), .integer(record.nextGeneration), .text(record.dataFile),
                .integer(Int64(record.nextSlot.number)), .integer(record.readerEpoch), .integer(record.liveRows),
                .integer(sequence(after: record)), .integer(record.moved), .integer(origin.base),
                .integer(Int64(origin.token)),
            ]
        )
        hasUpdatedRecord = true
    }

    /// Gives the transaction a number, and changes nothing else.
    func raiseSequence() throws(VectorStoreError) {
        if !isOfOffsets { return try update(record()) }
        let origin = version < 2 ? "" : ", log_base = \(origin.base), log_token = \(origin.token)"
        try connection.run("UPDATE store SET commit_sequence = commit_sequence + 1\(origin)")
        hasUpdatedRecord = true
    }

    /// A transaction begins whose commit says this of its log.
    func begin(_ origin: LogOrigin) {
        self.origin = origin
        versionBefore = version
        hasUpdatedRecord = false
        hasVacuumed = false
        changesBefore = connection.totalChanges
    }

    /// The transaction was committed, or rolled back: then the schema has the version that it had before.
    func end(isCommitted: Bool) {
        if isCommitted { versionBefore = version } else { version = versionBefore }
    }

    /// Whether the transaction has changed anything, and not the record.
    var hasUnnumberedChanges: Bool {
        !hasUpdatedRecord && (hasVacuumed || connection.totalChanges != changesBefore)
    }

    /// Some free pages went back to the file system, which SQLite counts as no change.
    func noteVacuum() { hasVacuumed = true }

    /// Writes the database anew, with nothing in it but what it holds: what was deleted is in none of its pages any more,
    /// once the log is emptied. O(index) time, and that much disk twice: a temporary file, and the log.
    ///
    /// The temporary file bounds the memory. SQLite puts it among the system's, and removes its name at once. Other people's
    /// indexes are made anew too: no value that one of them computes may be longer than the database.
    func rebuild() throws(VectorStoreError) {
        let longest = Int32(clamping: max(1 << 20, try pragma("page_count") * pragma("page_size")))
        let result = connection.limited([(SQLITE_LIMIT_LENGTH, longest)]) {
            Result { () throws(VectorStoreError) in try connection.execute("VACUUM") }
        }
        do { try result.get() } catch {
            guard error.code == .diskFull else { throw error }
            throw error.within(
                "the index can't be written anew",
                remedy: """
                    \(error.remedy); the temporary directory \(TemporaryFiles.sqliteDirectory) needs room for a copy of the \
                    index, too: if that is full, \(.otherTemporaryDirectory)
                    """
            )
        }
    }
}
