/// What the one writer works with while it holds the writer's lock.
package struct WriteSession {
    let index: StoreIndex
    let paths: StorePaths
    let files: CurrentFile
    let fileSystem: any FileSystem
    let log: StoreLog
    let place: StorePlace
    /// What a compaction under way is told of every write.
    let staging = Staging()
    let rowBuffer = RowBuffer()
    /// What readers of this process ask for rows by id; told of every transaction.
    private(set) var ids: RowIDs?
    let metadataChanges: MetadataChanges
    /// Called in the writer's turn with the record that a transaction of rows or metadata has just committed.
    var onCommit: @Sendable (StoreRecord) -> Void = { _ in }

    init(
        _ index: StoreIndex,
        _ paths: StorePaths,
        _ lock: FileLock,
        _ fileSystem: any FileSystem,
        _ mark: CommitMark?
    ) throws(VectorStoreError) {
        self.index = index
        self.paths = paths
        self.fileSystem = fileSystem
        files = CurrentFile()
        let (record, origin) = try index.connection.snapshot { () throws(VectorStoreError) in
            (try index.record(), try index.logOrigin())
        }
        log = StoreLog(index, paths, MarkKeeper(paths, record, origin, mark, lock, fileSystem))
        metadataChanges = MetadataChanges(since: record.commitSequence)
        place = try StorePlace(paths.directory, lock)
    }

    /// From now on readers of this process find rows by id in memory, in `limitBytes` at most.
    mutating func keepIDs(_ readers: ReadStripes, _ kind: VectorIDKind, limitBytes: Int) {
        guard let log = index.connection.sharedLog else { return }
        ids = RowIDs(paths.directory, kind, files, readers, limitBytes: limitBytes, log: log)
        index.changes = RowChanges(kind)
    }

    func currentFile() throws(VectorStoreError) -> DataFile {
        guard let file = files.value else {
            throw VectorStoreError(.closed, "the store was closed")
        }
        return file
    }

    /// One durable transaction that adds no rows. On a full disk it gives half of the data file's tail back, empties the
    /// log into the database, and tries once more; `body` may thus run twice.
    func commit<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        try checkPlace()
        try log.begin()
        let commits = index.connection.commits
        let result: R
        do {
            result = try transaction(body)
        } catch {
            guard error.code == .diskFull, try giveBackTail() else { throw error }
            result = try transaction(body)
        }
        try log.end(after: commits)
        return result
    }

    private func transaction<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        let (result, record): (R, StoreRecord?)
        do {
            (result, record) = try index.connection.transaction { () throws(VectorStoreError) in
                noteBegin()
                let result = try body()
                if index.hasUnnumberedChanges { try index.raiseSequence() }
                return (result, index.changes?.isWanted == true ? try index.record() : nil)
            }
        } catch {
            index.end(isCommitted: false)
            throw error
        }
        index.end(isCommitted: true)
        if let record { noteCommit(record) }
        return result
    }

    /// Begins a transaction that `commit(_:)` ends.
    func begin() throws(VectorStoreError) {
        try log.begin()
        try index.connection.run(Connection.TransactionKind.write.rawValue)
        noteBegin()
    }

    /// Throws where what is written would not be in the store at its path: before each transaction, a few looks at names.
    func checkPlace() throws(VectorStoreError) { try place.check(files.value) }

    /// Whether what SQLite would remove by name is its own.
    var hasItsFiles: Bool { index.connection.namesLeadHere && (try? place.checkFiles(files.value)) != nil }

    private func noteBegin() {
        index.begin(log.mark.origin)
        if let changes = index.changes { ids?.begin(changes, commits: index.connection.commits) }
    }

    private func noteCommit(_ record: StoreRecord) {
        if let changes = index.changes { ids?.commit(changes, record, commits: index.connection.commits) }
    }

    /// Commits the open transaction with all of `rows`, or rolls it back. On a full disk deleting still works: a transaction
    /// that does nothing else is repeated as ``delete(_:)``.
    func commit(_ rows: RowWriter) throws(VectorStoreError) {
        let commits = index.connection.commits
        do {
            try rows.finish()
            // Not when it was begun: a group is open for long, and until now nothing was written that anybody counts on.
            try checkPlace()
            if PlantedBug.markBeforeCommit.isPlanted { try log.mark.committed(index.record) }
            try index.connection.run("COMMIT")
            noteCommit(rows.record)
            if PlantedBug.commitBeforeRows.isPlanted { try currentFile().sync() }
        } catch {
            index.connection.rollBack()
            guard error.code == .diskFull, let deletes = rows.repeatableDeletes, try giveBackTail() else { throw error }
            _ = try delete(deletes)
            return
        }
        try log.end(after: commits)
        committed(rows)
    }

    private func committed(_ rows: RowWriter) {
        rows.giveBackBuffer()
        staging.note(died: rows.died, ofTarget: rows.unstaged)
        metadataChanges.note(rows.changedMetadata, rows.record.commitSequence + 1)
        onCommit(rows.record)
    }

    /// Deletes rows in one durable transaction, with what `noting` adds to it; how many there were.
    func delete(
        _ ids: [SQLValue],
        noting: () throws(VectorStoreError) -> Void = {}
    ) throws(VectorStoreError) -> Int {
        let rows = try commit { () throws(VectorStoreError) in
            let rows = try RowWriter(self)
            for id in ids { rows.delete(id) }
            try rows.finish()
            try noting()
            return rows
        }
        committed(rows)
        return rows.deletedRows
    }

    /// Removes the derived files that are of no use any more, then their rows. On a full disk the rows stay for the next time.
    func removeStaleDerivedFiles() throws(VectorStoreError) {
        let files = try index.staleDerivedFiles(current: index.record().generation)
        if files.isEmpty { return }
        for file in files {
            guard let status = try mapped(paths.derivedFileStatus(file.name)) else { continue }
            try mapped(fileSystem.unlink(file.name, in: paths.directory, ifItIs: status.identity))
        }
        if !PlantedBug.derivedNameNotSynced.isPlanted { try mapped(fileSystem.sync(paths.directory)) }
        do throws(VectorStoreError) {
            try commit { () throws(VectorStoreError) in
                for file in files { try index.forget(file) }
            }
        } catch {
            if error.code != .diskFull { throw error }
        }
    }

    /// Throws if another program has written to the index since a compaction began, which saw this `PRAGMA data_version`.
    func checkNoForeignWriter(since version: Int64) throws(VectorStoreError) {
        if try index.pragma("data_version") != version { throw .foreignWriter }
    }

    /// Cuts half of the free tail off; false if there is none. No row that the index names lies there, and no reader
    /// looks beyond the next offset of its snapshot, which is never above the current one.
    func giveBackTail() throws(VectorStoreError) -> Bool {
        let record = try index.record()
        let file = try currentFile()
        let size = try file.status().size
        guard
            let length = Preallocation.halvedLength(
                rowsEnd: record.rowsEnd,
                size: size,
                stride: record.stride
            )
        else { return false }
        try file.truncate(to: length)
        do { _ = try log.empty() } catch {
            // The database had no room to grow; what the tail gave back may be enough for the log.
            guard error.code == .diskFull else { throw error }
        }
        return true
    }
}
