/// Copies the live rows, in offset order, into the next generation's file.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the journal says `copying` | no target | marks it aborted |
/// | 2. the target has its header, synced with its name | an empty target | drops it |
/// | 3. rows are copied | a partial target | drops it |
/// | 4. index rows are staged | rows of a generation that isn't current | drops the target; the rows go later |
/// | 5. the target is synced | a whole target that nothing names | drops it |
/// | 6. the commit: generation, file, next offset, `committed` | both files | drops the source |
/// | 7. the source is unlinked | the source's index rows | they go later |
/// | 8. those are removed, the journal says `finished` | nothing | |
struct Rewrite {
    let session: WriteSession
    let progress: ProgressHandler

    private static let stagingBatch = 20_000
    private static let nameAttempts = 1_000

    private var index: StoreIndex { session.index }

    func run() throws -> CompactionReport {
        try session.removeStaleRows()
        let source = try session.currentFile()
        let record = try index.record()
        let live = try LiveBitmap.load(index, record, source)
        try source.sync()
        let before = try source.status()
        let journal = try begin(record, before)
        let target: DataFile
        do { target = try createTarget(journal, record) } catch {
            // The name that the journal has may be somebody else's file: a target that wasn't made isn't removed.
            abort(journal, nil, after: error)
            throw error
        }
        do {
            let checksums = try copy(live, from: source, to: target)
            try stage(live, checksums, from: source, to: target)
            try target.sync()
            try switchOver(journal, live, to: target)
        } catch {
            abort(journal, target, after: error)
            throw error
        }
        try finish(journal, source, target)
        let after = try target.status()
        return CompactionReport(
            strategy: .rewrite,
            liveRows: live.liveCount,
            movedRows: live.liveCount,
            writtenBytes: DataFileHeader.length + Int64(live.liveCount) * target.stride,
            logicalBefore: before.size,
            logicalAfter: after.size,
            allocatedBefore: before.allocated,
            allocatedAfter: after.allocated,
            generation: target.header.generation
        )
    }

    // MARK: Before the commit

    private func begin(_ record: StoreRecord, _ before: FileStatus) throws(VectorStoreError) -> Int64 {
        try session.commit { () throws(VectorStoreError) in
            let journal = try index.beginJournal(
                JournalStart(
                    strategy: .rewrite,
                    state: .copying,
                    source: record,
                    targetGeneration: record.nextGeneration,
                    allocatedBefore: before.allocated
                )
            )
            var next = record
            next.nextGeneration += 1
            try index.update(next)
            return journal
        }
    }

    /// A name that is taken is somebody else's file: the next number's turn, in the journal first.
    private func createTarget(_ journal: Int64, _ record: StoreRecord) throws(VectorStoreError) -> DataFile {
        var generation = record.nextGeneration
        for _ in 0..<Self.nameAttempts {
            let header = DataFileHeader(
                store: record.header.store,
                generation: generation,
                dimension: record.dimension
            )
            do { return try DataFile.create(session.paths, header, session.fileSystem) } catch {
                guard error.isNameTaken else { throw VectorStoreError(error) }
            }
            generation = try session.commit { () throws(VectorStoreError) in
                var next = try index.record()
                let generation = next.nextGeneration
                next.nextGeneration += 1
                try index.retargetJournal(journal, generation: generation)
                try index.update(next)
                return generation
            }
        }
        throw VectorStoreError(
            .alreadyExists,
            "\(session.paths.directory) is full of data files of other stores; move them away"
        )
    }

    private func copy(_ live: LiveBitmap, from source: DataFile, to target: DataFile) throws -> RowChecksums {
        try target.extend(to: target.offset(live.liveCount))
        let checksums = try RowChecksums()
        var copied = 0
        try unsafe source.forEachLiveBatch(live) { rows in
            try unsafe target.write(rows, at: target.offset(copied))
            try checksums.append(unsafe target.checksums(of: rows))
            copied += rows.count / Int(target.stride)
            try progress(MaintenanceProgress(done: copied, total: live.liveCount))
        }
        try checksums.finish()
        return checksums
    }

    /// Stages the target's index rows, each checked against the row that was copied for it.
    private func stage(
        _ live: LiveBitmap,
        _ checksums: RowChecksums,
        from source: DataFile,
        to target: DataFile
    ) throws {
        var mismatches: [String] = []
        let sourceEnd = source.offset(live.slots)
        let relocated = IntegerFunction { arguments in
            // Another program may have written to the index since the live rows were marked.
            guard case .integer(let offset) = arguments[1], case .integer(let checksum) = arguments[2],
                source.isRow(offset, below: sourceEnd), live[source.slot(offset)]
            else {
                mismatches.append(arguments[0].idText)
                return target.offset(0)
            }
            let rank = live.rank(source.slot(offset))
            if Int64(arguments[0].checksum(continuing: checksums[rank])) != checksum {
                mismatches.append(arguments[0].idText)
            }
            return target.offset(rank)
        }
        let generations = (source.header.generation, target.header.generation)
        try index.connection.withFunction("relocated", arguments: 3, relocated) {
            while try session.commit({ () throws(VectorStoreError) in
                try index.stage(from: generations.0, to: generations.1, limit: Self.stagingBatch)
            }) > 0 {
                try progress(MaintenanceProgress(done: live.liveCount, total: live.liveCount))
            }
        }
        if !mismatches.isEmpty {
            throw VectorStoreError.damaged(
                "the rows of the ids \(VectorStoreError.list(mismatches)) don't match their checksums",
                ids: mismatches
            )
        }
    }

    /// The commit point: from here on the target is the data file.
    private func switchOver(_ journal: Int64, _ live: LiveBitmap, to target: DataFile) throws(VectorStoreError) {
        try session.commit { () throws(VectorStoreError) in
            let staged = try index.countRows(target.header.generation)
            guard staged == live.liveCount else {
                throw .damaged("\(staged) rows were staged for \(live.liveCount) that live")
            }
            var record = try index.record()
            record.generation = target.header.generation
            record.dataFile = StorePaths.dataFileName(generation: record.generation)
            record.nextOffset = target.offset(live.liveCount)
            record.liveRows = Int64(live.liveCount)
            try index.update(record)
            try index.commitJournal(
                journal,
                rowsMoved: live.liveCount,
                bytesWritten: record.nextOffset
            )
        }
    }

    /// Leaves the store as it was. After an I/O error nobody can say whether the last commit reached the disk: then both
    /// files stay, and recovery decides at the next open. Else the journal first, so that the commit that ends this
    /// attempt is durable before a byte of it is gone.
    private func abort(_ journal: Int64, _ target: DataFile?, after error: any Error) {
        if (error as? VectorStoreError)?.code == .ioError { return }
        let reason = (error as? VectorStoreError)?.message ?? "stopped: \(error)"
        func end() -> Bool {
            (try? session.commit { () throws(VectorStoreError) in
                try index.endJournal(journal, allocatedAfter: nil, error: reason)
            }) != nil
        }
        if !end() {
            // The disk is full, of this copy among others. Nothing names its rows, whatever the journal says.
            try? target?.truncate(to: 0)
            if !end() { return }
        }
        if let target { try? session.fileSystem.unlink(target.path) }
        _ = try? session.removeStaleRows()
    }

    // MARK: After the commit

    /// The rows are where they belong, whatever happens here: on a full disk the rest is left to the next compaction or
    /// recovery, which finds it in the journal.
    private func finish(_ journal: Int64, _ source: DataFile, _ target: DataFile) throws(VectorStoreError) {
        session.files.advance(to: target)
        try? session.fileSystem.unlink(source.path)
        do throws(VectorStoreError) {
            try session.removeStaleRows()
            let record = try index.record()
            if record.liveRows > 0 {
                // The reserve for deletes on a full disk; without room for it there is none, as before.
                try? target.extend(to: Preallocation.compactLength(rowsEnd: record.nextOffset, stride: record.stride))
            }
            let allocated = try target.status().allocated
            try session.commit { () throws(VectorStoreError) in
                try index.endJournal(journal, allocatedAfter: allocated)
            }
        } catch {
            guard error.code == .diskFull else { throw error }
        }
    }
}
