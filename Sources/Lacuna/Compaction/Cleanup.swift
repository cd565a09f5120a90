extension Maintenance {
    /// Removes the index rows of superseded and aborted generations, and gives the database's free pages back, turn by
    /// turn. Whatever a crash leaves of it, the next compaction or `recover` carries on with.
    func removeStaleRows() throws {
        try deleteStaleRows()
        // Deletes leave free pages too. What is given back is a gift: a disk too full for it is no reason to fail.
        do {
            while try commitBatch({ index throws(VectorStoreError) in try index.vacuumSome() }) { try check() }
        } catch let error as VectorStoreError where error.code == .diskFull {}
    }

    /// The same without the pages. First of all, the derived files of those generations.
    func deleteStaleRows() throws {
        try turn { try $0.removeStaleDerivedFiles() }
        while try commitBatch({ index throws(VectorStoreError) in
            try index.removeStaleRows(current: try index.record().generation, limit: limits.rows)
        }) > 0 {
            try check()
        }
    }

    /// One of many transactions, each of which adds to the log.
    func commitBatch<R>(_ body: (StoreIndex) throws(VectorStoreError) -> R) throws -> R {
        try turn { session in
            try session.log.limit()
            return try session.commit { () throws(VectorStoreError) in try body(session.index) }
        }
    }

    /// The most rows to catch up with at a time, once `rows` of those that writers had appended are done, and `rest` are left.
    /// Writers that append as much in the meantime would never be caught up with: more then, up to a bound.
    func nextLimit(_ limit: Int, rest: Int, _ backlog: inout Int, stride: Int64) -> Int {
        defer { backlog = rest }
        return rest >= backlog ? min(2 * limit, 64 * limits.rowsPerTurn(stride)) : limit
    }
}
