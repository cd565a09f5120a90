/// The properties of a store that are fixed when it is created.
public struct VectorStoreConfiguration: Sendable {
    /// The number of components of every vector, 1 to 65,536.
    public var dimension: Int
    /// How distances are measured.
    public var metric: DistanceMetric

    /// Makes a configuration of a dimension from 1 to 65,536, and a metric.
    public init(dimension: Int, metric: DistanceMetric = .cosine) {
        self.dimension = dimension
        self.metric = metric
    }
}

/// Says whether a handle may write.
public enum VectorStoreAccess: Sendable {
    /// Reading and writing, by one handle at a time. If the directory can't be written, reading only.
    case readWrite
    /// Reading only, by any number of handles and processes, also beside a writer. Recovers nothing and changes
    /// nothing.
    case readOnly
}

/// A store's description.
public struct VectorStoreInfo: Sendable {
    /// The store's own UUID, in lower case.
    public let uuid: String
    /// The number of components of every vector.
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

    /// Describes the store by its record, in the transaction that has read the record.
    init(_ record: StoreRecord, _ index: StoreIndex) {
        uuid = record.uuid
        dimension = record.dimension
        metric = record.metric
        idKind = record.idKind
        element = "float32"
        generation = record.generation
        dataFile = record.dataFile
        // The version is in page 1, which every transaction reads first.
        schemaVersion = (try? Int(index.pragma("user_version"))) ?? StoreIndex.schemaVersion
    }

    /// Reads a store's description without knowing its ids' type, and without opening its vectors.
    public static func read(at path: String) throws -> VectorStoreInfo {
        try read(at: path) { Task.isCancelled }
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
