import CLacunaVectorKernels

/// Adds, moves and deletes rows inside one open write transaction.
///
/// Rows are written to the file from the next slot on, one after the other. Until the commit no index row names them,
/// so a crash at any point before it leaves only free space there:
///
/// | after | a crash leaves |
/// | --- | --- |
/// | the file was extended | a longer tail |
/// | rows were written, or synced | bytes in the tail that nothing names |
/// | index rows were inserted | the same: SQLite rolls the transaction back |
/// | the commit | the batch, whole |
package final class RowWriter {
    let index: StoreIndex
    private let file: DataFile
    private let log: StoreLog
    /// The state that this transaction makes.
    private(set) var record: StoreRecord
    private let start: StoreRecord
    /// The bytes of rows that were not written to the file yet; the last row lies before `record.nextSlot`.
    private var pending: [UInt8]
    private let buffer: RowBuffer
    /// The run of the last slots, which was not written to the index yet; nil before the first row.
    private var run: PendingRun?
    /// The slots whose rows this transaction deletes or replaces.
    private(set) var died: [Slot] = []
    /// The ids deleted before any other change. A retry on a full disk deletes them again.
    private var deletes: [SQLValue] = []
    var deletesOnly = true
    private(set) var failure: VectorStoreError?
    package private(set) var deletedRows = 0
    /// Whether any row may have metadata; nil until that was looked up.
    private var mayHaveMetadata: Bool?
    /// The text index, or that there is none to keep, since a stale one is made anew; nil until that was looked up.
    private var textIndex: TextIndex??
    /// The staged rows of a rewrite or a re-embedding, which must hear of changes.
    let staging: Staging
    /// Whether the caller wants a change by a filter to end.
    let isCancelled: @Sendable () -> Bool
    /// The slots of the target whose rows this transaction removes from the staged rows.
    private(set) var unstaged: [Slot] = []

    /// The bytes of rows that are written at once. In a large file the pieces are small, so that the disk writes one
    /// while the next rows come. In a small file, small pieces would give the file more extents, and a block to list
    /// them.
    private var pendingLimit: Int { record.rowsEnd >= Self.largeFile ? 512 << 10 : 4 << 20 }
    private static let largeFile: Int64 = 64 << 20
    private static let smallBytes = 64 << 10
    private static let smallRows = 16

    init(_ session: WriteSession) throws(VectorStoreError) {
        index = session.index
        file = try session.currentFile()
        log = session.log
        record = try index.record()
        start = record
        staging = session.staging
        isCancelled = session.isCancelled
        changeList = session.hub.isFollowed ? ChangeList() : nil
        buffer = session.rowBuffer
        pending = buffer.take()
    }

    /// The ids to delete again after a full disk, if deleting is all that was done.
    var repeatableDeletes: [SQLValue]? { deletesOnly ? deletes : nil }

    /// Adds a row and its metadata. An id that has a row is an error, unless `replacing`: then the new row replaces the
    /// old one, and the new metadata, if there are any, the old ones.
    package func put(
        _ vector: Span<Float>,
        for id: SQLValue,
        metadata: String?,
        replacing: Bool,
        oldMetadata: OldMetadata = .keep
    ) throws(VectorStoreError) {
        deletesOnly = false
        if let failure { throw failure }
        // `remembering` can't be used here, since a closure may not capture a span.
        do throws(VectorStoreError) {
            try Self.check(vector, id, record.layout)
            try Self.check(id)
            if let metadata { try index.checkMetadata(metadata, for: id) }
            try append(vector, id, metadata, replacing, oldMetadata)
        } catch {
            failure = error
            throw error
        }
    }

    /// Deletes the id's row and metadata; does nothing if it has none. An error makes the batch fail when it is
    /// finished.
    package func delete(_ id: SQLValue) {
        if deletesOnly { deletes.append(id) }
        try? remembering { () throws(VectorStoreError) in
            guard let slot = try index.delete(id, record.generation) else { return }
            if PlantedBug.punchBeforeCommit.isPlanted {
                _ = try file.punchHole(record.layout.offsets(slot..<slot.advanced(by: 1)))
            }
            noteDied(slot)
            try unstage(id)
            try storeMetadata(nil, for: id)
            record.liveRows -= 1
            deletedRows += 1
            changeList?.note(.deleted, id)
        }
    }

    /// The ids of which only the metadata were changed.
    var changedMetadata: [SQLValue] = []
    /// The ids that this transaction changes, for followers; nil if there was no follower when it began.
    var changeList: ChangeList?

    /// A state between two batches of one transaction.
    struct Savepoint {
        fileprivate let record: StoreRecord
        fileprivate let changedMetadata: Int
        fileprivate let deletes: Int
        fileprivate let deletesOnly: Bool
        fileprivate let run: PendingRun?
        fileprivate let died: Int
        fileprivate let unstaged: Int
        fileprivate let changes: Int
        fileprivate let listed: ChangeList?
        /// Whether the transaction had changed anything up to it.
        let hasChanges: Bool
    }

    var savepoint: Savepoint {
        Savepoint(
            record: record,
            changedMetadata: changedMetadata.count,
            deletes: deletes.count,
            deletesOnly: deletesOnly,
            run: run,
            died: died.count,
            unstaged: unstaged.count,
            changes: index.changes?.count ?? 0,
            listed: changeList,
            hasChanges: hasChanges
        )
    }

    /// Goes back to a savepoint, after SQLite has gone back to its own. Rows written to the file since then lie after
    /// the next slot again, where nothing names them.
    func restore(_ savepoint: Savepoint) {
        let dropped = savepoint.record.nextSlot.distance(to: record.nextSlot) * Int(record.stride)
        pending.removeLast(min(dropped, pending.count))
        record = savepoint.record
        changedMetadata.removeLast(changedMetadata.count - savepoint.changedMetadata)
        deletes.removeLast(deletes.count - savepoint.deletes)
        deletesOnly = savepoint.deletesOnly
        run = savepoint.run
        died.removeLast(died.count - savepoint.died)
        unstaged.removeLast(unstaged.count - savepoint.unstaged)
        index.changes?.removeAll(after: savepoint.changes)
        changeList = savepoint.listed
        failure = nil
    }

    /// The time that the sync of the rows took.
    private(set) var syncDuration = Duration.zero

    /// The number of rows added in this transaction.
    var addedRows: Int { start.nextSlot.distance(to: record.nextSlot) }

    /// The bytes of rows added in this transaction.
    var addedBytes: Int64 { record.rowsEnd - start.rowsEnd }

    /// Whether this transaction has changed anything so far.
    var hasChanges: Bool { record != start || !changedMetadata.isEmpty }

    /// Throws the error of a step of the batch that failed, even if the caller has caught it.
    func checkFailure() throws(VectorStoreError) {
        if let failure { throw failure }
    }

    /// Does everything before the commit: writes the last rows, syncs the file, and updates the record.
    func finish() throws(VectorStoreError) {
        try checkFailure()
        if record.nextSlot > start.nextSlot {
            try writePending()
            let begin = ContinuousClock.now
            if !PlantedBug.rowsNotSynced.isPlanted && !PlantedBug.commitBeforeRows.isPlanted { try file.sync() }
            syncDuration = .now - begin
        }
        invariant(pending.isEmpty, "each row that the index is about to name was written")
        guard hasChanges else { return }
        invariant(
            record.nextSlot == start.nextSlot || run?.end == record.nextSlot,
            "the runs describe each row that was added"
        )
        if let run, !PlantedBug.runNotExtended.isPlanted { try index.write(run, record.generation) }
        let sequence = index.sequence(after: record)
        try index.changeDead(adding: died, record.generation, sequence)
        if staging.isReembedding, let target = staging.target, !unstaged.isEmpty {
            try index.changeDead(adding: unstaged, target, sequence)
            try index.noteUnstaged(unstaged.count)
        }
        if isSmall { log.prewrite() }
        try index.update(record)
    }

    /// Whether most of the transaction's time goes into its syncs.
    private var isSmall: Bool { addedBytes <= Self.smallBytes && deletedRows <= Self.smallRows }

    /// Called after the commit.
    func giveBackBuffer() { buffer.giveBack(&pending) }

    // MARK: Inside

    private func append(
        _ vector: Span<Float>,
        _ id: SQLValue,
        _ metadata: String?,
        _ replacing: Bool,
        _ oldMetadata: OldMetadata
    ) throws(VectorStoreError) {
        let begin = pending.count
        if let component = record.layout.element.append(vector, to: &pending) {
            throw Self.refusal(of: component, vector[component], id, record.layout)
        }
        do throws(VectorStoreError) { try name(id, begin, metadata, replacing, oldMetadata) } catch {
            pending.removeLast(pending.count - begin)
            throw error
        }
        record.nextSlot = record.nextSlot.advanced(by: 1)
        if pending.count >= pendingLimit { try writePending() }
    }

    /// Puts the row of the next slot, whose bytes begin at `begin`, into the index.
    private func name(
        _ id: SQLValue,
        _ begin: Int,
        _ metadata: String?,
        _ replacing: Bool,
        _ oldMetadata: OldMetadata
    ) throws(VectorStoreError) {
        let slot = record.nextSlot
        var replaced: Slot?
        if replacing {
            replaced = try index.replace(id, slot, record.generation)
        } else if try !index.insert(id, slot, record.generation) {
            throw VectorStoreError(
                .duplicateID,
                "the id \(id.idText) exists already",
                ids: [id.idText]
            )
        }
        if let old = replaced {
            if PlantedBug.overwriteInPlace.isPlanted {
                let row = pending[begin...]
                try unsafe row.span.withUnsafeBytes { bytes throws(VectorStoreError) in
                    try unsafe file.write(bytes, at: record.layout.offset(old))
                }
            }
            noteDied(old)
            try unstage(id)
            if metadata == nil && oldMetadata == .drop { try storeMetadata(nil, for: id) }
        } else {
            record.liveRows += 1
        }
        if let metadata { try storeMetadata(metadata, for: id) }
        changeList?.note(replaced == nil ? .put : .replaced, id)
        var checksum = Checksum()
        unsafe pending[begin...].withUnsafeBytes { unsafe checksum.update($0) }
        try note(id, id.checksum(continuing: checksum))
    }

    /// The check is for a damaged index, which may name any slot.
    private func noteDied(_ slot: Slot) {
        if slot >= Slot(0) && slot < record.nextSlot { died.append(slot) }
    }

    /// Notes the id and the checksum of the row in the next slot. Extends the last run of the last commit, if there is
    /// room.
    private func note(_ id: SQLValue, _ checksum: UInt32) throws(VectorStoreError) {
        if run != nil {
            if run?.append(id, checksum, record.codec) == true { return }
            if let run { try index.write(run, record.generation) }
        } else if var last = try index.lastRun(record.generation, before: record.nextSlot), last.end == record.nextSlot,
            last.append(id, checksum, record.codec)
        {
            run = last
            return
        }
        var next = PendingRun(at: record.nextSlot)
        _ = next.append(id, checksum, record.codec)
        run = next
    }

    /// If no row has metadata, there is nothing to remove, and nothing to look up.
    func storeMetadata(_ json: String?, for id: SQLValue) throws(VectorStoreError) {
        if json != nil {
            mayHaveMetadata = true
        } else if mayHaveMetadata == nil {
            mayHaveMetadata = try index.hasMetadata()
        }
        guard mayHaveMetadata == true else { return }
        if let texts = try knownTextIndex() {
            try index.changeTexts(texts, of: id, record.idKind, from: try index.oldMetadata(of: id), to: json)
        }
        try index.setMetadata(json, for: id)
    }

    private func knownTextIndex() throws(VectorStoreError) -> TextIndex? {
        if let textIndex { return textIndex }
        var found = try index.textIndex()
        if found != nil, try index.isTextIndexStale() { found = nil }
        textIndex = .some(found)
        return found
    }

    /// Removes the old row of the id from the staged rows. If the index has rotted, its slot may be any: then the rewrite
    /// or the re-embedding ends, since the staged rows aren't as many as they were.
    func unstage(_ id: SQLValue) throws(VectorStoreError) {
        if PlantedBug.staleVectorsKept.isPlanted && staging.isReembedding { return }
        guard let target = staging.target, let slot = try index.delete(id, target) else { return }
        if slot >= Slot(0) && slot.number < Slot.most { unstaged.append(slot) }
    }

    private func writePending() throws(VectorStoreError) {
        let end = record.rowsEnd
        let begin = end - Int64(pending.count)
        invariant(begin >= start.rowsEnd, "no row is written over one that a committed state may name")
        if Preallocation.isNeeded(rowsEnd: end, size: try file.status().size) {
            try file.extend(to: Preallocation.length(rowsEnd: end, stride: record.stride))
        }
        var rows: [UInt8] = []
        swap(&rows, &pending)
        // This is done after an error too: a group goes on with the rows of the batches before.
        defer { swap(&rows, &pending) }
        if isSmall { file.prewrite(begin..<end) }
        try unsafe rows.span.bytes.withUnsafeBytes { bytes throws(VectorStoreError) in
            try unsafe file.write(bytes, at: begin)
        }
        if begin >= Self.largeFile && rows.count >= pendingLimit { file.beginWriteback(begin..<end) }
        rows.removeAll(keepingCapacity: true)
    }

    /// Throws unless a row of a layout may have these components.
    static func check(_ vector: Span<Float>, _ id: SQLValue, _ layout: RowLayout) throws(VectorStoreError) {
        guard vector.count == layout.dimension else {
            throw VectorStoreError(
                .invalidVector,
                "the vector of id \(id.idText) has \(vector.count) components, and the store's have \(layout.dimension)",
                remedy: "put vectors of the model that made the others",
                ids: [id.idText]
            )
        }
        if let component = vector.firstNonFinite {
            throw VectorStoreError(
                .invalidVector,
                "component \(component) of the vector of id \(id.idText) is not a finite number",
                remedy: "compute the vector again, or leave the row out",
                ids: [id.idText]
            )
        }
    }

    static func refusal(
        of component: Int,
        _ value: Float,
        _ id: SQLValue,
        _ layout: RowLayout
    ) -> VectorStoreError {
        VectorStoreError(
            .invalidVector,
            "component \(component) of the vector of id \(id.idText) is \(value), which \(layout.element.refusal)",
            remedy: "scale the vectors, or put them into a store of another element",
            ids: [id.idText]
        )
    }

    private static func check(_ id: SQLValue) throws(VectorStoreError) {
        if case .text(let text) = id, text.utf8.contains(0) {
            throw VectorStoreError(
                .invalidID,
                "an id holds a NUL character",
                remedy: "remove that character",
                ids: [id.idText]
            )
        }
    }

    /// A batch is all or nothing: after a step has failed, the batch fails, even if the caller goes on.
    func remembering<Result>(
        _ step: () throws(VectorStoreError) -> Result
    ) throws(VectorStoreError) -> Result {
        if let failure { throw failure }
        do { return try step() } catch {
            failure = error
            throw error
        }
    }
}

extension Span<Float> {
    /// The index of the first component that is NaN or infinite.
    package var firstNonFinite: Int? {
        var first = 0
        let allFinite = unsafe withUnsafeBufferPointer { buffer in
            unsafe lacuna_all_finite(buffer.baseAddress, buffer.count, &first)
        }
        return allFinite ? nil : first
    }
}
