/// Moves rows from the end of the data file into the gaps before them, batch by batch, and cuts the file.
///
/// It needs no room for a copy, but only for a batch's index pages in the log, and for the blocks of gaps that were
/// punched.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the journal says `moving` | nothing moved | ends the entry |
/// | 2. readers that could see rows in the gaps are drained | the same | the same |
/// | 3. a batch is copied into gaps, whose blocks are reserved first, and synced | bytes in gaps that nothing names | the same |
/// | 4. the commit that moves its ids | a valid store; the rows' old places are dead | keeps what was moved |
/// | 5. rows appended meanwhile are moved in the same way, round by round | the same | the same |
/// | 6. readers that could see rows in their old places are drained | the same | the same |
/// | 7. the next slot is lowered, in a commit of its own | a long tail | cuts it |
/// | 8. the file is cut, the journal says `finished` | nothing | |
struct InPlace {
    let maintenance: Maintenance

    /// If `moving` is false, only the dead rows at the end of the file are cut off.
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
            logicalBytesBefore: before.size,
            logicalBytesAfter: after.size,
            allocatedBytesBefore: before.allocated,
            allocatedBytesAfter: after.allocated,
            generation: start.record.generation
        )
    }

    /// Ends the journal's entry. Rows that were moved stay moved.
    private func abort(_ journal: Int64, after error: any Error) {
        maintenance.abort(journal, after: error)
        try? maintenance.removeStaleRows()
    }

    /// Cuts the tail down to the reserve. Readers that could see a row there were drained; a reader that is just
    /// beginning, and finds the file shorter than its state says, takes the next state.
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
