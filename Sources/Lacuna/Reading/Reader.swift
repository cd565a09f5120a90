/// One state of the store: ids, slots, rows and metadata of one commit sequence number.
struct Snapshot {
    let index: StoreIndex
    let record: StoreRecord
    let rows: RowView
    /// The number of changes that the log counts beyond the commits that the store counts; nil if it isn't known for
    /// this state. A program like the `sqlite3` shell raises it.
    let uncountedChanges: UInt32?
    /// The log's version in this state; nil if it isn't known.
    let version: LogVersion?
    let isCancelled: ReadCancellation

    /// The slot of the id's row; nil if no row has this id.
    func slot(of id: SQLValue) throws(VectorStoreError) -> Slot? {
        guard let slot = try index.slot(of: id, record.generation) else { return nil }
        try check(id, slot)
        return slot
    }

    /// Throws unless a row of this snapshot can lie in the slot, which was read from disk.
    func check(_ id: SQLValue, _ slot: Slot) throws(VectorStoreError) {
        if !rows.contains(slot) {
            throw .damaged("id \(id.idText) names a row outside of the data file", ids: [id.idText])
        }
    }

    /// The row, read by pread(2) and checked against its checksum.
    func checkedRow(_ id: SQLValue, _ slot: Slot, _ runs: RunReader) throws(VectorStoreError) -> [Float] {
        try check(id, slot)
        let (row, checksum) = try rows.file.readRow(slot)
        guard try runs.checksum(of: id, in: slot) == id.checksum(continuing: checksum) else {
            throw .damaged("the row of id \(id.idText) doesn't match its checksum", ids: [id.idText])
        }
        return row
    }
}

/// A connection for reading and the epoch's locks.
///
/// `@unchecked Sendable`: one thread at a time uses it, which has taken it out of the ``ReaderPool``. The pool's mutex
/// orders the work of one thread before that of the next.
final class Reader: @unchecked Sendable {
    private let index: StoreIndex
    private let source: IndexSource
    /// Nil if this reader doesn't follow commits and can't open the lock files.
    private var locks: EpochLocks?
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    private let model: ExpectedModel
    /// The generation whose vectors are known to be of the expected model.
    private var checkedGeneration: Int64 = 0
    /// The epoch of the last snapshot; most likely the next snapshot has the same.
    private var epoch: Int64 = 0
    /// The commit after which the store's path was checked last.
    private var placedSequence: Int64 = -1

    /// Nil if there is no log, as beside an immutable database.
    private let log: SharedLog?
    /// The record that was read last, and SQLite's version number at that time: while that is the same, nobody has
    /// committed.
    private var known: (version: Int64, record: StoreRecord)?
    private let uncountedOffset: UInt32
    /// It is released last.
    private let hold: Suspension.Hold

    /// The number of attempts at a snapshot while a writer changes epochs or generations.
    private static let attempts = 100
    private static let lockSeconds = 0.1

    /// Makes a reader with a connection that was opened on the source.
    init(
        _ index: StoreIndex,
        _ source: IndexSource,
        _ paths: StorePaths,
        _ files: CurrentFile,
        _ fileSystem: any FileSystem,
        _ model: ExpectedModel,
        _ hold: Suspension.Hold,
        _ uncountedOffset: UInt32,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(VectorStoreError) {
        self.model = model
        self.index = index
        self.source = source
        log = source.followsCommits ? index.connection.sharedLog : nil
        locks = try Self.openLocks(paths, source)
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        self.isCancelled = isCancelled
        self.uncountedOffset = uncountedOffset
        self.hold = hold
    }

    var logVersion: LogVersion? { log?.version }

    /// Calls `body` with a snapshot that no writer disturbs until `body` returns.
    func withSnapshot<R>(_ body: (Snapshot) throws -> R) throws -> R {
        for _ in 0..<Self.attempts {
            guard try lock() else { continue }
            let held = epoch
            defer { unlock(held) }
            // The locks were taken first: if the store is unchanged then, a writer that wants to move its rows waits
            // for us.
            if let result = try source.whileUnchanged({ try read(held, body) }) { return result }
        }
        throw Self.unsettled
    }

    private static let unsettled = VectorStoreError(
        .busy,
        "the store's files changed again and again while it was opened"
    )

    /// Calls `index` with a snapshot, and, after the snapshot has ended, `rows` with its data file. The file's rows
    /// stay as they are until `rows` returns or calls its `release`. This is for long work that must not keep SQLite's
    /// log from being emptied.
    func withHeldRows<T, R>(
        _ index: (Snapshot) throws -> T,
        _ rows: (T, DataFile, _ release: () -> Void) throws -> R
    ) throws -> R {
        for _ in 0..<Self.attempts {
            guard try lock() else { continue }
            let held = epoch
            var isHeld = true
            func release() {
                if isHeld { unlock(held) }
                isHeld = false
            }
            defer { release() }
            let found = try source.whileUnchanged {
                try read(held) { snapshot in (try index(snapshot), snapshot.rows.file) }
            }
            if let (result, file) = found { return try rows(result, file, release) }
        }
        throw Self.unsettled
    }

    /// Nil if the store has gone on meanwhile. Long work in `body` can be cancelled. The beginning and the end of the
    /// transaction can't, since the connection would be left in between.
    private func read<R>(_ held: Int64, _ body: (Snapshot) throws -> R) throws -> R? {
        try index.connection.run(Connection.TransactionKind.read.rawValue)
        defer { index.connection.endReading() }
        let before = log?.version
        let record = try record(index.pragma("data_version"))
        // This is the version of the state that is read, unless a commit came between.
        var version = log?.version
        if before != version { version = nil }
        let uncountedChanges = version.map { $0.changes(beyond: record.commitSequence) &+ uncountedOffset }
        // The lock was taken first: if its epoch is still the current one, the writer waits for us.
        if source.followsCommits && record.readerEpoch != held {
            epoch = record.readerEpoch
            return nil
        }
        try checkIdentity(record)
        if record.generation != checkedGeneration {
            try model.check(index, record.generation, paths.directory.path)
            checkedGeneration = record.generation
        }
        guard let file = try dataFile(record) else { return nil }
        let rows = try file.view(upTo: record.nextSlot)
        let snapshot = Snapshot(
            index: index,
            record: record,
            rows: rows,
            uncountedChanges: uncountedChanges,
            version: version,
            isCancelled: ReadCancellation(call: AsyncCall.current, handle: isCancelled)
        )
        return try index.connection.cancellable(by: { snapshot.isCancelled() }) { try body(snapshot) }
    }

    private func record(_ version: Int64) throws(VectorStoreError) -> StoreRecord {
        if let known, known.version == version { return known.record }
        let record = try index.record()
        known = (version, record)
        return record
    }

    private static func openLocks(_ paths: StorePaths, _ source: IndexSource) throws(VectorStoreError) -> EpochLocks? {
        guard source.followsCommits else { return try? EpochLocks(paths.directory, creates: false) }
        return try mapped(EpochLocks(paths.directory, creates: source.createsFiles, like: try paths.model()))
    }

    /// Checks the path once for each commit that this reader comes to see: `restore`, which puts another store at the
    /// path, commits once to this one.
    private func checkIdentity(_ record: StoreRecord) throws(VectorStoreError) {
        if record.commitSequence == placedSequence { return }
        guard paths.directory.isAtItsPath else { throw .moved(paths.directory) }
        placedSequence = record.commitSequence
    }

    /// Takes the epoch's lock. Returns false if the epoch has changed meanwhile: the writer holds an old epoch's lock
    /// while it drains that epoch.
    private func lock() throws(VectorStoreError) -> Bool {
        guard source.followsCommits else {
            // If the files can't be locked, the store can be read all the same; then only the source's check remains.
            return (try? locks?.lockBoth(within: Self.lockSeconds)) ?? true
        }
        let locked = try mapped(locks?.lock(epoch, exclusive: false, within: Self.lockSeconds) ?? true)
        if locked, locks?.isNamed(epoch) == false {
            // The lock file was removed, so that a writer would wait for another file than this one.
            unlock(epoch)
            if !paths.directory.isAtItsPath { throw .moved(paths.directory) }
            locks = try Self.openLocks(paths, source)
            return false
        }
        if !locked { epoch = try index.record().readerEpoch }
        return locked
    }

    private func unlock(_ held: Int64) {
        locks?.unlock(held)
        if !source.followsCommits { locks?.unlock(held + 1) }
    }

    /// The data file of the record's generation; nil if its name is gone, or it is too short, because a newer state was
    /// committed.
    private func dataFile(_ record: StoreRecord) throws(VectorStoreError) -> DataFile? {
        if let current = files.value, current.header.generation == record.generation {
            guard current.header == record.header else {
                throw .damaged("another store has taken this one's place while it was open")
            }
            return try holds(current, record) ? current : nil
        }
        switch Result(catching: { () throws(DataFile.Unusable) in
            try DataFile.open(record.dataFile, in: paths.directory, .read, fileSystem)
        }) {
        case .success(let file):
            guard file.header == record.header else {
                throw .damaged("\(record.dataFile) belongs to another store or generation")
            }
            guard try holds(file, record) else { return nil }
            files.advance(to: file)
            return file
        case .failure(.missing):
            // This snapshot doesn't change: only a new one shows whether the store has gone on.
            index.connection.rollBack()
            if try index.record().generation != record.generation { return nil }
            throw .damaged("\(record.dataFile) is missing")
        case .failure(let reason): throw reason.asError(record.dataFile)
        }
    }

    /// Whether the file is long enough for the snapshot; false if the store has gone on and a new snapshot is needed.
    /// This is checked for every snapshot: a file that was long enough before may have been cut since.
    private func holds(_ file: DataFile, _ record: StoreRecord) throws(VectorStoreError) -> Bool {
        if try file.status().size >= record.rowsEnd { return true }
        // Either a commit after this snapshot has let the file be cut, or it was cut from outside. A check in a new
        // transaction shows which.
        index.connection.rollBack()
        try index.connection.run(Connection.TransactionKind.read.rawValue)
        let now = try index.record()
        guard now.generation == record.generation, now.commitSequence == record.commitSequence else { return false }
        try DataFile.check(try file.status().size, holds: now, index)
        return false
    }
}
