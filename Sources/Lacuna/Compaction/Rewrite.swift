import Dispatch

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

    private static let nameAttempts = 1_000

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
        do { target = try createTarget(&start, like: before) } catch {
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
        try finish(start, consume source, target)
        let after = try target.status()
        return CompactionReport(
            strategy: .rewrite,
            liveRows: result.liveRows,
            movedRows: result.copiedRows,
            writtenBytes: target.layout.offset(Slot(result.copiedRows)),
            logicalBefore: before.size,
            logicalAfter: after.size,
            allocatedBefore: before.allocated,
            allocatedAfter: after.allocated,
            generation: target.header.generation,
            keptOwner: after.owner == before.owner && after.group == before.group
        )
    }

    // MARK: Before the commit

    /// Makes the target. If its name is taken by somebody else's file, tries the next number, which is put into the
    /// journal first.
    private func createTarget(_ start: inout Start, like model: FileStatus) throws -> DataFile {
        let directory = maintenance.paths.directory
        for _ in 0..<Self.nameAttempts {
            let header = DataFileHeader(
                store: start.record.header.store,
                generation: start.targetGeneration,
                start.record.layout
            )
            do {
                return try DataFile.create(in: directory, header, like: model, maintenance.fileSystem)
            } catch {
                guard error.isNameTaken else { throw VectorStoreError(error) }
            }
            let journal = start.journal
            start.targetGeneration = try maintenance.turn { session in
                let generation = try session.commit { () throws(VectorStoreError) in
                    var next = try session.index.record()
                    let generation = next.takeGeneration()
                    try session.index.retargetJournal(journal, generation, next.layout.element)
                    try session.index.update(next)
                    return generation
                }
                session.staging.retarget(generation)
                return generation
            }
        }
        throw VectorStoreError(
            .alreadyExists,
            "\(maintenance.paths.directory.path) is full of data files of other stores",
            remedy: "move them away"
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

    // MARK: After the commit

    /// After the commit the rows are safe, whatever happens here. If this fails, the next compaction or recovery finds
    /// the rest of the work in the journal.
    private func finish(_ start: Start, _ source: consuming DataFile, _ target: DataFile) throws {
        // If the target has lost its name, the source is the only named file and is kept.
        if (try? maintenance.turn { try $0.checkIdentity() }) != nil { try? source.unlink() }
        // Closing the source gives its blocks back, which takes the kernel a while.
        let closing = DispatchGroup()
        DispatchQueue(label: "lacuna.close").async(group: closing) { [source = consume source] in _ = source }
        defer { closing.wait() }
        do { try maintenance.removeStaleRows() } catch {
            // If this is stopped, or the disk is full, the rest of the old index rows stays for later.
            if (error as? VectorStoreError)?.code == .ioError { throw error }
        }
        do {
            try maintenance.turn { session in
                let record = try session.index.record()
                if record.liveRows > 0 {
                    // Makes the reserve for deletes on a full disk, if there is room for it.
                    let length = Preallocation.compactLength(rowsEnd: record.rowsEnd, stride: record.stride)
                    try? session.currentFile().extend(to: length)
                }
                let allocated = try session.currentFile().status().allocated
                try session.commit { () throws(VectorStoreError) in
                    try session.index.endJournal(start.journal, allocatedAfter: allocated)
                }
            }
        } catch let error as VectorStoreError where error.code == .diskFull {}
    }
}
