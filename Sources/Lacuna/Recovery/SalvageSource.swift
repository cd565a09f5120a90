/// The remains of a store, opened for reading only: a copy of its index, and its data files.
struct SalvageSource {
    /// The copy of the index, which may be no database at all; nil if the index is missing.
    let index: StoreIndex?
    /// The record; nil if the index is lost, or its one row of `store`.
    let record: StoreRecord?
    /// The model that made the vectors; nil if the index doesn't say it.
    let model: EmbeddingModel?
    /// The generation whose index rows count; `unknownGeneration` if nothing says it.
    let generation: Int64
    private static let unknownGeneration: Int64 = -1
    /// The data files, the newest first.
    let files: [SalvageFile]
    /// Whether commits are missing after the last one that can be read.
    let lacksCommits: Bool
    /// The report of what recovery would do; nil if it finds the store damaged.
    let recovery: RecoveryReport?
    /// Describes what is wrong with the store as a whole, each problem once.
    let problems: [String]
    /// Keeps the copy while the index is read.
    let indexCopy: IndexCopy?

    /// Reads the runs of the current generation; nil if the index has no runs.
    let runs: RunReader?

    /// Reads the runs of another generation.
    func runs(of generation: Int64) -> RunReader? {
        index.flatMap { Self.runs($0, generation, record) }
    }

    /// If the record is lost, the kind of the ids is lost too, so all kinds are tried.
    private static func runs(_ index: StoreIndex, _ generation: Int64, _ record: StoreRecord?) -> RunReader? {
        if index.isOfOffsets { return nil }
        let kinds = record.map { [$0.idKind] } ?? VectorIDKind.allCases
        return RunReader(index, generation, kinds.map(RunCodec.init))
    }

    /// The file of the current generation.
    var current: SalvageFile? { files.first { $0.generation == generation && $0.isOurs } }

    init(_ paths: StorePaths, _ fileSystem: any FileSystem) throws(VectorStoreError) {
        let names = try mapped(paths.directory.names())
        var problems: [String] = []
        let copy = try Self.copyIndex(paths, names, fileSystem, &problems)
        let index = try Self.noting(&problems) { () throws(VectorStoreError) in
            try copy.map { copy throws(VectorStoreError) in try StoreIndex.openForSalvage(copy.directory) }
        }
        indexCopy = copy
        self.index = index
        _ = try Self.noting(&problems) { () throws(VectorStoreError) in try index?.checkSchema() }
        // This read makes the connection open all its files.
        if (try? index?.pragma("schema_version")) != nil { copy?.unlink() }
        let log: Void? = try Self.noting(&problems) { () throws(VectorStoreError) in
            try index?.connection.checkLog { AsyncCall.isCancelled }
        }
        let record = try Self.noting(&problems) { () throws(VectorStoreError) in try index?.record() }
        model = try Self.noting(&problems) { () throws(VectorStoreError) in try index?.model() }
        let mark = try Self.noting(&problems, Self.fileCodes) { () throws(VectorStoreError) in
            try CommitMark.read(paths, fileSystem)
        }
        let floor: Void? = try Self.noting(&problems) { () throws(VectorStoreError) in
            if let record { try mark?.check(record) }
        }
        lacksCommits = log == nil || floor == nil
        self.record = record
        // The vectors of a re-embedding under way aren't those of the store yet.
        let reembedding = (try? index?.reembeddingGeneration()) ?? nil
        let dataFiles = names.filter { name in
            guard let generation = StorePaths.generation(ofDataFile: name) else { return false }
            return generation != reembedding || generation == record?.generation
        }
        files = try Self.files(dataFiles, record, paths, fileSystem, &problems)
        if index?.hasTableOfRows != true && files.count == dataFiles.count && files.allSatisfy({ $0.slots == 0 }) {
            throw StoreDirectory.noStore(paths)
        }
        generation = record?.generation ?? Self.currentGeneration(files, index)
        if generation == Self.unknownGeneration, index?.hasTableOfRows == true {
            problems.append("nothing tells which rows in index.sqlite are the newest")
        }
        let generation = generation
        runs = index.flatMap { Self.runs($0, generation, record) }
        recovery = try Self.noting(&problems, Self.fileCodes) { () throws(VectorStoreError) in
            try index.map { index throws(VectorStoreError) in try Recovery.plan(index, paths, fileSystem) }
        }
        let messages = try Self.noting(&problems) { () throws(VectorStoreError) in try index?.integrityMessages() }
        problems += messages ?? []
        self.problems = problems.reduce(into: []) { list, problem in
            if !list.contains(problem) { list.append(problem) }
        }
    }

    private static func files(
        _ names: [String],
        _ record: StoreRecord?,
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        _ problems: inout [String]
    ) throws(VectorStoreError) -> [SalvageFile] {
        var files: [SalvageFile] = []
        for name in names {
            let file = try noting(&problems, fileCodes) { () throws(VectorStoreError) in
                try SalvageFile(name, record, paths, fileSystem)
            }
            if let file { files.append(file) }
        }
        return files.sorted { $0.generation > $1.generation }
    }

    /// The current generation, if the record is lost. An aborted rewrite may have left a newer file and its index rows,
    /// also of rows that were deleted or replaced since. The journal says which rewrites have committed. Without the
    /// journal, the current generation can't be known if several generations have index rows.
    private static func currentGeneration(_ files: [SalvageFile], _ index: StoreIndex?) -> Int64 {
        let rewrites = (try? index?.journal().filter(\.strategy.makesDataFile)) ?? []
        if let first = rewrites.first {
            let last = rewrites.last { [.committed, .finished].contains($0.state) }
            return last?.targetGeneration ?? first.sourceGeneration
        }
        let newest = (files.first { index?.hasRemainingRows($0.generation) ?? false } ?? files.first)?.generation ?? 1
        return (try? index?.hasStaleRows(current: newest)) == false ? newest : unknownGeneration
    }

    /// The errors that count as damage. An I/O error in a data file comes from the damaged disk; one in the copy of the
    /// index comes from the temporary directory, and is thrown.
    private static let indexCodes: [VectorStoreError.Code] = [.damaged, .notAStore]
    private static let fileCodes = indexCodes + [.ioError]

    /// Returns the result of a step. If the step fails because the store is damaged, notes the problem and returns nil.
    private static func noting<R>(
        _ problems: inout [String],
        _ codes: [VectorStoreError.Code] = indexCodes,
        _ step: () throws(VectorStoreError) -> R?
    ) throws(VectorStoreError) -> R? {
        do { return try step() } catch {
            guard codes.contains(error.code) else { throw error }
            problems.append(error.detail)
            return nil
        }
    }

    private static func copyIndex(
        _ paths: StorePaths,
        _ names: [String],
        _ fileSystem: any FileSystem,
        _ problems: inout [String]
    ) throws(VectorStoreError) -> IndexCopy? {
        guard names.contains(StorePaths.indexName) else {
            problems.append("index.sqlite is missing")
            return nil
        }
        // The index may be no regular file.
        let copy = try noting(&problems) { () throws(VectorStoreError) in
            try IndexCopy(paths, fileSystem, skippingUnreadable: true)
        }
        let pages = copy?.unreadablePages ?? 0
        if pages > 0 { problems.append("the disk can't read \(pages) pages of index.sqlite and its log") }
        return copy
    }
}
