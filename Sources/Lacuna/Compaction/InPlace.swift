/// Moves rows from the end of the data file into the gaps before them, batch by batch, and cuts the file.
///
/// Takes no room for a copy: what is needed on top is a batch's index pages in the log, and the blocks of gaps that were
/// punched.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the journal says `moving` | nothing moved | ends the entry |
/// | 2. the readers that could see rows in the gaps are gone | the same | the same |
/// | 3. a batch is copied into gaps, whose blocks are reserved first, and synced | bytes in gaps that nothing names | the same |
/// | 4. the commit that moves its ids | a valid store; the rows' old places are dead | keeps what was moved |
/// | 5. what was appended meanwhile is moved likewise, round by round | the same | the same |
/// | 6. the readers that could see rows in their old places are gone | the same | the same |
/// | 7. the next slot falls, in a commit of its own | a long tail | cuts it |
/// | 8. the file is cut, the journal says `finished` | nothing | |
struct InPlace {
    let maintenance: Maintenance

    /// With `moving` false only the dead rows at the very end are cut off.
    func run(moving: Bool = true) throws -> CompactionReport {
        try maintenance.removeStaleRows()
        let file = try maintenance.openCurrentFile()
        try maintenance.failing { try file.sync() }
        let before = try file.status()
        let start = try maintenance.begin(.inPlace, before)
        var moves: InPlaceMoves
        do {
            moves = try InPlaceMoves(maintenance, start, file, moving: moving)
            try moves.run()
        } catch {
            abort(start.journal, after: error)
            throw error
        }
        let after = try finish(start.journal)
        return CompactionReport(
            strategy: .inPlace,
            liveRows: Int(try maintenance.index.record().liveRows),
            movedRows: moves.movedRows,
            writtenBytes: moves.writtenBytes,
            logicalBefore: before.size,
            logicalAfter: after.size,
            allocatedBefore: before.allocated,
            allocatedAfter: after.allocated,
            generation: start.record.generation
        )
    }

    /// What was moved stays moved.
    private func abort(_ journal: Int64, after error: any Error) {
        maintenance.abort(journal, after: error)
        try? maintenance.removeStaleRows()
    }

    /// Cuts the tail down to the reserve. Whoever sees a row that lay there has gone; whoever is just beginning to read,
    /// and finds the file shorter than the state it has, takes the next one.
    private func finish(_ journal: Int64) throws -> FileStatus {
        try maintenance.turn { session in
            let record = try session.index.record()
            let file = try session.currentFile()
            let end = record.rowsEnd
            let length =
                record.liveRows == 0 ? end : Preallocation.compactLength(rowsEnd: end, stride: record.stride)
            if try file.status().size > length { try file.truncate(to: length) }
            let status = try file.status()
            try session.removeStaleDerivedFiles()
            try session.commit { () throws(VectorStoreError) in
                try session.index.endJournal(journal, allocatedAfter: status.allocated)
            }
            return status
        }
    }
}
