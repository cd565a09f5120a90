/// One state of the store: ids, offsets, rows and metadata of one commit sequence number.
struct Snapshot {
    let index: StoreIndex
    let record: StoreRecord
    let rows: RowView
    /// Changes that the log counts beyond the commits that the store counts, which a program like the `sqlite3` shell makes
    /// higher; nil where that isn't known of this state.
    let uncountedChanges: UInt32?

    /// Where the id's row lies; nil if no row has this id.
    func slot(of id: SQLValue) throws(VectorStoreError) -> Slot? {
        guard let slot = try index.slot(of: id, record.generation) else { return nil }
        try check(id, slot)
        return slot
    }

    /// A slot from disk is believed only if a row of this snapshot lies there.
    func check(_ id: SQLValue, _ slot: Slot) throws(VectorStoreError) {
        if !rows.contains(slot) {
            throw .damaged("id \(id.idText) names a row outside of the data file", ids: [id.idText])
        }
    }

    /// The row, read by pread(2) and checked against its checksum.
    func checkedRow(_ id: SQLValue, _ slot: Slot, _ runs: RunReader) throws(VectorStoreError) -> [Float] {
        try check(id, slot)
        let row = try rows.file.readRow(slot)
        var checksum = Checksum()
        unsafe row.span.bytes.withUnsafeBytes { unsafe checksum.update($0) }
        guard try runs.checksum(of: id, in: slot) == id.checksum(continuing: checksum) else {
            throw .damaged("the row of id \(id.idText) doesn't match its checksum", ids: [id.idText])
        }
        return row
    }
}

/// A connection for reading and the epoch's locks.
///
/// `@unchecked Sendable`: one thread at a time uses it, the one that took it out of the ``ReaderPool``, whose mutex orders
/// what one thread did before it gave the reader back and what the next one does.
final class Reader: @unchecked Sendable {
    private let index: StoreIndex
    private let source: IndexSource
    /// Nil where a reader that doesn't follow commits can't open them.
    private var locks: EpochLocks?
    private let paths: StorePaths
    private let files: CurrentFile
    private let fileSystem: any FileSystem
    private let isCancelled: @Sendable () -> Bool
    /// The epoch that the last snapshot was in: most likely the next one's too.
    private var epoch: Int64 = 0
    /// The commit that the last look at the store's path came after.
    private var placedSequence: Int64 = -1

    /// Nil where there is none, as beside an immutable database.
    private let log: SharedLog?
    /// The record as it was read last, and the version that SQLite counts: while that is the same, nobody has committed.
    private var known: (version: Int64, record: StoreRecord)?

    /// How long a snapshot is tried for while a writer changes epochs or generations under it.
    private static let attempts = 100
    private static let lockSeconds = 0.1

    /// Reads by a connection that has been opened on the source.
    init(
        _ index: StoreIndex,
        _ source: IndexSource,
        _ paths: StorePaths,
        _ files: CurrentFile,
        _ fileSystem: any FileSystem,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(VectorStoreError) {
        self.index = index
        self.source = source
        log = source.followsCommits ? index.connection.sharedLog : nil
        locks = try Self.openLocks(paths, source)
        self.paths = paths
        self.files = files
        self.fileSystem = fileSystem
        self.isCancelled = isCancelled
    }

    /// Calls `body` with a snapshot that no writer disturbs until `body` returns.
    func withSnapshot<R>(_ body: (Snapshot) throws -> R) throws -> R {
        for _ in 0..<Self.attempts {
            guard try lock() else { continue }
            let held = epoch
            defer { unlock(held) }
            // The locks were taken first: whoever wants to move what an unchanged store has waits for us.
            if let result = try source.whileUnchanged({ try read(held, body) }) { return result }
        }
        throw Self.unsettled
    }

    private static let unsettled = VectorStoreError(
        .busy,
        "the store's files changed again and again while it was opened"
    )

    /// Calls `index` with a snapshot, and, when that has ended, `rows` with its data file, whose rows stay as they are until
    /// `rows` returns, or calls the closure that it is given: for what takes long, and must not keep SQLite's log.
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

    /// Nil if the store moved on meanwhile. What takes long in `body` can be cancelled; not so the transaction's beginning
    /// and end, which would leave the connection in between.
    private func read<R>(_ held: Int64, _ body: (Snapshot) throws -> R) throws -> R? {
        try index.connection.run(Connection.TransactionKind.read.rawValue)
        defer { index.connection.rollBack() }
        let before = log?.version
        let record = try record(index.pragma("data_version"))
        // Of this state, if no commit came between.
        let version = log?.version
        let uncounted = before == version ? version?.changes(beyond: record.commitSequence) : nil
        // The lock was taken first: if the epoch is still the one it stands for, the writer waits for us.
        if source.followsCommits && record.readerEpoch != held {
            epoch = record.readerEpoch
            return nil
        }
        try checkPlace(record)
        guard let file = try dataFile(record) else { return nil }
        let rows = try file.view(upTo: record.nextSlot)
        let snapshot = Snapshot(index: index, record: record, rows: rows, uncountedChanges: uncounted)
        return try index.connection.cancellable(by: isCancelled) { try body(snapshot) }
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

    /// Once for each commit that it comes to see: whoever puts another store at the path commits once to this one.
    private func checkPlace(_ record: StoreRecord) throws(VectorStoreError) {
        if record.commitSequence == placedSequence { return }
        guard paths.directory.isAtItsPath else { throw .moved(paths.directory) }
        placedSequence = record.commitSequence
    }

    /// False if the epoch moved on meanwhile: the writer holds an old epoch's lock while it drains that epoch.
    private func lock() throws(VectorStoreError) -> Bool {
        guard source.followsCommits else {
            // What can't be locked can be read all the same: then the source's look at the store is all there is.
            return (try? locks?.lockBoth(within: Self.lockSeconds)) ?? true
        }
        let locked = try mapped(locks?.lock(epoch, exclusive: false, within: Self.lockSeconds) ?? true)
        if locked, locks?.isNamed(epoch) == false {
            // Removed, so that a writer would wait for another file than this one.
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
            // The snapshot holds still: only a new one tells whether the store has moved on.
            index.connection.rollBack()
            if try index.record().generation != record.generation { return nil }
            throw .damaged("\(record.dataFile) is missing")
        case .failure(let reason): throw reason.asError(record.dataFile)
        }
    }

    /// Whether the file is as long as the snapshot needs it; false if the store has moved on, so that only a new snapshot
    /// tells. Asked at every snapshot: a file that was long enough before may have been cut since.
    private func holds(_ file: DataFile, _ record: StoreRecord) throws(VectorStoreError) -> Bool {
        if try file.status().size >= record.rowsEnd { return true }
        // Cut by a commit that this snapshot is older than, or from outside: a second look in a new transaction tells.
        index.connection.rollBack()
        try index.connection.run(Connection.TransactionKind.read.rawValue)
        let now = try index.record()
        guard now.generation == record.generation, now.commitSequence == record.commitSequence else { return false }
        try DataFile.check(try file.status().size, holds: now, index)
        return false
    }
}
