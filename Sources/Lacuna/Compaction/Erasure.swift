#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Deletes rows, and overwrites their bytes: those of all dead rows of the data file, of its tail, and of all free
/// space in the index and its log.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. one transaction: the rows are deleted, the journal says `erasing` | all of their bytes | goes on with 2 |
/// | 2. the dead rows are found, and no reader sees them any more | the same | goes on with 2 |
/// | 3. dead rows and tail are zeroed, and the file is synced | some of the bytes, or all of them in the index | goes on with 2 |
/// | 4. the ids of dead rows, and stale index rows, are removed; the directory is synced, so that files retired before have lost their names durably | the same | goes on with 2 |
/// | 5. the text index is merged, and the index rebuilt (`VACUUM`), in one turn | its old pages in the log, and in the database | goes on with 2 |
/// | 6. the log is copied into the database, and cut to length 0 | nothing, or what step 5 leaves | goes on with 2 |
/// | 7. the journal says `finished` | nothing | |
///
/// The file of a re-embedding that was begun takes steps 3 and 4 as well: its dead rows are vectors of the same rows.
///
/// Each step may be repeated: only dead rows are overwritten, and zeros stay zeros. The commit of step 7 brings nothing
/// back: step 5 has written all pages anew that this commit writes to the empty log. Its sync also makes the cut of the
/// log durable, so that no power cut leaves `finished` beside an old log.
///
/// The dead rows are found *before* readers are drained: a reader that begins after that may see a row that dies later.
struct Erasure {
    let maintenance: Maintenance

    /// The bytes that are read at a time.
    private static let windowBytes = 1 << 20
    private static let pauseMicroseconds: UInt32 = 5_000

    /// Makes all steps. If there is no row to delete, rows that died before are erased.
    func run(_ ids: [SQLValue]) throws -> ErasureReport {
        let start = ContinuousClock.now
        // This comes before a row is deleted, so that a damaged index is refused unchanged.
        _ = try maintenance.failing { try liveRows() }
        try checkForWords()
        let isPending = try isPending()
        let erased = try begin(ids)
        let zeroed = try sayingWhatHolds { try complete(trustingZeros: !isPending) }
        var report = ErasureReport(erasedRows: erased, zeroedBytes: zeroed)
        report.duration = ContinuousClock.now - start
        report.longestWriterPause = maintenance.longestTurn
        return report
    }

    /// Completes all erasures that were interrupted. If an obstacle is in the way that need not prevent other work, the
    /// erasures stay pending, and the obstacle is returned.
    func resume() throws -> VectorStoreError? {
        if try !isPending() { return nil }
        do {
            try checkForWords()
            _ = try complete(trustingZeros: false)
        } catch let error as VectorStoreError {
            guard [.busy, .diskFull, .damaged, .unsupported].contains(error.code) else { throw error }
            return error
        }
        return nil
    }

    private func isPending() throws -> Bool {
        try maintenance.turn { try $0.index.journal().contains { $0.state == .erasing } }
    }

    // MARK: The steps

    private func begin(_ ids: [SQLValue]) throws -> Int {
        try maintenance.turn { session in
            try session.log.limit()
            let index = session.index
            let allocated = try session.currentFile().status().allocated
            return try session.delete(ids) { () throws(VectorStoreError) in
                let record = try index.record()
                let start = JournalStart(
                    strategy: .erase,
                    source: record,
                    allocatedBefore: allocated
                )
                _ = try index.beginJournal(start)
                // Derived files may contain bytes that are to be erased.
                try index.giveUpDerivedFiles(record.generation)
            }
        }
    }

    /// Adds to an error that the rows are deleted: without that, it would read as if nothing had been changed.
    private func sayingWhatHolds<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as VectorStoreError {
            throw error.within(
                "the rows are deleted, but not erased yet",
                remedy:
                    "\(error.remedy); the erasure goes on with the next \(.openForWriting), \(.erase) or \(.compact)"
            )
        }
    }

    /// Makes steps 2 to 7; returns the number of bytes that were zeroed. An interrupted erasure may have ended with a
    /// failed sync, so its zeros are not trusted and are written again.
    private func complete(trustingZeros: Bool) throws -> Int64 {
        try maintenance.failing {
            let file = try maintenance.openCurrentFile()
            // Since an erasure was interrupted, codes may have been made, also of rows that are to be erased.
            try maintenance.commit { index throws(VectorStoreError) in
                if try !index.derivedFiles().isEmpty { try index.giveUpDerivedFiles(index.record().generation) }
            }
            let live = try liveRows()
            try maintenance.drainReaders(before: "erased")
            var zeroed = try zeroDeadRows(live, file, trustingZeros) + zeroTail(live, file, trustingZeros)
            if !PlantedBug.zerosNotSynced.isPlanted { try file.sync() }
            try forgetDeadIDs(live, of: file.header.generation)
            zeroed += try eraseFromReembedding(trustingZeros)
            try maintenance.deleteStaleRows()
            try mapped(maintenance.fileSystem.sync(maintenance.paths.directory))
            // The log is emptied before rebuilding, too: if a reader kept the log, each attempt to rebuild would make
            // it longer by the whole index.
            try emptyLog()
            try rebuildIndex()
            try emptyLog()
            let allocated = try file.status().allocated
            try maintenance.commit { index throws(VectorStoreError) in
                for entry in try index.journal() where entry.state == .erasing {
                    try index.endJournal(entry.id, allocatedAfter: allocated)
                }
            }
            return zeroed
        }
    }

    /// Overwrites the new vectors that a re-embedding under way has of rows that are dead now.
    private func eraseFromReembedding(_ trustingZeros: Bool) throws -> Int64 {
        let (record, staged) = try maintenance.turn { session in
            let record = try session.index.record()
            return (record, try session.index.reembedding(record))
        }
        guard let staged else { return 0 }
        let file: DataFile
        let directory = maintenance.paths.directory
        do throws(DataFile.Unusable) {
            file = try DataFile.open(staged.dataFile, in: directory, .readWrite, maintenance.fileSystem)
        } catch { throw error.asError(staged.dataFile) }
        guard file.header == staged.successor(of: record).header else {
            throw VectorStoreError.moved(directory, staged.dataFile)
        }
        let live = try LiveBitmap.load(maintenance.index, staged.successor(of: record))
        let zeroed = try zeroDeadRows(live, file, trustingZeros) + zeroTail(live, file, trustingZeros)
        if !PlantedBug.zerosNotSynced.isPlanted { try file.sync() }
        try forgetDeadIDs(live, of: staged.generation)
        return zeroed
    }

    private func liveRows() throws -> LiveBitmap {
        let record = try maintenance.turn { try $0.index.record() }
        return try LiveBitmap.loadChecked(maintenance.index, record).live
    }

    /// Zeroes dead rows beside readers and writers: nobody sees these rows, and nobody writes to their slots.
    private func zeroDeadRows(_ live: LiveBitmap, _ file: DataFile, _ trustingZeros: Bool) throws -> Int64 {
        let limit = Int64(min(maintenance.limits.bytes, Self.windowBytes))
        var zeroedBytes: Int64 = 0
        var window = DeadWindow()
        func zero() throws {
            let zeroed = try file.zeroRemains(window, trustingZeros: trustingZeros)
            zeroedBytes += zeroed.zeroedBytes
            try maintenance.advance(
                file.layout.slot(at: window.upperBound).number,
                of: live.slots.number,
                bytes: Int(zeroed.readBytes)
            )
            window = DeadWindow()
        }
        // Holes are passed over: they have no bytes, and may be far longer than everything that was ever written.
        var extents = DataExtents(file)
        try live.forEachStretch(live: false) { run in
            try extents.forEachPart(of: file.layout.offsets(run)) { part in
                var rest = part
                while true {
                    rest = window.take(rest, limit: limit)
                    if rest.isEmpty { break }
                    try zero()
                }
            }
        }
        if !window.isEmpty { try zero() }
        return zeroedBytes
    }

    /// Zeroes the tail, which may hold bytes of batches that failed, and of rows from before the file was cut. Writers
    /// put new rows there, so this is done in the writer's turns; a long tail takes several.
    private func zeroTail(_ live: LiveBitmap, _ file: DataFile, _ trustingZeros: Bool) throws -> Int64 {
        let limit = Int64(maintenance.limits.bytes)
        var zeroedBytes: Int64 = 0
        var position: Int64 = 0
        // Space that is reserved after this has no old bytes.
        let end = try file.status().size
        while true {
            let (zeroed, isDone) = try maintenance.turn { session in
                let size = min(end, try file.status().size)
                var record = try session.index.record()
                if record.generation != file.header.generation, let staged = try session.index.reembedding(record) {
                    record = staged.successor(of: record)
                }
                let rowsEnd = max(position, record.rowsEnd)
                let begin = file.extent(from: rowsEnd)?.lowerBound ?? size
                position = min(size, begin + limit)
                var zeroed = DataFile.Zeroed()
                var rest = begin..<max(begin, position)
                while !rest.isEmpty {
                    var window = DeadWindow()
                    rest = window.take(rest, limit: Int64(Self.windowBytes))
                    let part = try file.zeroRemains(window, trustingZeros: trustingZeros)
                    zeroed.readBytes += part.readBytes
                    zeroed.zeroedBytes += part.zeroedBytes
                }
                return (zeroed, position >= size)
            }
            zeroedBytes += zeroed.zeroedBytes
            try maintenance.advance(live.slots.number, of: live.slots.number, bytes: Int(zeroed.readBytes))
            if isDone { return zeroedBytes }
        }
    }

    /// Removes the ids of dead slots from the runs.
    private func forgetDeadIDs(_ live: LiveBitmap, of generation: Int64) throws {
        var next: Slot? = Slot(0)
        while let slot = next {
            next = try maintenance.commitBatch { index throws(VectorStoreError) in
                let record = try index.record()
                return try index.forgetDeadIDs(
                    from: slot,
                    runs: Self.runsOfBatch,
                    generation,
                    record.codec
                ) { $0 < live.slots && !live[$0] }
            }
            try maintenance.check()
        }
    }

    private static let runsOfBatch = 1_000

    /// - Throws: `unsupported` if this process couldn't erase words from the text index.
    private func checkForWords() throws {
        try maintenance.turn { session in
            if try session.index.textIndex() != nil, try !session.index.hasFTS5() { throw StoreIndex.noFTS5 }
        }
    }

    /// Rebuilds the index in one turn, for which writers wait: SQLite can't do it in smaller steps.
    private func rebuildIndex() throws {
        try maintenance.check()
        try maintenance.turn { session in
            // The first commit in a log must say to which database the log belongs, and the commit of SQLite's `VACUUM`
            // doesn't.
            if session.log.mark.beginsLog {
                try session.commit { () throws(VectorStoreError) in try session.index.raiseSequence() }
            }
            // A commit without changes would begin a log as well, and say nothing in it.
            if try session.index.hasTextsOrSamples() {
                try session.commit { () throws(VectorStoreError) in
                    try session.index.forgetDeadTexts(session.index.record().idKind)
                    try session.index.forgetSamples()
                }
            }
            do { try session.index.rebuild() } catch let error as VectorStoreError {
                // The pages that it has written so far are in the log, and take room that others need.
                if error.code == .diskFull {
                    do throws(VectorStoreError) { _ = try session.log.empty() } catch {
                        guard error.code == .diskFull || error.code == .busy else { throw error }
                    }
                }
                throw error
            }
        }
    }

    /// Readers of states from after the deletion may still need the log. Between two attempts, writers go on.
    private func emptyLog() throws {
        let deadline = ContinuousClock.now + .seconds(maintenance.limits.drainSeconds)
        while try !hasEmptiedLog() {
            try maintenance.check()
            if ContinuousClock.now >= deadline {
                throw VectorStoreError(
                    .busy,
                    "a reader still needs SQLite's log, which holds what was deleted",
                    remedy: "let that reader end, or try again later"
                )
            }
            usleep(Self.pauseMicroseconds)
        }
    }

    private func hasEmptiedLog() throws -> Bool {
        try maintenance.turn { session in
            guard try session.log.empty() else { return false }
            return try session.log.fileBytes() == 0
        }
    }
}
