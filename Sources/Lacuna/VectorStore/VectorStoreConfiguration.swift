#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// The properties that a store gets when it is created.
public struct VectorStoreConfiguration: Sendable {
    /// The number of components of every vector, 1 to 65,536.
    public var dimension: Int
    /// How distances are measured.
    public var metric: DistanceMetric
    /// The type of a component.
    public var element: ElementType
    /// What makes searches faster; only this can be changed later.
    public var acceleration: Acceleration
    /// The model that makes the vectors; nil if the store needn't say it.
    public var model: EmbeddingModel?

    /// Makes a configuration of a dimension from 1 to 65,536, a metric, and an element.
    public init(
        dimension: Int,
        metric: DistanceMetric = .cosine,
        element: ElementType = .float32,
        acceleration: Acceleration = .off,
        model: EmbeddingModel? = nil
    ) {
        self.dimension = dimension
        self.metric = metric
        self.element = element
        self.acceleration = acceleration
        self.model = model
    }

    static func check(_ dimension: Int) throws(VectorStoreError) {
        guard DataFileHeader.dimensions.contains(dimension) else {
            throw VectorStoreError(
                .invalidArgument,
                "the dimension \(dimension) is out of range",
                remedy: "choose one from 1 to 65,536"
            )
        }
    }
}

/// What a store keeps beside its rows to make searches faster. Answers are the same with and without, bit for bit.
public enum Acceleration: String, Sendable, CaseIterable {
    /// Nothing: a search compares all rows.
    case off = "none"
    /// The store wants codes: see ``VectorStore/accelerate(options:progress:)``, which makes them, and which sets this too.
    case codes
}

/// Says whether a handle may write.
public enum VectorStoreAccess: Sendable {
    /// Reading and writing, by one handle at a time. If the directory can't be written, reading only.
    case readWrite
    /// Reading only, by any number of handles and processes, also beside a writer. Recovers nothing and changes
    /// nothing.
    case readOnly
}

/// What a re-embedding has done that was begun and not ended: see ``VectorStore/reembed(dimension:model:options:progress:_:)``.
public struct PendingReembedding: Sendable, Hashable {
    /// The number of components of the new vectors.
    public let dimension: Int
    /// The model that makes them; nil if the caller didn't say it.
    public let model: EmbeddingModel?
    /// The number of the store's rows that have new vectors.
    public let rows: Int

    /// Makes a value, as for a preview or a test.
    public init(dimension: Int, model: EmbeddingModel? = nil, rows: Int = 0) {
        self.dimension = dimension
        self.model = model
        self.rows = rows
    }

    init(_ staged: StagedReembedding) {
        dimension = staged.layout.dimension
        model = staged.model
        rows = Int(staged.liveRows)
    }
}

/// A store's description.
public struct VectorStoreInfo: Sendable, Equatable {
    /// The store's own UUID.
    public let uuid: UUID
    /// The number of components of every vector.
    public let dimension: Int
    /// How distances are measured.
    public let metric: DistanceMetric
    /// The type of the ids.
    public let idKind: VectorIDKind
    /// The type of a component.
    public let element: ElementType
    /// The model that made the vectors; nil if the store doesn't say it.
    public let model: EmbeddingModel?
    /// What a re-embedding has done that was begun and not ended; nil if there is none.
    public let reembedding: PendingReembedding?
    /// Whether the store wants codes.
    public let acceleration: Acceleration
    /// The generation of the data file; each rewrite makes the next.
    public let generation: Int64
    /// The data file's name in the store's directory.
    public let dataFile: String
    /// The version of the index's schema.
    public let schemaVersion: Int

    /// Makes a description, as for a preview or a test. The defaults are those of a new store.
    public init(
        uuid: UUID = UUID(),
        dimension: Int,
        metric: DistanceMetric = .cosine,
        idKind: VectorIDKind = .integer,
        element: ElementType = .float32,
        model: EmbeddingModel? = nil,
        reembedding: PendingReembedding? = nil,
        acceleration: Acceleration = .off,
        generation: Int64 = 1,
        dataFile: String? = nil,
        schemaVersion: Int? = nil
    ) {
        self.uuid = uuid
        self.dimension = dimension
        self.metric = metric
        self.idKind = idKind
        self.element = element
        self.model = model
        self.reembedding = reembedding
        self.acceleration = acceleration
        self.generation = generation
        self.dataFile = dataFile ?? StorePaths.dataFileName(generation: generation, element)
        self.schemaVersion = schemaVersion ?? StoreIndex.schemaVersion
    }

    /// Describes the store by its record, in the transaction that has read the record.
    init(_ record: StoreRecord, _ index: StoreIndex) {
        uuid = record.uuid
        dimension = record.dimension
        metric = record.metric
        idKind = record.idKind
        element = record.layout.element
        // The store was refused when it was opened if this can't be read.
        model = (try? index.model()) ?? nil
        reembedding = ((try? index.reembedding(record)) ?? nil).map(PendingReembedding.init)
        // If the list of derived files can't be read, whatever needs it tells.
        acceleration = (try? index.codes(record.generation)) == nil ? .off : .codes
        generation = record.generation
        dataFile = record.dataFile
        // The version is in page 1, which every transaction reads first.
        schemaVersion = (try? Int(index.pragma("user_version"))) ?? StoreIndex.schemaVersion
    }

    /// Reads a store's description without knowing its ids' type, and without opening its vectors. Takes about a
    /// millisecond; beside a writer and after a crash, SQLite's log is read once. Recovers nothing and changes nothing.
    ///
    /// - Parameter path: The store's directory.
    /// - Throws: `noSuchStore`, `notAStore`, `damaged`, `newerFormat`, `needsMigration` for a store of an earlier version.
    @available(*, noasync, message: "it blocks the thread; await the call of the same name")
    public static func read(at path: some StorePathConvertible) throws(VectorStoreError) -> VectorStoreInfo {
        try storeErrors { try read(at: path.storePath) { AsyncCall.isCancelled } }
    }

    /// The same; `isCancelled` can end the check of a long log.
    package static func read(at path: String, isCancelled: @escaping () -> Bool) throws -> VectorStoreInfo {
        let paths = try StorePaths(path)
        try StoreDirectory.check(paths)
        let source = try IndexSource.forReading(paths)
        return try source.whileUnchanged {
            let witness = LogWitness(paths, SystemFileSystem(), isCancelled: isCancelled)
            let index = try StoreIndex.openForReading(source.directory, source.mode, checkedBy: witness)
            return VectorStoreInfo(try index.record(), index)
        }
    }
}
