/// Copies the live rows, in the order of their slots, into the next generation's file, while readers and writers go on.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the journal says `copying`; from now on writers tell which rows die | no target | marks it aborted |
/// | 2. the target has its header, synced with its name | an empty target | drops it |
/// | 3. rows are copied | a partial target | drops it |
/// | 4. index rows are staged | index rows of a generation that isn't current | drops the target; the index rows go later |
/// | 5. rows appended meanwhile are copied and staged, round by round | the same | the same |
/// | 6. writers wait: the last few rows are copied, and the target is synced | a whole target that nothing names | drops it |
/// | 7. the commit: generation, file, next slot, `committed` | both files | drops the source |
/// | 8. the source is unlinked | the source's index rows | they go later |
/// | 9. those are removed, the journal says `finished` | nothing | |
///
/// A delete or a replacement that comes while this runs removes the row from the staged rows, in its own transaction:
/// ``RowWriter``. So every staged row is live.
struct Rewrite {
    let maintenance: Maintenance

    /// The facts that the first commit has fixed. The rows below the record's next slot are the first round.
    struct Start {
        let begun: Maintenance.Start
        var targetGeneration: Int64

        var journal: Int64 { begun.journal }
        var record: StoreRecord { begun.record }
    }

    func run() throws -> CompactionReport {
        try maintenance.removeStaleRows()
        let source = try maintenance.openCurrentFile()
        try maintenance.failing { try source.sync() }
        let before = try source.status()
        let begun = try maintenance.begin(.rewrite, before)
        var start = Start(begun: begun, targetGeneration: begun.targetGeneration)
        let target: DataFile
        do {
            let header = begun.record.header
            target = try maintenance.createTarget(&start.targetGeneration, begun.journal, header, like: before)
        } catch {
            // The name in the journal may be that of somebody else's file, so a target that wasn't made isn't removed.
            abort(start, nil, after: error)
            throw error
        }
        let result: RewriteCopy.Outcome
        do {
            var copy = try RewriteCopy(maintenance, start, from: source, to: target)
            result = try copy.run()
        } catch {
            abort(start, target, after: error)
            throw error
        }
        try maintenance.finish(start.journal, consume source, target)
        let after = try target.status()
        return CompactionReport(
            strategy: .rewrite,
            liveRows: result.liveRows,
            movedRows: result.copiedRows,
            writtenBytes: target.layout.offset(Slot(result.copiedRows)),
            logicalBytesBefore: before.size,
            logicalBytesAfter: after.size,
            allocatedBytesBefore: before.allocated,
            allocatedBytesAfter: after.allocated,
            generation: target.header.generation,
            isOwnerKept: after.owner == before.owner && after.group == before.group
        )
    }

    /// Leaves the store as it was. The journal's entry is ended first, so that this commit is durable before the target
    /// is removed. If an I/O error has ended a commit, nobody knows whether the commit reached the disk: then there are
    /// no more turns, both files stay, and recovery decides at the next open.
    private func abort(_ start: Start, _ target: DataFile?, after error: any Error) {
        let reason = Maintenance.journalText(error)
        func end() -> Bool {
            let ended: Bool? = try? maintenance.turn { session in
                session.staging.end()
                try session.commit { () throws(VectorStoreError) in
                    try session.index.endJournal(start.journal, allocatedAfter: nil, error: reason)
                }
                return true
            }
            return ended == true
        }
        if !end() {
            // The disk may be full, partly because of this copy. Nothing can name the copy's rows unless the handle has
            // failed.
            guard (try? maintenance.turn { _ in true }) == true else { return }
            try? target?.truncate(to: 0)
            if !end() { return }
        }
        try? target?.unlink()
        try? maintenance.removeStaleRows()
    }
}
