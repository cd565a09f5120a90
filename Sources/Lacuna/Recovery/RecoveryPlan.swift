/// What the directory holds under a data file's name.
struct FoundFile {
    let identity: FileIdentity
    let size: Int64
    let header: Result<DataFileHeader, DataFile.Unusable>
    /// Where the header can't be read, what is there instead.
    let bytes: [UInt8]?

    /// Whether the header proves that the file is this store's, of the generation that its name tells.
    func isOurs(_ record: StoreRecord, generation: Int64) -> Bool {
        guard case .success(let header) = header else { return false }
        return header.store == record.header.store && header.generation == generation
    }

    /// Whether it is what a crash left of writing the header that such a file of ours begins with, and thus holds no rows.
    func isUnfinished(_ record: StoreRecord, generation: Int64) -> Bool {
        guard size <= DataFileHeader.length, let bytes else { return false }
        return DataFileHeader.isUnfinished(
            bytes,
            of: DataFileHeader(store: record.header.store, generation: generation, record.layout)
        )
    }
}

/// What recovery is going to do. Made from what the journal and the directory say, before anything is touched; a store
/// that is damaged has no plan.
struct RecoveryPlan {
    struct Removal {
        let name: String
        let identity: FileIdentity
        let size: Int64
        let why: String
        /// Whether it was the data file once, and not only a copy that came to nothing.
        let isSuperseded: Bool

        /// Another file that has taken the name since it was looked at keeps it.
        func remove(from directory: Directory, _ fileSystem: any FileSystem) throws(VectorStoreError) {
            try mapped(fileSystem.unlink(name, in: directory, ifItIs: identity))
        }
    }

    /// Journal entries to end: with an error, aborted; without, finished.
    private(set) var endings: [(entry: JournalEntry, error: String?)] = []
    /// Files that are ours, and that the journal records as aborted or superseded.
    private(set) var removals: [Removal] = []
    /// Files that look like data files and are named by nothing: left alone.
    private(set) var unknown: [(name: String, size: Int64)] = []
    /// Whether rows were being moved into gaps, so that dead ones may be left at the end of the file.
    private(set) var hasInterruptedMoves = false
    /// Erasures to carry on, once there is a writer: they need its turns.
    private(set) var erasures: [JournalEntry] = []
    /// Entries of the journal that are old, ended, and of no file that is still there: of the history only so much is kept.
    private(set) var outdated: [Int64] = []
    /// The length to cut the data file to where a crash left part of a row's space at its end, or a tail not cut off.
    private(set) var trimmedLength: Int64?

    private static let keptEntries = 1_000

    /// Whether there is nothing to do before that.
    var isEmpty: Bool { endings.isEmpty && removals.isEmpty && trimmedLength == nil }

    init(
        _ record: StoreRecord,
        _ journal: [JournalEntry],
        _ files: [String: FoundFile],
        _ index: StoreIndex
    ) throws(VectorStoreError) {
        let current: FoundFile
        do { current = try Self.checkCurrent(record, journal, files, index) } catch {
            // A rewrite that had committed: the rows that it copied may still be in the file before.
            guard error.code == .damaged, let source = journal.last(where: { $0.state == .committed })?.sourceFile,
                files[source] != nil
            else { throw error }
            throw error.within(
                """
                the store is damaged, and nothing was changed; \(source), from which its data file was copied, is still there
                """
            )
        }
        for entry in journal {
            try plan(entry, record, files)
        }
        outdated = journal.dropLast(Self.keptEntries).filter { !Self.isNeeded($0, files) }.map(\.id)
        let named = Set(journal.flatMap { [$0.sourceFile, $0.targetFile].compactMap(\.self) } + [record.dataFile])
        for (name, file) in files.sorted(by: { $0.key < $1.key }) where !named.contains(name) {
            unknown.append((name, file.size))
        }
        let excess = (current.size - DataFileHeader.length) % record.stride
        if excess != 0 { trimmedLength = current.size - excess }
        let rowsEnd = record.rowsEnd
        if hasInterruptedMoves, current.size > Preallocation.length(rowsEnd: rowsEnd, stride: record.stride) {
            // The next slot had fallen, when nobody saw a row beyond it any more, and the file was not cut yet.
            trimmedLength = Preallocation.compactLength(rowsEnd: rowsEnd, stride: record.stride)
        }
    }

    /// Without the current generation's file, whole and with a valid header, nothing may be removed.
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

    /// Whether recovery has something to do for the entry, or a file to remove that nothing else gives up.
    private static func isNeeded(_ entry: JournalEntry, _ files: [String: FoundFile]) -> Bool {
        switch entry.state {
        case .copying, .moving, .punching, .erasing, .committed: true
        case .aborted: entry.targetFile.map { files[$0] != nil } ?? false
        case .finished: entry.strategy == .rewrite && files[entry.sourceFile] != nil
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
                throw .damaged("the journal copies generation \(entry.sourceGeneration), which isn't the current one")
            }
            endings.append((entry, "interrupted while copying"))
            remove(entry.targetFile, entry.targetGeneration, "the unfinished copy", record, files)
        case .committed:
            guard entry.targetGeneration == record.generation else {
                throw .damaged(
                    "the journal committed generation \(entry.targetGeneration ?? 0), which isn't the current one"
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
        case .finished where entry.strategy == .rewrite:
            remove(entry.sourceFile, entry.sourceGeneration, "superseded long ago", record, files)
        case .finished: break
        case .erasing: erasures.append(entry)
        }
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
