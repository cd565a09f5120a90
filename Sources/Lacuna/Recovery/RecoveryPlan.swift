/// A file in the directory that has the name of a data file.
struct FoundFile {
    let identity: FileIdentity
    let size: Int64
    let header: Result<DataFileHeader, DataFile.Unusable>
    /// The bytes in the header's place, if the header is not valid.
    let bytes: [UInt8]?

    /// Whether the header proves that the file is this store's, and of the generation in its name.
    func isOurs(_ record: StoreRecord, generation: Int64) -> Bool {
        guard case .success(let header) = header else { return false }
        return header.store == record.header.store && header.generation == generation
    }

    /// Whether a crash in writing the header of such a file of ours has left it, so that it holds no rows.
    func isUnfinished(_ record: StoreRecord, generation: Int64) -> Bool {
        guard size <= DataFileHeader.length, let bytes else { return false }
        return DataFileHeader.isUnfinished(
            bytes,
            of: DataFileHeader(store: record.header.store, generation: generation, record.layout)
        )
    }
}

/// The plan of a recovery. It is made from the journal and the directory before anything is touched; a damaged store
/// has no plan.
struct RecoveryPlan {
    struct Removal {
        let name: String
        let identity: FileIdentity
        let size: Int64
        let why: String
        /// Whether the file was the data file once, and not only the target of an aborted rewrite.
        let isSuperseded: Bool

        /// Removes the file, unless another file has taken the name since the plan was made.
        func remove(from directory: Directory, _ fileSystem: any FileSystem) throws(VectorStoreError) {
            try mapped(fileSystem.unlink(name, in: directory, ifItIs: identity))
        }
    }

    /// The journal entries to end: with an error as aborted, without one as finished.
    private(set) var endings: [(entry: JournalEntry, error: String?)] = []
    /// The files that are ours, and that the journal records as aborted or superseded.
    private(set) var removals: [Removal] = []
    /// The files that look like data files and that nothing names; they are left alone.
    private(set) var unknown: [(name: String, size: Int64)] = []
    /// Whether rows were being moved into gaps, so that dead rows may be left at the end of the file.
    private(set) var hasInterruptedMoves = false
    /// The re-embedding that is kept, and its file; nil if there is none.
    private(set) var reembedding: (staged: StagedReembedding, name: String, size: Int64)?
    /// Whether the index tells of a re-embedding that can't go on.
    private(set) var dropsReembedding = false
    /// The erasures to complete once there is a writer, whose turns they need.
    private(set) var erasures: [JournalEntry] = []
    /// The journal entries to remove from the history: they are old and ended, and their files are gone.
    private(set) var outdated: [Int64] = []
    /// The length to which to cut the data file, if a crash has left part of a row's space at its end, or a tail that
    /// was not cut off.
    private(set) var trimmedLength: Int64?

    private static let keptEntries = 1_000

    /// Whether there is nothing to do before the erasures.
    var isEmpty: Bool { endings.isEmpty && removals.isEmpty && trimmedLength == nil && !dropsReembedding }

    init(
        _ record: StoreRecord,
        _ journal: [JournalEntry],
        _ files: [String: FoundFile],
        _ index: StoreIndex
    ) throws(VectorStoreError) {
        let current: FoundFile
        do { current = try Self.checkCurrent(record, journal, files, index) } catch {
            // If a rewrite had committed, the rows that it copied may still be in its source.
            guard error.code == .damaged, let source = journal.last(where: { $0.state == .committed })?.sourceFile,
                files[source] != nil
            else { throw error }
            throw error.within(
                """
                the store is damaged, and nothing was changed; \(source), from which its data file was copied, is still there
                """
            )
        }
        let staged = try index.reembedding(record)
        for entry in journal {
            if entry.state == .embedding { plan(entry, staged, record, files) } else { try plan(entry, record, files) }
        }
        dropsReembedding = staged != nil && reembedding == nil
        outdated = journal.dropLast(Self.keptEntries).filter { !Self.isNeeded($0, files) }.map(\.id)
        let named = Set(journal.flatMap { [$0.sourceFile, $0.targetFile].compactMap(\.self) } + [record.dataFile])
        for (name, file) in files.sorted(by: { $0.key < $1.key }) where !named.contains(name) {
            unknown.append((name, file.size))
        }
        let excess = (current.size - DataFileHeader.length) % record.stride
        if excess != 0 { trimmedLength = current.size - excess }
        let rowsEnd = record.rowsEnd
        if hasInterruptedMoves, current.size > Preallocation.length(rowsEnd: rowsEnd, stride: record.stride) {
            // The next slot was already lowered, so that nobody sees a row after it, and the file was not cut yet.
            trimmedLength = Preallocation.compactLength(rowsEnd: rowsEnd, stride: record.stride)
        }
    }

    /// Checks the current generation's file. Unless it is whole and has a valid header, nothing may be removed.
    private static func checkCurrent(
        _ record: StoreRecord,
        _ journal: [JournalEntry],
        _ files: [String: FoundFile],
        _ index: StoreIndex
    ) throws(VectorStoreError) -> FoundFile {
        guard let file = files[record.dataFile] else {
            let known = Set(journal.compactMap(\.targetGeneration))
            let newer = files.keys.filter { name in
                guard let generation = StorePaths.generation(ofDataFile: name) else { return false }
                return generation > record.generation && !known.contains(generation)
            }
            throw .damaged(
                "\(record.dataFile) is missing"
                    + (newer.isEmpty
                        ? "" : ", while \(newer.sorted()[0]) is there: an older index may have been put back")
            )
        }
        switch file.header {
        case .failure(let reason): throw reason.asError(record.dataFile)
        case .success(let header):
            guard header == record.header else {
                throw .damaged("\(record.dataFile) belongs to another store or generation")
            }
        }
        try DataFile.check(file.size, holds: record, index)
        return file
    }

    /// Whether recovery has something to do for the entry, or needs it to know that a file may be removed.
    private static func isNeeded(_ entry: JournalEntry, _ files: [String: FoundFile]) -> Bool {
        switch entry.state {
        case .copying, .moving, .punching, .erasing, .embedding, .committed: true
        case .aborted: entry.targetFile.map { files[$0] != nil } ?? false
        case .finished: entry.strategy.makesDataFile && files[entry.sourceFile] != nil
        }
    }

    private mutating func plan(
        _ entry: JournalEntry,
        _ record: StoreRecord,
        _ files: [String: FoundFile]
    ) throws(VectorStoreError) {
        switch entry.state {
        case .copying:
            guard entry.sourceGeneration == record.generation else {
                throw .damaged(
                    "the journal says that generation \(entry.sourceGeneration) is being copied, but it isn't the current one"
                )
            }
            endings.append((entry, "interrupted while copying"))
            remove(entry.targetFile, entry.targetGeneration, "the unfinished copy", record, files)
        case .committed:
            guard entry.targetGeneration == record.generation else {
                throw .damaged(
                    "the journal says that generation \(entry.targetGeneration ?? 0) became the current one, but it isn't"
                )
            }
            endings.append((entry, nil))
            remove(entry.sourceFile, entry.sourceGeneration, "superseded by \(record.dataFile)", record, files)
        case .moving:
            endings.append((entry, "interrupted while moving rows; those that were moved stay where they are"))
            hasInterruptedMoves = true
        case .punching:
            endings.append((entry, "interrupted while punching; nothing to undo"))
        case .aborted:
            remove(entry.targetFile, entry.targetGeneration, "left by an aborted compaction", record, files)
        case .finished where entry.strategy.makesDataFile:
            remove(entry.sourceFile, entry.sourceGeneration, "superseded long ago", record, files)
        case .finished, .embedding: break
        case .erasing: erasures.append(entry)
        }
    }

    /// Keeps a re-embedding if everything is there that its next call goes on from. Otherwise only its work is lost.
    private mutating func plan(
        _ entry: JournalEntry,
        _ staged: StagedReembedding?,
        _ record: StoreRecord,
        _ files: [String: FoundFile]
    ) {
        if let staged, reembedding == nil, entry.targetGeneration == staged.generation,
            let file = files[staged.dataFile], file.size >= staged.layout.offset(staged.nextSlot),
            case .success(let header) = file.header, header == staged.successor(of: record).header
        {
            reembedding = (staged, staged.dataFile, file.size)
            return
        }
        endings.append((entry, "its file is missing or no longer what it was"))
        remove(entry.targetFile, entry.targetGeneration, "the unfinished re-embedding", record, files)
    }

    private mutating func remove(
        _ name: String?,
        _ generation: Int64?,
        _ why: String,
        _ record: StoreRecord,
        _ files: [String: FoundFile]
    ) {
        guard let name, let generation, generation != record.generation, let file = files[name],
            StorePaths.generation(ofDataFile: name) == generation
        else { return }
        if file.isOurs(record, generation: generation) || file.isUnfinished(record, generation: generation) {
            removals.append(
                Removal(
                    name: name,
                    identity: file.identity,
                    size: file.size,
                    why: why,
                    isSuperseded: generation < record.generation
                )
            )
        } else {
            unknown.append((name, file.size))
        }
    }
}
