/// What ``VectorStoreRecovery/salvage(at:progress:_:)`` found of a row.
public struct SalvagedRow: Sendable {
    /// The row's id, an integer or a text (a UUID is its lower-case text); nil where nothing tells it.
    public let id: SQLValue?
    /// The row's place in its data file, counted from 0; nil where it was found by its id.
    public let slot: Int?
    /// The data file that `slot` is in.
    public let dataFile: String?
    /// The components; empty where their bytes are lost. Of a row that was set aside they may be NaN or infinite.
    public let vector: [Float]
    /// The metadata's JSON text, to the letter. Of a row that was set aside because of them, whatever text is left, which
    /// may be no JSON at all.
    public let metadataJSON: String?
    /// How far it can be trusted.
    public let verdict: SalvageVerdict

    init(
        _ verdict: SalvageVerdict,
        id: SQLValue? = nil,
        at place: (slot: Slot, dataFile: String)? = nil,
        vector: [Float] = [],
        metadataJSON: String? = nil
    ) {
        self.id = id
        slot = place?.slot.number
        dataFile = place?.dataFile
        self.vector = vector
        self.metadataJSON = metadataJSON
        self.verdict = verdict
    }
}

/// How far a salvaged row can be trusted.
public enum SalvageVerdict: Sendable, Equatable {
    /// The index names the row, and row and id match its checksum.
    case verified
    /// The index is lost, and ids and checksums with it: the bytes as they lie in the file, perhaps of a row that was deleted.
    case unverified
    /// Not to be taken for a row of the store without a look at it.
    case setAside(SetAsideReason)
}

/// Why something was set aside. The raw value is for people, and stable for scripts.
public enum SetAsideReason: String, Sendable, CaseIterable {
    /// The row, or its id, has changed: they don't match the index's checksum.
    case badChecksum = "the row does not match its checksum"
    /// The index names the row, and what it tells of the row's checksum can't be read, or is another id's.
    case noChecksum = "the index doesn't tell the row's checksum"
    /// The index names a place outside of the data file, or between two rows.
    case outOfBounds = "the row lies outside of the data file"
    /// The data file is missing, or another store's.
    case missingFile = "the data file is missing"
    /// The disk can't read the row.
    case unreadable = "the row can't be read"
    /// A component is NaN or infinite, which a store takes from nobody.
    case notFinite = "a component is NaN or infinite"
    /// The id is none of the kind that the store's ids have.
    case badID = "the id is not of the store's kind"
    /// A row of the index without a valid id, offset or checksum.
    case badIndexRow = "the index row can't be read"
    /// Only an older generation names the row: it may have been replaced or deleted since.
    case olderVersion = "an older version: the newest is lost"
    /// No index row that can be read names the row, and index rows, or whole commits, are lost: it may be alive or dead.
    case unnamed = "no index row names it: alive or dead"
    /// The row was salvaged; these are its metadata, which don't match their checksum or are none that a store takes.
    case badMetadata = "the metadata are damaged"
    /// The row was salvaged; its metadata, if it had any, can't be read.
    case unreadableMetadata = "the metadata can't be read"
    /// Metadata of an id that has no row in the index any more.
    case metadataWithoutRow = "metadata without a row"
}
