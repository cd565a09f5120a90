/// Releases the disk blocks inside maximal runs of dead rows, those that died long ago included.
///
/// The deletes that made the rows dead are durable, and no reader sees a state before them, when the first block goes. A
/// crash in the middle leaves some blocks released: nothing names a row in them, so there is nothing to undo.
struct Punch {
    let session: WriteSession
    let progress: ProgressHandler

    func run() throws -> CompactionReport {
        let index = session.index
        let record = try index.record()
        let file = try session.currentFile()
        let live = try LiveBitmap.load(index, record, file)
        try file.sync()
        let before = try file.status()
        let journal = try session.commit { () throws(VectorStoreError) in
            try index.beginJournal(
                JournalStart(
                    strategy: .punch,
                    state: .punching,
                    source: record,
                    allocatedBefore: before.allocated
                )
            )
        }
        do {
            guard try session.drainReaders() else {
                throw VectorStoreError(
                    .busy,
                    "a reader still sees rows that are to be released; close it, or try again later"
                )
            }
            try release(live, file, before.blockSize)
            try file.sync()
        } catch {
            if (error as? VectorStoreError)?.code != .ioError {
                let reason = (error as? VectorStoreError)?.message ?? "stopped: \(error)"
                _ = try? session.commit { () throws(VectorStoreError) in
                    try index.endJournal(journal, allocatedAfter: nil, error: reason)
                }
            }
            throw error
        }
        let after = try file.status()
        try session.commit { () throws(VectorStoreError) in
            try index.endJournal(journal, allocatedAfter: after.allocated)
        }
        return CompactionReport(
            strategy: .punch,
            liveRows: live.liveCount,
            logicalBefore: before.size,
            logicalAfter: after.size,
            allocatedBefore: before.allocated,
            allocatedAfter: after.allocated,
            generation: record.generation
        )
    }

    private func release(_ live: LiveBitmap, _ file: DataFile, _ blockSize: Int64) throws {
        try live.forEachRun(live: false) { run in
            guard let blocks = file.blocks(inside: run, blockSize: blockSize) else { return }
            if try !file.punchHole(blocks) {
                // No hole to be had here: the run is zeroed, and what was freed is measured as nothing.
                try file.zero(file.offset(run.lowerBound)..<file.offset(run.upperBound))
            }
            try progress(MaintenanceProgress(done: run.upperBound, total: live.slots))
        }
    }
}
