/// Keeps the store's ``CommitMark``: without its log, a database is an older state of the store and looks whole. So it is
/// written down, durably, which commit was made at least.
///
/// The mark's number is never higher than that of the last commit that is durable, or a power cut would make a sound store
/// look damaged. And whenever the log holds commits with numbers that the database file doesn't have, it is higher than the
/// number that the database file has, so that their loss shows. It is therefore raised by the first commit after each
/// checkpoint, to its number, before that call returns: once a checkpoint, and not once a commit. And before each
/// checkpoint, and the one that closing is, to the last commit's: from then on no older state is taken for the store, were
/// it whole, such as a copy of the database with its log.
///
/// It also has the token of the log, by which a backup that was copied over the store is told from the store
/// (``LogEvidence``).
///
/// | after | a crash leaves | should the log get lost then |
/// | --- | --- | --- |
/// | 1. the commit, synced | a commit that nobody was told of | it is lost with the log |
/// | 2. the mark is written | a mark as it was, as it is, or none that is whole | the same, or damage |
/// | 3. the mark is synced | the mark | damage |
/// | 4. further commits | the same | damage |
/// | 5. before a checkpoint: the mark raised to the last commit's number, and synced | the same | damage |
/// | 6. a part of the checkpoint | a database that has some of its newest pages | damage, unless the page with the number is one of them |
/// | 7. the checkpoint | a database that needs no log | nothing is lost |
///
/// Not thread-safe: touched only in the writer's turn.
final class MarkKeeper {
    private let fileSystem: any FileSystem
    private let directory: Directory
    /// Whether the log's name is known to be on disk.
    private var isLogNamed = false
    /// Whose file holds the mark.
    private let lock: FileLock
    private let store: [UInt8]
    /// What the file says; nil where that isn't a mark of this store.
    private var written: CommitMark?
    /// What the database file alone has at least: rows that only the log may name are of another generation, or lie at its
    /// offset or beyond.
    private var database: CommitMark.Database
    /// The highest number that the database file alone may have.
    private var databaseLimit: Int64
    /// Of the log that is being written.
    private var base: Int64
    private var token: UInt32
    /// Whether the schema has columns for what the two are. The mark has a token only then.
    var hasOriginColumns: Bool
    /// Whether no commit was made since the whole log was in the database: the next one needs a number.
    var beginsLog = false

    init(
        _ paths: StorePaths,
        _ record: StoreRecord,
        _ origin: LogOrigin?,
        _ mark: CommitMark?,
        _ lock: FileLock,
        _ fileSystem: any FileSystem
    ) {
        self.fileSystem = fileSystem
        self.lock = lock
        directory = paths.directory
        store = record.uuidBytes
        written = mark?.store == record.uuidBytes ? mark : nil
        database =
            written?.database
            ?? CommitMark.Database(sequence: 0, generation: record.generation, offset: DataFileHeader.length)
        databaseLimit = record.commitSequence
        hasOriginColumns = origin != nil
        base = origin?.base ?? database.sequence
        token = origin.flatMap { $0.token == 0 ? nil : $0.token } ?? Self.newToken()
    }

    private static func newToken() -> UInt32 { .random(in: 1 ... .max) }

    /// From this slot of the record's file on, rows may be named by the log alone.
    func firstRowOfLog(_ record: StoreRecord) -> Slot { database.firstRowOfLog(record) }

    /// What the next commit says of its log. The first one's token isn't in the mark yet; that of later ones is, or they have
    /// none.
    var origin: LogOrigin {
        LogOrigin(base: base, token: beginsLog || written?.token == token ? token : 0)
    }

    /// SQLite makes the log's name when the index is opened, without telling whether its sync of the directory worked. Before
    /// the first transaction, and before a checkpoint changes the database, which the log may have to repair; not when the
    /// store is opened, since reading needs no sync.
    func syncLogName() throws(VectorStoreError) {
        if isLogNamed { return }
        try mapped(fileSystem.sync(directory))
        isLogNamed = true
    }

    /// A commit of ours is durable. Reads its record only where the mark is to be raised.
    func committed(_ record: () throws(VectorStoreError) -> StoreRecord) throws(VectorStoreError) {
        if written.map({ $0.sequence <= databaseLimit }) ?? true { try writeIfRoom(record().commitSequence) }
    }

    /// Before a checkpoint: `record` is the last committed one. That of an empty log changes nothing, unless another program
    /// commits in this instant; SQLite itself syncs the name of a log that it has made here before it copies that.
    func beginCheckpoint(_ record: StoreRecord, logIsEmpty: Bool) throws(VectorStoreError) {
        if !logIsEmpty && !PlantedBug.checkpointBeforeLogName.isPlanted { try syncLogName() }
        if record.commitSequence > written?.sequence ?? -1 { try writeIfRoom(record.commitSequence) }
        databaseLimit = record.commitSequence
    }

    /// The whole log is in the database, and synced. The next commit says so, and begins a log with another token.
    func endCheckpoint(_ record: StoreRecord) {
        base = record.commitSequence
        token = Self.newToken()
        beginsLog = true
        database = CommitMark.Database(
            sequence: record.commitSequence,
            generation: record.generation,
            offset: record.rowsEnd
        )
    }

    /// Before a commit that names rows below the next slot, or lowers that: rows in `slot` and beyond may be named by the log
    /// alone. Where the disk is too full for the mark, the commit must not be made.
    func lower(to slot: Slot, _ record: StoreRecord) throws(VectorStoreError) {
        let offset = record.layout.offset(slot)
        guard database.generation == record.generation, offset < database.offset else { return }
        let before = database
        database.offset = offset
        do throws(VectorStoreError) { try write(written?.sequence ?? 0) } catch {
            database = before
            throw error
        }
    }

    /// For a commit that is durable without the mark: a full disk is no error, and the next commit tries again. The mark has
    /// had its place since the store was made, and needs no other one but on file systems that copy on writing.
    private func writeIfRoom(_ sequence: Int64) throws(VectorStoreError) {
        do throws(VectorStoreError) { try write(sequence) } catch {
            if error.code != .diskFull { throw error }
        }
    }

    private func write(_ sequence: Int64) throws(VectorStoreError) {
        let mark = CommitMark(store: store, sequence: sequence, database, token: hasOriginColumns ? token : 0)
        if mark == written { return }
        written = nil
        let bytes = mark.encoded()
        do throws(SystemError) {
            try unsafe bytes.span.withUnsafeBytes { buffer throws(SystemError) in
                try unsafe fileSystem.writeAll(lock.descriptor, buffer, at: 0)
            }
            if !PlantedBug.markNotSynced.isPlanted { try fileSystem.sync(lock.descriptor) }
        } catch { throw VectorStoreError(error.on(directory.path(StorePaths.writerLockName))) }
        written = mark
    }
}
