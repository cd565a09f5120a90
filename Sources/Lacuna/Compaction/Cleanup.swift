extension WriteSession {
    private static let cleanupBatch = 20_000

    /// Removes the index rows of superseded and aborted generations, and gives the database's free pages back, in
    /// bounded transactions. Whatever a crash leaves of it, the next compaction or `recover` carries on with.
    @discardableResult
    func removeStaleRows() throws(VectorStoreError) -> Int {
        var removed = 0
        while true {
            let batch = try commit { () throws(VectorStoreError) in
                try index.removeStaleRows(current: try index.record().generation, limit: Self.cleanupBatch)
            }
            if batch == 0 { break }
            removed += batch
        }
        // Deletes leave free pages too. What is given back is a gift: a disk too full for it is no reason to fail.
        do throws(VectorStoreError) {
            while try index.vacuumSome() {}
        } catch {
            if error.code != .diskFull { throw error }
        }
        return removed
    }
}
