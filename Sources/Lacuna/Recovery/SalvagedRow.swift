/// A row, or a part of one, that ``VectorStoreRecovery/salvage(at:progress:_:)`` found.
public struct SalvagedRow: Sendable {
    /// The row's id, an integer or a text (a UUID is its lower-case text); nil if it is lost.
    public let id: SQLValue?
    /// The row's slot in its data file, counted from 0; nil if the row was found by its id.
    public let slot: Int?
    /// The data file to which `slot` belongs.
    public let dataFile: String?
    /// The components; empty if their bytes are lost. In a row that was set aside they may be NaN or infinite.
    public let vector: [Float]
    /// The exact JSON text of the metadata. If these metadata are the reason why it was set aside, the text that is
    /// left, which may be no JSON.
    public let metadataJSON: String?
    /// Says how far the row can be trusted.
    public let verdict: SalvageVerdict

    /// Makes a row, as for a preview or a test.
    public init(
        _ verdict: SalvageVerdict,
        id: SQLValue? = nil,
        slot: Int? = nil,
        dataFile: String? = nil,
        vector: [Float] = [],
        metadataJSON: String? = nil
    ) {
        self.verdict = verdict
        self.id = id
        self.slot = slot
        self.dataFile = dataFile
        self.vector = vector
        self.metadataJSON = metadataJSON
    }

    init(
        _ verdict: SalvageVerdict,
        id: SQLValue? = nil,
        at place: (slot: Slot, dataFile: String),
        vector: [Float] = [],
        metadataJSON: String? = nil
    ) {
        self.init(
            verdict,
            id: id,
            slot: place.slot.number,
            dataFile: place.dataFile,
            vector: vector,
            metadataJSON: metadataJSON
        )
    }
}

/// Says how far a salvaged row can be trusted.
public enum SalvageVerdict: Sendable, Equatable {
    /// The index names the row, and row and id match its checksum.
    case verified
    /// The index is lost, and ids and checksums with it: these are the bytes in the file, which may be those of a
    /// deleted row.
    case unverified
    /// The row is doubtful: look at it before you put it into a store.
    case setAside(SetAsideReason)
}

/// The reason why a row or metadata were set aside. The raw value is for people, and stable for scripts.
public enum SetAsideReason: String, Sendable, CaseIterable {
    /// The row, or its id, has changed: they don't match the index's checksum.
    case badChecksum = "the row does not match its checksum"
    /// The index names the row, but its entry with the row's checksum can't be read, or belongs to another id.
    case noChecksum = "the index doesn't tell the row's checksum"
    /// The index names a place outside of the data file, or between two rows.
    case outOfBounds = "the row lies outside of the data file"
    /// The data file is missing, or another store's.
    case missingFile = "the data file is missing"
    /// The disk can't read the row.
    case unreadable = "the row can't be read"
    /// A component is NaN or infinite, which no store accepts.
    case notFinite = "a component is NaN or infinite"
    /// The id is of another kind than the store's ids.
    case badID = "the id is not of the store's kind"
    /// The index row has no valid id or slot.
    case badIndexRow = "the index row can't be read"
    /// Only an older generation names the row: it may have been replaced or deleted since.
    case olderVersion = "an older version: the newest is lost"
    /// No readable index row names the row, and index rows or whole commits are lost: the row may be live or dead.
    case unnamed = "no index row names it: alive or dead"
    /// The row was salvaged; these are its metadata, which don't match their checksum, or which no store accepts.
    case badMetadata = "the metadata are damaged"
    /// The row was salvaged; its metadata, if it had any, can't be read.
    case unreadableMetadata = "the metadata can't be read"
    /// These are metadata of an id that has no index row any more.
    case metadataWithoutRow = "metadata without a row"
}
