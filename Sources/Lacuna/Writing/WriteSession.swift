/// The tools of the one writer while it holds the writer's lock.
package struct WriteSession {
    let index: StoreIndex
    let paths: StorePaths
    private(set) var files: CurrentFile
    let fileSystem: any FileSystem
    let log: StoreLog
    let identity: StoreIdentity
    /// A rewrite or a re-embedding learns of every write by this.
    let staging = Staging()
    let rowBuffer = RowBuffer()
    /// Readers of this process find rows by id here. It learns of every transaction.
    private(set) var ids: RowIDs?
    private(set) var metadataChanges: MetadataChanges
    private(set) var hub = ChangeHub()
    private(set) var counters = StoreCounters()
    /// Ends a change by a filter; set by the handle.
    var isCancelled: @Sendable () -> Bool = { false }
    /// Called in the writer's turn with the record of a transaction of rows or metadata that was just committed.
    var onCommit: @Sendable (StoreRecord) -> Void = { _ in }
    /// Called in the writer's turn when derived files were removed.
    var onRemoval: @Sendable () -> Void = {}

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
        let (record, origin, reembedding) = try index.connection.snapshot { () throws(VectorStoreError) in
            (try index.record(), try index.logOrigin(), try index.reembeddingGeneration())
        }
        log = StoreLog(index, paths, MarkKeeper(paths, record, origin, mark, lock, fileSystem))
        metadataChanges = MetadataChanges(since: record.commitSequence)
        identity = try StoreIdentity(paths.directory, lock)
        if let reembedding { staging.begin(reembedding: reembedding) }
    }

    /// Lets readers of this process find rows by id in memory, in `limitBytes` at most.
    mutating func keepIDs(_ readers: ReadStripes, _ kind: VectorIDKind, limitBytes: Int) {
        guard let log = index.connection.sharedLog else { return }
        ids = RowIDs(paths.directory, kind, files, readers, limitBytes: limitBytes, log: log)
        index.changes = RowChanges(kind)
    }

    /// What outlives a session, if its handle is suspended and resumed.
    struct Kept {
        fileprivate let files: CurrentFile
        fileprivate let ids: RowIDs?
        fileprivate let metadataChanges: MetadataChanges
        fileprivate let hub: ChangeHub
        fileprivate let counters: StoreCounters
        fileprivate let limits: LogLimit
        fileprivate let isCancelled: @Sendable () -> Bool
        fileprivate let onCommit: @Sendable (StoreRecord) -> Void
        fileprivate let onRemoval: @Sendable () -> Void
    }

    var kept: Kept {
        Kept(
            files: files,
            ids: ids,
            metadataChanges: metadataChanges,
            hub: hub,
            counters: counters,
            limits: log.limits,
            isCancelled: isCancelled,
            onCommit: onCommit,
            onRemoval: onRemoval
        )
    }

    /// Goes on for the handle of an earlier session.
    ///
    /// - Parameter isKnown: Whether nobody has written since that session.
    mutating func take(_ kept: Kept, isKnown: Bool) {
        if let file = files.value { kept.files.advance(to: file) }
        files = kept.files
        if !isKnown { kept.metadataChanges.begin(since: metadataChanges.completeSince) }
        metadataChanges = kept.metadataChanges
        hub = kept.hub
        counters = kept.counters
        log.limits = kept.limits
        isCancelled = kept.isCancelled
        onCommit = kept.onCommit
        onRemoval = kept.onRemoval
        ids = kept.ids
        guard let ids else { return }
        index.changes = RowChanges(ids.kind)
        ids.follow(index.connection.sharedLog)
    }

    func currentFile() throws(VectorStoreError) -> DataFile {
        guard let file = files.value else {
            throw VectorStoreError(.closed, "the store was closed")
        }
        return file
    }

    /// Makes one durable transaction that adds no rows. On a full disk it gives half of the data file's tail back,
    /// empties the log into the database, and tries once more; so `body` may run twice.
    func commit<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        try checkIdentity()
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

    /// Throws if a write wouldn't go to the store at this handle's path. Called before each transaction; it compares a
    /// few names.
    func checkIdentity() throws(VectorStoreError) { try identity.check(files.value) }

    /// Whether the files that SQLite would remove by name are its own.
    var hasItsFiles: Bool { index.connection.namesLeadHere && (try? identity.checkFiles(files.value)) != nil }

    private func noteBegin() {
        index.begin(log.mark.origin)
        if let changes = index.changes { ids?.begin(changes, commits: index.connection.commits) }
    }

    private func noteCommit(_ record: StoreRecord) {
        if let changes = index.changes { ids?.commit(changes, record, commits: index.connection.commits) }
    }

    /// Commits the open transaction with all of `rows`, or rolls it back. Deleting works on a full disk: a transaction
    /// that only deletes is repeated as ``delete(_:)``.
    func commit(_ rows: RowWriter) throws(VectorStoreError) {
        let commits = index.connection.commits
        do {
            try rows.finish()
            // The place is checked here and not when the transaction began: a group may be open for long, and nothing
            // before the commit is acknowledged.
            try checkIdentity()
            if PlantedBug.markBeforeCommit.isPlanted { try log.mark.committed(index.record) }
            // Readers may see the commit at once, so its changes are noted before. If it fails, they are only read again.
            metadataChanges.note(rows.changedMetadata, rows.record.commitSequence + 1)
            let start = ContinuousClock.now
            try index.connection.run("COMMIT")
            let duration = rows.syncDuration + (.now - start)
            counters.note { $0.commitDuration += duration }
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
        onCommit(rows.record)
        if !rows.hasChanges { return }
        hub.note(rows.record.commitSequence + 1, rows.changeList)
        counters.note { statistics in
            statistics.commits += 1
            statistics.addedRows += rows.addedRows
            statistics.deletedRows += rows.deletedRows
            statistics.writtenBytes += rows.addedBytes
        }
    }

    /// Deletes rows in one durable transaction, to which `noting` may add changes. Returns the number of rows deleted.
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

    /// Removes derived files that are no longer of use, and then their rows. On a full disk the rows stay until the
    /// next time.
    func removeStaleDerivedFiles() throws(VectorStoreError) {
        let files = try index.staleDerivedFiles(current: index.record().generation)
        if files.isEmpty { return }
        for file in files {
            guard let status = try mapped(paths.derivedFileStatus(file.name)) else { continue }
            try mapped(fileSystem.unlink(file.name, in: paths.directory, ifItIs: status.identity))
        }
        onRemoval()
        if !PlantedBug.derivedNameNotSynced.isPlanted { try mapped(fileSystem.sync(paths.directory)) }
        do throws(VectorStoreError) {
            try commit { () throws(VectorStoreError) in
                for file in files { try index.forget(file) }
            }
        } catch {
            if error.code != .diskFull { throw error }
        }
    }

    /// Throws if another program has written to the index since a compaction began. `version` is the
    /// `PRAGMA data_version` of that time.
    func checkNoForeignWriter(since version: Int64) throws(VectorStoreError) {
        if try index.pragma("data_version") != version { throw .foreignWriter }
    }

    /// Cuts off half of the free tail; returns false if there is none. No row that the index names lies there, and no
    /// reader looks beyond the next slot of its snapshot, which is never above the current one.
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
            // The database had no room to grow, but the room from the tail may be enough for the log.
            guard error.code == .diskFull else { throw error }
        }
        return true
    }
}
