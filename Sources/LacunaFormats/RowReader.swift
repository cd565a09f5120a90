/// Reads rows from their source, in its order, in memory that doesn't grow with the source.
public protocol RowReader: AnyObject {
    /// The number of rows, if the source says it before they are read.
    var rowCount: Int? { get }

    /// The number of components of a vector, if the source says it before the first row is read.
    var dimension: Int? { get }

    /// Replaces the rows in `batch` by the next ones, at most `maximumRows` of them, and fewer if their ids and metadata
    /// are long.
    ///
    /// - Returns: The number of rows read; 0 if there are no more.
    /// - Throws: ``FormatError`` if a row isn't as the format says. `batch` then has no rows, and the reader is of no
    ///   further use.
    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int
}

/// A source of rows.
public enum RowSource: Hashable, Sendable {
    /// A regular file.
    case file(String)
    /// This process's standard input, which is read once, from its beginning to its end.
    case standardInput

    /// The source's name in errors.
    public var name: String {
        switch self {
        case .file(let path): path
        case .standardInput: "standard input"
        }
    }
}

/// Options of a ``RowReader``. ``RowFormat/options`` lists those that a format takes.
public struct RowReaderOptions: Sendable {
    /// The names of the options, as in errors.
    public enum Name: String, CaseIterable, Sendable {
        /// See ``RowReaderOptions/metadataFile``.
        case metadataFile = "--metadata"
        /// See ``RowReaderOptions/vectorField``.
        case vectorField = "--vector-field"
        /// See ``RowReaderOptions/idField``.
        case idField = "--id-field"
        /// See ``RowReaderOptions/metadataField``.
        case metadataField = "--metadata-field"
        /// See ``RowReaderOptions/table``.
        case table = "--table"
    }

    /// The number of components that each vector must have; nil if the first one tells it.
    public var dimension: Int?
    /// A JSON Lines file with one object for each row, for a format that has only vectors. The object's `id` is the
    /// row's id, and the rest of it the metadata.
    public var metadataFile: String?
    /// The field that has the vector; nil for the format's own: `vector`, or else `embedding`.
    public var vectorField: String?
    /// The field that has the id; nil for `id`. It may be missing then.
    public var idField: String?
    /// The field that has the metadata, as a JSON object; nil for `metadata`, or for all other fields if there is none
    /// of that name.
    public var metadataField: String?
    /// The table or the array that has the rows; nil for the only one.
    public var table: String?

    /// Options that leave all to the format.
    public init() {}

    /// The options that are set. Every format takes ``dimension``.
    var names: Set<Name> {
        var names: Set<Name> = []
        if metadataFile != nil { names.insert(.metadataFile) }
        if vectorField != nil { names.insert(.vectorField) }
        if idField != nil { names.insert(.idField) }
        if metadataField != nil { names.insert(.metadataField) }
        if table != nil { names.insert(.table) }
        return names
    }
}
