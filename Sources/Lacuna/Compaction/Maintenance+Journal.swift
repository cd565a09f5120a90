extension Maintenance {
    /// The facts that the first commit of a compaction has fixed.
    struct Start {
        /// The id of the journal's entry.
        let journal: Int64
        /// The record of that moment.
        let record: StoreRecord
        /// The generation that the compaction makes: a rewrite's new one, otherwise the current one.
        let targetGeneration: Int64
        /// `PRAGMA data_version` at that moment. If it changes, another program has written to the index.
        let foreignVersion: Int64
    }

    /// Begins a compaction in the journal, with a commit. From then on writers tell a rewrite which rows die.
    func begin(_ strategy: JournalEntry.Strategy, _ before: FileStatus) throws -> Start {
        try turn { session in
            let index = session.index
            if PlantedBug.journalNotCommitted.isPlanted { try index.connection.execute("PRAGMA synchronous = NORMAL") }
            let start = try session.commit { () throws(VectorStoreError) in
                let record = try index.record()
                var next = record
                let isRewrite = strategy == .rewrite
                let target = isRewrite ? next.takeGeneration() : record.generation
                let start = JournalStart(
                    strategy: strategy,
                    source: record,
                    targetGeneration: isRewrite ? target : nil,
                    allocatedBefore: before.allocated
                )
                let journal = try index.beginJournal(start)
                if isRewrite { try index.update(next) }
                return Start(
                    journal: journal,
                    record: record,
                    targetGeneration: target,
                    foreignVersion: try index.pragma("data_version")
                )
            }
            if PlantedBug.journalNotCommitted.isPlanted { try index.connection.execute("PRAGMA synchronous = FULL") }
            if strategy == .rewrite { session.staging.begin(target: start.targetGeneration) }
            return start
        }
    }

    /// The reason of an end, for the journal. It has no ids, since an erasure would have to find them there.
    static func journalText(_ error: any Error) -> String {
        guard let error = error as? VectorStoreError else { return "stopped: \(error)" }
        return error.ids.isEmpty ? error.detail : "\(error.code): \(error.ids.count) ids"
    }

    /// Ends the journal's entry of a compaction that was stopped.
    func abort(_ journal: Int64, after error: any Error) {
        let reason = Self.journalText(error)
        _ = try? commit { index throws(VectorStoreError) in
            try index.endJournal(journal, allocatedAfter: nil, error: reason)
        }
    }
}
