extension Maintenance {
    /// Removes the index rows of superseded and aborted generations, and gives the database's free pages back, turn by
    /// turn. Whatever a crash leaves of it, the next compaction or `recover` carries on with.
    func removeStaleRows() throws {
        try deleteStaleRows()
        // Deletes leave free pages too. What is given back is a gift: a disk too full for it is no reason to fail.
        do {
            while try commitWithoutSync({ index throws(VectorStoreError) in try index.vacuumSome() }) { try check() }
        } catch let error as VectorStoreError where error.code == .diskFull {}
    }

    /// The same without the pages.
    func deleteStaleRows() throws {
        while try commitWithoutSync({ index throws(VectorStoreError) in
            try index.removeStaleRows(current: try index.record().generation, limit: limits.rows)
        }) > 0 {
            try check()
        }
    }

    /// How many rows had been appended when the first `limit` of them were looked at.
    func appendedRows(_ first: [LiveRow], limit: Int) throws(VectorStoreError) -> Int {
        first.count < limit ? first.count : try index.countRows(StoreIndex.appendedGeneration)
    }
}
