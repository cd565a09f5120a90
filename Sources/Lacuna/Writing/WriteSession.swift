/// What the one writer works with while it holds the writer's lock.
package struct WriteSession {
    let index: StoreIndex
    let paths: StorePaths
    let files: CurrentFile
    let fileSystem: any FileSystem
    /// What a compaction under way is told of every write.
    let staging = Staging()
    var logLimit = LogLimit()
    /// Called in the writer's turn with the record that a transaction of rows or metadata has just committed.
    var onCommit: @Sendable (StoreRecord) -> Void = { _ in }

    func currentFile() throws(VectorStoreError) -> DataFile {
        guard let file = files.value else {
            throw VectorStoreError(.closed, "the store was closed; open it again")
        }
        return file
    }

    /// One durable transaction that adds no rows. On a full disk it gives half of the data file's tail back, empties the
    /// log into the database, and tries once more; `body` may thus run twice.
    func commit<R>(_ body: () throws(VectorStoreError) -> R) throws(VectorStoreError) -> R {
        do {
            return try index.connection.transaction(body)
        } catch {
            guard error.code == .diskFull, try giveBackTail() else { throw error }
            return try index.connection.transaction(body)
        }
    }

    /// Commits the open transaction with all of `rows`, or rolls it back. On a full disk deleting still works: a transaction
    /// that does nothing else is repeated as ``delete(_:)``.
    func commit(_ rows: RowWriter) throws(VectorStoreError) {
        do {
            try rows.finish()
            try index.connection.run("COMMIT")
            if PlantedBug.commitBeforeRows.isPlanted { try currentFile().sync() }
        } catch {
            index.connection.rollBack()
            guard error.code == .diskFull, let deletes = rows.repeatableDeletes, try giveBackTail() else { throw error }
            _ = try delete(deletes)
            return
        }
        committed(rows)
    }

    private func committed(_ rows: RowWriter) {
        staging.stagedRows -= rows.unstagedRows
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

    /// Throws if another program has written to the index since the compaction under way began.
    func checkNoForeignWriter() throws(VectorStoreError) {
        if try index.pragma("data_version") != staging.foreignVersion { throw .foreignWriter }
    }

    /// Cuts half of the free tail off; false if there is none. No row that the index names lies there, and no reader
    /// looks beyond the next offset of its snapshot, which is never above the current one.
    func giveBackTail() throws(VectorStoreError) -> Bool {
        let record = try index.record()
        let file = try currentFile()
        let size = try file.status().size
        guard
            let length = Preallocation.halvedLength(
                rowsEnd: record.nextOffset,
                size: size,
                stride: record.stride
            )
        else { return false }
        try file.truncate(to: length)
        do { try index.emptyLog() } catch {
            // The database had no room to grow; what the tail gave back may be enough for the log.
            guard error.code == .diskFull else { throw error }
        }
        return true
    }
}
