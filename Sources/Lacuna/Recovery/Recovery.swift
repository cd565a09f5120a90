/// Reconciles the journal with the files that a crash has left. It may be repeated, and interrupted anywhere: the
/// journal is brought up to date first, and then files that it no longer needs are removed.
package struct Recovery {
    private let plan: RecoveryPlan
    /// Whether superseded files stay until the next open, because the log that has the commit that superseded them
    /// could not be emptied.
    private var leavesSuperseded = false
    /// Derived files that are no longer of use, with their sizes if they exist.
    private let staleDerivedFiles: [(name: String, size: Int64?)]

    /// Makes a plan. Touches nothing.
    ///
    /// - Throws: `damaged` if the files contradict the index.
    init(
        _ index: StoreIndex,
        _ paths: StorePaths,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) {
        (plan, staleDerivedFiles) = try index.connection.snapshot { () throws(VectorStoreError) in
            let record = try index.record()
            let plan = try RecoveryPlan(record, try index.journal(), try Self.dataFiles(paths, fileSystem), index)
            let derived = try index.staleDerivedFiles(current: record.generation).map {
                file throws(VectorStoreError) in
                (file.name, try mapped(paths.derivedFileStatus(file.name))?.size)
            }
            return (plan, derived)
        }
    }

    /// The report of what would be done.
    static func plan(
        _ index: StoreIndex,
        _ paths: StorePaths,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) -> RecoveryReport {
        try index.connection.snapshot { () throws(VectorStoreError) in
            let recovery = try Recovery(index, paths, fileSystem)
            return recovery.report(
                removingRows: try index.hasStaleRows(current: index.record().generation),
                rebuilding: index.isOutdated ? [] : try index.wrongIndexes()
            )
        }
    }

    /// Whether an erasure was interrupted. `Erasure.resume` completes it, once there is a writer.
    var hasPendingErasure: Bool { !plan.erasures.isEmpty }

    /// Opens a store for writing and recovers it. This is the only way to open one for writing. `check` may refuse the
    /// store by its index, before anything is changed.
    static func open(
        _ paths: StorePaths,
        _ lock: FileLock,
        _ witness: LogWitness,
        _ check: ((StoreIndex) throws(VectorStoreError) -> Void)? = nil
    ) throws(VectorStoreError) -> (OpenStore, Recovery) {
        try UnrecoveredStore(paths, lock, witness).recovered { session throws(VectorStoreError) in
            try check?(session.index)
            var recovery = try Recovery(session.index, paths, witness.fileSystem)
            try recovery.apply(session)
            return recovery
        }
    }

    /// Does everything except two things: old index rows are removed by the next compaction or `recover`, and
    /// interrupted erasures wait for the writer.
    ///
    /// It trusts nothing that is only in the log: see `emptyLog`.
    private mutating func apply(_ session: WriteSession) throws(VectorStoreError) {
        let record = try session.index.record()
        let file: DataFile
        let directory = session.paths.directory
        do { file = try DataFile.open(record.dataFile, in: directory, .readWrite, session.fileSystem) } catch {
            throw error.asError(record.dataFile)
        }
        session.files.advance(to: file)
        try session.checkIdentity()
        if try session.log.takeOver(file, record) { leavesSuperseded = try !emptyLog(session) }
        try Migration(session: session).run()
        try putInOrder(session, file)
        session.log.checkpointsOnClose(true)
    }

    /// Takes over the log that an earlier writer has left. A killed process may have left a commit there that was never
    /// synced, or whose sync failed, so that the kernel's cache has it as clean and the disk will never have it. So the
    /// log is emptied into the database, and a commit of our own replaces whatever may be after its end, before a file
    /// is removed or a row is written that relies on the log.
    ///
    /// Before that, the rows that only the log may name are checked. If they don't match their checksums, the data file
    /// is not of the log's time, and nothing is changed.
    ///
    /// | after | a crash leaves | the next recovery |
    /// | --- | --- | --- |
    /// | 1. the log's bytes are written once more in their places, and synced | the same bytes, on the disk too | begins anew |
    /// | 2. the rows that only the log may name are written and synced in the same way | the same | begins anew |
    /// | 3. SQLite forgets which frames of the log are in the database | the same: that was in memory only | begins anew |
    /// | 4. a part of the log is copied into the database | the log, and a database that without it is no state of the store | begins anew |
    /// | 5. the whole log is copied and synced; the log is cut | the state, in the database, with or without the log | goes on |
    /// | 6. a commit of our own is made | the state | goes on |
    ///
    /// Without 1, a power cut in 4 leaves a part of the newest pages in the database, and a log that lacks the rest.
    /// Step 3 is for pages that an earlier checkpoint copied, and that are clean in the cache after a failed sync of
    /// the database: without it, if a reader has kept SQLite's shared memory alive, they would be in neither file after
    /// 5.
    private func emptyLog(_ session: WriteSession) throws(VectorStoreError) -> Bool {
        do throws(VectorStoreError) {
            let isEmpty = try session.log.empty()
            try session.commit { () throws(VectorStoreError) in try session.index.raiseSequence() }
            return isEmpty
        } catch {
            // A full disk must not prevent the store from being opened, so that rows can be deleted.
            guard error.code == .diskFull else { throw error }
            return false
        }
    }

    private var removals: [RecoveryPlan.Removal] { plan.removals.filter { !leavesSuperseded || !$0.isSuperseded } }

    private var trimmedLength: Int64? {
        leavesSuperseded && plan.hasInterruptedMoves ? nil : plan.trimmedLength
    }

    /// Puts in order what an earlier compaction of an open store could not finish, for example on a full disk. Each
    /// compaction begins with this: otherwise a compaction that goes on from another generation would make the old
    /// journal entry contradict the store. Of the journal's history, the last thousand entries are kept, and those that
    /// are still needed.
    package static func putInOrder(_ session: WriteSession) throws(VectorStoreError) {
        let recovery = try Recovery(session.index, session.paths, session.fileSystem)
        try recovery.putInOrder(session, try session.currentFile())
        if recovery.plan.outdated.isEmpty { return }
        // After this sync, the files of the outdated entries are gone durably.
        try mapped(session.fileSystem.sync(session.paths.directory))
        try session.commit { () throws(VectorStoreError) in
            for entry in recovery.plan.outdated { try session.index.removeFromJournal(entry) }
        }
    }

    private func putInOrder(_ session: WriteSession, _ file: DataFile) throws(VectorStoreError) {
        // Nothing needs these files, even if the commit that gave them up is lost.
        if !staleDerivedFiles.isEmpty { try session.removeStaleDerivedFiles() }
        if plan.isEmpty { return }
        if !plan.endings.isEmpty || plan.dropsReembedding {
            let allocated = try file.status().allocated
            try session.commit { () throws(VectorStoreError) in
                if plan.dropsReembedding { try session.index.endReembedding() }
                for ending in plan.endings {
                    try session.index.endJournal(ending.entry.id, allocatedAfter: allocated, error: ending.error)
                }
            }
        }
        if plan.dropsReembedding { session.staging.end() }
        // SQLite makes the log's name without reporting whether its sync of the directory worked, and the commit that
        // superseded the files is in that log.
        try mapped(session.fileSystem.sync(session.paths.directory))
        for removal in removals {
            try removal.remove(from: session.paths.directory, session.fileSystem)
        }
        if let length = trimmedLength { try file.truncate(to: length) }
    }

    /// Whether a compaction in place was interrupted before it cut off the tail.
    var hasInterruptedMoves: Bool { plan.hasInterruptedMoves }

    /// The report of what was done, or would be done. Opening a store doesn't look for index rows to remove, since that
    /// would take a tenth of its time.
    private func report(removingRows: Bool, rebuilding indexes: [String]) -> RecoveryReport {
        var actions = plan.endings.map { ending in
            RecoveryReport.Action(
                ending.error == nil ? .finish : .abort,
                file: ending.entry.targetFile ?? "",
                detail: "\(ending.entry.strategy.rawValue) \(ending.entry.id): \(ending.error ?? "had committed")"
            )
        }
        actions += removals.map {
            RecoveryReport.Action(.removeFile, file: $0.name, bytes: $0.size, detail: $0.why)
        }
        for case (let name, let size?) in staleDerivedFiles {
            actions.append(
                RecoveryReport.Action(
                    .removeFile,
                    file: name,
                    bytes: size,
                    detail: "derived from rows that are elsewhere now, or erased"
                )
            )
        }
        if let length = trimmedLength {
            actions.append(RecoveryReport.Action(.trimFile, detail: "cut to \(length) bytes"))
        }
        actions += plan.erasures.map {
            RecoveryReport.Action(.erase, detail: "erasure \($0.id): carried on to its end")
        }
        if removingRows {
            actions.append(RecoveryReport.Action(.removeRows, detail: "index rows of generations that are not current"))
        }
        actions += indexes.map {
            RecoveryReport.Action(.rebuildIndex, detail: "the entries of \($0) were not those of the metadata")
        }
        let state: RecoveryReport.State = actions.isEmpty ? .clean : .recovered
        if let (staged, name, size) = plan.reembedding {
            actions.append(
                RecoveryReport.Action(
                    .keepFile,
                    file: name,
                    bytes: size,
                    detail: "\(staged.liveRows) rows with new vectors, of a re-embedding that can go on"
                )
            )
        }
        actions += plan.unknown.map {
            RecoveryReport.Action(
                .leaveFile,
                file: $0.name,
                bytes: $0.size,
                detail: "not a file that the journal names"
            )
        }
        return RecoveryReport(state: state, actions: actions, damage: nil)
    }

    /// The report, if erasures had to be left for later because of `reason`.
    func report(
        removingRows: Bool,
        rebuilding indexes: [String],
        leavingErasuresFor reason: VectorStoreError?
    ) -> RecoveryReport {
        var report = report(removingRows: removingRows, rebuilding: indexes)
        guard let reason else { return report }
        report.actions = report.actions.map { action in
            guard action.kind == .erase else { return action }
            var action = action
            action.detail = "left for the next open, erase or compact: \(reason.detail)"
            return action
        }
        return report
    }

    private static func dataFiles(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) -> [String: FoundFile] {
        var files: [String: FoundFile] = [:]
        for name in try mapped(paths.directory.names())
        where StorePaths.generation(ofDataFile: name) != nil {
            guard let status = try mapped(paths.directory.status(name)) else { continue }
            let header = Result { () throws(DataFile.Unusable) in
                try DataFile.open(name, in: paths.directory, .read, fileSystem).header
            }
            let bytes: [UInt8]? =
                if case .failure(.header) = header {
                    try? DataFile.firstBytes(name, in: paths.directory, fileSystem)
                } else { nil }
            files[name] = FoundFile(identity: status.identity, size: status.size, header: header, bytes: bytes)
        }
        return files
    }
}
