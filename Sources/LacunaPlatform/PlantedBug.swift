/// Faults that the crash tests put into the store, one at a time, to check that they would find them.
///
/// They are compiled in only if `LACUNA_PLANTED_BUGS` is set in the environment of the build, as `make test` does. In
/// any other build each of them is a constant false.
@usableFromInline
package enum PlantedBug: String, CaseIterable, Sendable {
    /// Rows aren't synced before the commit that names them.
    case rowsNotSynced
    /// The commit comes before the sync of its rows.
    case commitBeforeRows
    /// SQLite's log isn't synced at a commit.
    case logNotSynced
    /// The log's name isn't synced before the first commit.
    case logNameNotSynced
    /// The log's name isn't synced before a checkpoint changes the database.
    case checkpointBeforeLogName
    /// A new data file's name isn't synced before the commit that names it.
    case directoryNotSynced
    /// A rewrite's target isn't synced before the commit that makes it the data file.
    case targetNotSynced
    /// A re-embedding commits a batch of rows before it syncs their new vectors.
    case newVectorsNotSynced
    /// A re-embedding keeps the new vectors of rows that were replaced or deleted since.
    case staleVectorsKept
    /// A rewrite removes the old file before the commit that supersedes it.
    case unlinkBeforeCommit
    /// A rewrite's journal entry isn't durable before its target is made.
    case journalNotCommitted
    /// The first staged rows make their generation the current one.
    case stagedRowsVisible
    /// Rows that a compaction in place moves aren't synced before the commit that moves their ids.
    case movesNotSynced
    /// A compaction in place cuts the file before the commit that lowers the next offset.
    case truncateBeforeCommit
    /// A compaction in place lowers the next offset in the commit of its first batch.
    case offsetFallsEarly
    /// Deleting punches the rows' blocks before its commit.
    case punchBeforeCommit
    /// A replacement overwrites the row that the index names.
    case overwriteInPlace
    /// A compaction copies rows without checking their checksums.
    case checksumNotChecked
    /// An erasure is journalled as finished before its zeros are durable.
    case zerosNotSynced
    /// Recovery copies a log into the database though the log may not be on the disk.
    case logNotWrittenAgain
    /// Recovery assumes that pages that an earlier checkpoint has copied into the database are on the disk.
    case checkpointBelieved
    /// Recovery assumes that rows that only the log names are on the disk.
    case rowsNotWrittenAgain
    /// The mark names a commit before the commit is durable.
    case markBeforeCommit
    /// The log isn't checked before it is used.
    case logNotChecked
    /// A log is accepted beside any database, or beside one that another mark belongs to.
    case logOriginNotChecked
    /// Recovery assumes that the data file has the rows that only the log names.
    case rowsOfLogNotChecked
    /// A delete or a replacement doesn't mark the row's slot as dead.
    case deadNotNoted
    /// A put doesn't record its row in a run.
    case runNotExtended
    /// A compaction in place doesn't announce that slots hold other rows than before.
    case moveNotAnnounced
    /// A compaction that moves rows keeps the files that were derived from them.
    case derivedFileKept
    /// The removal of a derived file isn't durable before its row is deleted.
    case derivedNameNotSynced
    /// A migration runs each statement in a transaction of its own.
    case migrationInParts
    /// A new store's database gets its name before its bytes are on the disk.
    case newIndexNotSynced
    /// A new store's directory is acknowledged before its name is durable.
    case parentNotSynced
    /// The mark of a commit isn't synced.
    case markNotSynced
    /// The rows that a backup or a restore copies, or a backup appends, aren't synced before the index that names them.
    case copiedRowsNotSynced
    /// A copy's index gets its name before its bytes are on the disk.
    case copiedIndexNotSynced
    /// A copy counts as complete before the names in it are durable.
    case copiedNamesNotSynced
    /// A new index takes the name of a backup's old index before the removal of the old log is durable.
    case removedLogNotSynced
    /// A backup or a restored store is acknowledged before its directory's name is durable.
    case placeNotSynced
    /// A replaced backup is removed before its successor's name is durable.
    case exchangeNotSynced
    /// If names can't be exchanged, a directory gets a name before it is durable that the other directory has given it
    /// up.
    case firstStepNotSynced
    /// A restore reports the old store's new name before that name is durable.
    case asideNotSynced

    #if LACUNA_PLANTED_BUGS
    @TaskLocal package static var planted: PlantedBug?
    package var isPlanted: Bool { Self.planted == self }
    #else
    @inlinable @inline(__always) package var isPlanted: Bool { false }
    #endif
}
