import CLacunaSQLite
import LacunaMigrations

/// The SQL of this schema, over one connection. Not thread-safe, as its connection isn't.
package final class StoreIndex {
    /// Declared before the connection, so that they are freed first: the connection closes with its last statement.
    let statements = KeptStatements()
    let connection: Connection
    /// Learns of each id whose slot this connection changes, if there is a cache of ids.
    var changes: RowChanges?
    /// The statements for the text index that were used last.
    var textIndexStatements: TextIndexStatements?
    /// Whether SQLite has FTS5, once that was tried.
    var knownFTS5: Bool?
    /// The tables of our indexes' entries, if this connection only reads.
    var indexTables = IndexTables()
    /// The facts about the log that the next update of the record writes.
    private var origin = LogOrigin(base: 0, token: 0)
    /// Whether the transaction has updated the record, and the connection's count of changes when it began.
    private var hasUpdatedRecord = false
    private var changesBefore = 0
    private var hasVacuumed = false
    private var versionBefore = StoreIndex.schemaVersion
    /// The schema when the index was opened.
    private var schema: IndexSchema?
    /// The schema's version.
    var version = StoreIndex.schemaVersion

    /// "Lacn", by which file(1) and SQLite's `PRAGMA application_id` recognize a store.
    static let applicationID: Int64 = 0x4c61_636e
    static var schemaVersion: Int { Migrations.scripts.count }

    init(_ connection: Connection) {
        self.connection = connection
        connection.useTablesOnly()
    }

    // MARK: Opening

    /// Opens the index for reading only. Believes the log, which was checked when the store was opened.
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

    /// Makes a file with the schema and the record, in WAL mode, but without a log. Nothing is synced.
    static func create(
        _ name: String,
        in directory: Directory,
        _ record: StoreRecord,
        model: EmbeddingModel?,
        wantsCodes: Bool
    ) throws(VectorStoreError) {
        let index = StoreIndex(try Connection(name, in: directory, .create))
        // A file that isn't complete is thrown away, and the caller syncs a complete one.
        try index.connection.run("PRAGMA journal_mode = MEMORY")
        try index.connection.run("PRAGMA synchronous = OFF")
        // This works only before the first page is written; later it would mean rewriting the database.
        try index.connection.run("PRAGMA auto_vacuum = INCREMENTAL")
        try index.connection.transaction { () throws(VectorStoreError) in
            try index.connection.execute("PRAGMA application_id = \(applicationID)")
            try index.makeSchema()
            try index.insert(record)
            try index.setModel(model)
            if wantsCodes { _ = try index.addCodes(record.generation) }
        }
        try index.useLog()
    }

    /// Checks the schema; returns false for a database without any. After that our tables may be read, since they are
    /// as they should be.
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

    /// Throws if changing rows would evaluate an index that may contain anything; with `counting`, for puts, also if
    /// there are too many extra indexes. Call `isCreated` before.
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
        // Somebody may have changed the mode. A rollback journal on disk is refused, so it is kept in memory, which is
        // safe: the two bytes of the header that change are in one sector.
        if try journalMode("") != "wal" { _ = try journalMode("= MEMORY") }
        // The pragma returns the mode that holds. If it can't change the mode, it keeps the old one without an error.
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
        try connection.define("noted", arguments: 1, statements.noted.function)
    }

    /// Whether the schema is of an older version.
    var isOutdated: Bool { version < Self.schemaVersion }
    /// Whether the schema is of a version that had byte offsets in place of slots.
    var isOfOffsets: Bool { version < Self.slotVersion }
    static let slotVersion = 3

    /// Makes the schema that all migrations together leave, in an empty database. The caller's transaction commits it.
    ///
    /// Tables that a later migration drops aren't made. So the first pages of the tables are in the order of the
    /// schema, as after a `VACUUM`: the page of the table `store` in a log is at the same place in an older copy of the
    /// database.
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
        func read(_ row: Statement) throws(VectorStoreError) -> StoreRecord { try StoreRecord(row) }
        let record =
            isOfOffsets
            ? try connection.first("SELECT \(StoreRecord.earlierColumns) FROM store", [], read)
            : try statements.record.first(on: connection, { _ in }, read)
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
                record.uuid.sqlValue, .integer(Int64(record.dimension)), .text(record.metric.rawValue),
                .text(record.idKind.rawValue), .integer(record.generation), .integer(record.nextGeneration),
                .text(record.dataFile), .integer(Int64(record.nextSlot.number)), .integer(record.commitSequence),
                .integer(record.readerEpoch), .integer(record.liveRows), .integer(record.moved),
                .text(record.layout.element.rawValue),
            ]
        )
    }

    /// The number of the commit that this transaction will make; `record` was read in the transaction.
    func sequence(after record: StoreRecord) -> Int64 { record.commitSequence + (hasUpdatedRecord ? 0 : 1) }

    /// Writes the fields that may change, with the number of the commit that this transaction will make.
    func update(_ record: StoreRecord) throws(VectorStoreError) {
        _ = try statements.update.run(on: connection) { statement throws(VectorStoreError) in
            try statement.bind([
                .integer(record.generation), .integer(record.nextGeneration), .text(record.dataFile),
                .integer(Int64(record.nextSlot.number)), .integer(record.readerEpoch), .integer(record.liveRows),
                .integer(sequence(after: record)), .integer(record.moved), .integer(origin.base),
                .integer(Int64(origin.token)), .integer(Int64(record.dimension)),
            ])
        }
        hasUpdatedRecord = true
    }

    /// Gives the transaction a number, and changes nothing else.
    func raiseSequence() throws(VectorStoreError) {
        if !isOfOffsets { return try update(record()) }
        let origin = version < 2 ? "" : ", log_base = \(origin.base), log_token = \(origin.token)"
        try connection.run("UPDATE store SET commit_sequence = commit_sequence + 1\(origin)")
        hasUpdatedRecord = true
    }

    /// Called when a transaction begins; its commit writes `origin`.
    func begin(_ origin: LogOrigin) {
        self.origin = origin
        versionBefore = version
        hasUpdatedRecord = false
        hasVacuumed = false
        changesBefore = connection.totalChanges
    }

    /// Called when the transaction was committed or rolled back. After a rollback the schema has the version from
    /// before.
    func end(isCommitted: Bool) {
        if isCommitted { versionBefore = version } else { version = versionBefore }
    }

    /// Whether the transaction has changed anything without updating the record.
    var hasUnnumberedChanges: Bool {
        !hasUpdatedRecord && (hasVacuumed || connection.totalChanges != changesBefore)
    }

    /// Notes that free pages went back to the file system, which SQLite doesn't count as a change.
    func noteVacuum() { hasVacuumed = true }

    /// Writes the database anew with its current contents only: once the log is emptied, no page has deleted contents
    /// any more. Takes O(index) time, and as much disk twice: for a temporary file and for the log.
    ///
    /// The temporary file bounds the memory. SQLite makes it among the system's temporary files, and removes its name
    /// at once. Other people's indexes are built anew too: no value that one of them computes may be longer than the
    /// database.
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
