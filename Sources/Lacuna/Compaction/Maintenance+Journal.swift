extension Maintenance {
    /// The journal's entry of a compaction, committed, and the record of that moment. From it on, writers note what they
    /// append where rows are going to move.
    func begin(
        _ strategy: JournalEntry.Strategy,
        _ before: FileStatus
    ) throws -> (journal: Int64, record: StoreRecord) {
        try turn { session in
            let index = session.index
            if PlantedBug.journalNotCommitted.isPlanted { try index.connection.execute("PRAGMA synchronous = NORMAL") }
            let (journal, record, foreignVersion) = try session.commit { () throws(VectorStoreError) in
                if strategy.movesRows { try index.checkNothingAppended() }
                let record = try index.record()
                let target = strategy == .rewrite ? record.nextGeneration : nil
                let start = JournalStart(
                    strategy: strategy,
                    source: record,
                    targetGeneration: target,
                    allocatedBefore: before.allocated
                )
                let journal = try index.beginJournal(start)
                if target != nil {
                    var next = record
                    next.nextGeneration += 1
                    try index.update(next)
                }
                return (journal, record, try index.pragma("data_version"))
            }
            if PlantedBug.journalNotCommitted.isPlanted { try index.connection.execute("PRAGMA synchronous = FULL") }
            if strategy.movesRows {
                let target = strategy == .rewrite ? record.nextGeneration : nil
                session.staging.begin(target: target, foreignVersion: foreignVersion)
            }
            return (journal, record)
        }
    }

    /// Why something was stopped, for the journal: without ids, which an erasure would have to find there.
    static func journalText(_ error: any Error) -> String {
        guard let error = error as? VectorStoreError else { return "stopped: \(error)" }
        return error.ids.isEmpty ? error.message : "\(error.code): \(error.ids.count) ids"
    }

    /// Ends the journal's entry of something that was stopped.
    func abort(_ journal: Int64, after error: any Error) {
        let reason = Self.journalText(error)
        _ = try? commit { index throws(VectorStoreError) in
            try index.endJournal(journal, allocatedAfter: nil, error: reason)
        }
    }
}
