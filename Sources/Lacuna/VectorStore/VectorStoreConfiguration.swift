/// What is fixed when a store is created.
public struct VectorStoreConfiguration: Sendable {
    /// Components of every vector, 1 to 65,536.
    public var dimension: Int
    /// How distances are measured.
    public var metric: DistanceMetric

    /// A dimension from 1 to 65,536, and a metric.
    public init(dimension: Int, metric: DistanceMetric = .cosine) {
        self.dimension = dimension
        self.metric = metric
    }
}

/// What a handle may do.
public enum VectorStoreAccess: Sendable {
    /// Reading and writing, by one handle at a time. Where the directory can't be written, reading only.
    case readWrite
    /// Reading only: any number of handles and processes, beside a writer too. Recovers nothing and changes nothing.
    case readOnly
}

/// What a store says of itself.
public struct VectorStoreInfo: Sendable {
    /// The store's own UUID, in lower case.
    public let uuid: String
    /// Components of every vector.
    public let dimension: Int
    /// How distances are measured.
    public let metric: DistanceMetric
    /// The type of the ids.
    public let idKind: VectorIDKind
    /// The type of a component: `float32`.
    public let element: String
    /// The generation of the data file; each rewrite makes the next.
    public let generation: Int64
    /// The data file's name in the store's directory.
    public let dataFile: String
    /// The version of the index's schema.
    public let schemaVersion: Int

    /// The description that a record gives, in the transaction that it was read in.
    init(_ record: StoreRecord, _ index: StoreIndex) {
        uuid = record.uuid
        dimension = record.dimension
        metric = record.metric
        idKind = record.idKind
        element = "float32"
        generation = record.generation
        dataFile = record.dataFile
        // Of page 1, which every transaction reads first.
        schemaVersion = (try? Int(index.pragma("user_version"))) ?? StoreIndex.schemaVersion
    }

    /// Reads a store's description without knowing its ids' type, and without opening its vectors.
    public static func read(at path: String) throws -> VectorStoreInfo {
        try read(at: path) { Task.isCancelled }
    }

    /// The same; `isCancelled` ends the look through a long log.
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
