extension Maintenance {
    /// Removes the index rows of superseded and aborted generations, and gives the database's free pages back, turn by
    /// turn. After a crash, the next compaction or `recover` does the rest.
    func removeStaleRows() throws {
        try deleteStaleRows()
        // Deletes leave free pages too. Giving pages back isn't essential: a full disk is no reason to fail.
        do {
            while try commitBatch({ index throws(VectorStoreError) in try index.vacuumSome() }) { try check() }
        } catch let error as VectorStoreError where error.code == .diskFull {}
    }

    /// The same without giving pages back. The derived files of those generations are removed first.
    func deleteStaleRows() throws {
        try turn { try $0.removeStaleDerivedFiles() }
        while try commitBatch({ index throws(VectorStoreError) in
            try index.removeStaleRows(current: try index.record().generation, limit: limits.rows)
        }) > 0 {
            try check()
        }
    }

    /// Makes one of many transactions, each of which adds to the log.
    func commitBatch<R>(_ body: (StoreIndex) throws(VectorStoreError) -> R) throws -> R {
        try turn { session in
            try session.log.limit()
            return try session.commit { () throws(VectorStoreError) in try body(session.index) }
        }
    }

    /// The most rows to catch up with in the next round, if `rest` appended rows are left. If the writers append as
    /// many rows as a round takes, the rounds would never catch up, so the next round is twice as large, up to a bound.
    func nextLimit(_ limit: Int, rest: Int, _ backlog: inout Int, stride: Int64) -> Int {
        defer { backlog = rest }
        return rest >= backlog ? min(2 * limit, 64 * limits.rowsPerTurn(stride)) : limit
    }
}
