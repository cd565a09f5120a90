/// Keeps the store's ``CommitMark``. A database without its log is an older state of the store that looks whole, so the
/// mark records durably that a commit, or a later one, was made.
///
/// The mark's number is never higher than that of the last durable commit: otherwise a power cut would make a sound
/// store look damaged. Whenever the log holds commits with numbers that the database file doesn't have, the mark's
/// number is higher than the database file's, so that their loss is noticed. Therefore the first commit after each
/// checkpoint raises the mark to its own number before its call returns: once for each checkpoint, not for each commit.
/// Before each checkpoint, also the one that closing makes, the mark is raised to the last commit's number: from then
/// on no older state is accepted as the store, even if it is whole, such as a copy of the database with its log.
///
/// The mark also has the token of the log, which tells the store from a backup that was copied over it
/// (``LogEvidence``).
///
/// | after | a crash leaves | if the log is lost then |
/// | --- | --- | --- |
/// | 1. the commit is synced | a commit that was not acknowledged | it is lost with the log |
/// | 2. the mark is written | the old mark, the new one, or none that is whole | the same, or damage |
/// | 3. the mark is synced | the mark | damage |
/// | 4. further commits | the same | damage |
/// | 5. before a checkpoint: the mark is raised to the last commit's number, and synced | the same | damage |
/// | 6. a part of the checkpoint | a database that has some of the newest pages | damage, unless the page with the number is one of them |
/// | 7. the checkpoint | a database that needs no log | nothing is lost |
///
/// It is not thread-safe: it is used only in the writer's turn.
final class MarkKeeper {
    private let fileSystem: any FileSystem
    private let directory: Directory
    /// Whether the log's name is known to be on disk.
    private var isLogNamed = false
    /// The lock whose file holds the mark.
    private let lock: FileLock
    private let store: [UInt8]
    /// The mark in the file; nil if that isn't a mark of this store.
    private var written: CommitMark?
    /// The database file without its log has this state or a later one: rows that only the log may name are of another
    /// generation, or lie at its offset or beyond.
    private var database: CommitMark.Database
    /// The highest commit sequence number that the database file may have without its log.
    private var databaseLimit: Int64
    /// The base and the token of the log that is being written.
    private var base: Int64
    private var token: UInt32
    /// Whether the schema has columns for the base and the token. The mark has a token only then.
    var hasOriginColumns: Bool
    /// Whether no commit was made since the whole log was copied into the database. Then the next commit needs a
    /// number.
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

    /// From this slot of the record's file on, the log alone may name rows.
    func firstRowOfLog(_ record: StoreRecord) -> Slot { database.firstRowOfLog(record) }

    /// The base and token that the next commit writes. The token of a log's first commit isn't in the mark yet. Later
    /// commits have the token only if the mark has it.
    var origin: LogOrigin {
        LogOrigin(base: base, token: beginsLog || written?.token == token ? token : 0)
    }

    /// Syncs the directory once. SQLite makes the log's name when the index is opened, and doesn't report whether its
    /// own sync of the directory worked. This is called before the first transaction, and before a checkpoint changes
    /// the database, which the log may have to repair. It isn't called when the store is opened, since reading needs no
    /// sync.
    func syncLogName() throws(VectorStoreError) {
        if isLogNamed { return }
        try mapped(fileSystem.sync(directory))
        isLogNamed = true
    }

    /// Called after a commit of ours is durable. Reads its record only if the mark must be raised.
    func committed(_ record: () throws(VectorStoreError) -> StoreRecord) throws(VectorStoreError) {
        if written.map({ $0.sequence <= databaseLimit }) ?? true { try writeIfRoom(record().commitSequence) }
    }

    /// Called before a checkpoint; `record` is the last committed one. A checkpoint of an empty log changes nothing,
    /// unless another program commits in this instant; then SQLite itself syncs the name of the log that it has made,
    /// before it copies the log.
    func beginCheckpoint(_ record: StoreRecord, logIsEmpty: Bool) throws(VectorStoreError) {
        if !logIsEmpty && !PlantedBug.checkpointBeforeLogName.isPlanted { try syncLogName() }
        if record.commitSequence > written?.sequence ?? -1 { try writeIfRoom(record.commitSequence) }
        databaseLimit = record.commitSequence
    }

    /// Called when the whole log is in the database, and synced. The next commit says so, and begins a log with another
    /// token.
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

    /// Called before a commit that names rows below the next slot, or lowers the next slot: from then on the log alone
    /// may name rows in `slot` and later ones. If the disk has no room for the mark, this throws, and the commit must
    /// not be made.
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

    /// Writes the mark for a commit that is durable without it: a full disk is no error, and the next commit tries
    /// again. The mark has had its blocks since the store was made, and needs new ones only on file systems that copy
    /// on writing.
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
