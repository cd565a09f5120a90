/// A format of files that hold rows: vectors, with ids and metadata if the format has them.
///
/// ```swift
/// let format = RowFormat(path: "rows.jsonl")!
/// let reader = try format.reader(of: .file("rows.jsonl"))
/// var batch = RowBatch()
/// while try reader.read(1_000, into: &batch) > 0 {
///     for row in 0..<batch.count { print(batch.ids[row], batch.vector(row), batch.metadata[row] ?? "-") }
/// }
/// ```
public struct RowFormat: Sendable {
    /// The name, as `--format` takes it: `npy`.
    public let name: String
    /// The endings of the names of such files, without the dot, in lower case.
    public let endings: [String]
    /// The content of such a file, in a few words.
    public let summary: String
    /// The options that a reader of this format takes.
    public let options: Set<RowReaderOptions.Name>
    private let open: (@Sendable (RowSource, RowReaderOptions) throws(FormatError) -> any RowReader)?
    /// The way to write such files; nil if no export does.
    let writing: RowWriting?

    init(
        _ name: String,
        endings: [String]? = nil,
        _ summary: String,
        options: Set<RowReaderOptions.Name> = [],
        reader open: (@Sendable (RowSource, RowReaderOptions) throws(FormatError) -> any RowReader)? = nil,
        writing: RowWriting? = nil
    ) {
        self.name = name
        self.endings = endings ?? [name]
        self.summary = summary
        self.options = options
        self.open = open
        self.writing = writing
    }

    /// The format of this name that can be read; nil if there is none.
    public init?(named name: String) { self.init(named: name, among: Self.all) }

    /// The format that the ending of a file's name tells, in upper or lower case, and that can be read; nil if there is
    /// none.
    public init?(path: String) { self.init(path: path, among: Self.all) }

    package init?(named name: String, among formats: [RowFormat]) {
        guard let format = formats.first(where: { $0.name == name }) else { return nil }
        self = format
    }

    package init?(path: String, among formats: [RowFormat]) {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let ending = path[path.index(after: dot)...].lowercased()
        guard let format = formats.first(where: { $0.endings.contains(ending) }) else { return nil }
        self = format
    }

    /// Opens a source of this format.
    ///
    /// - Throws: ``FormatError`` if the source can't be opened, if its beginning isn't of this format, or if an option
    ///   is given that the format doesn't take.
    public func reader(
        of source: RowSource,
        options given: RowReaderOptions = RowReaderOptions()
    ) throws(FormatError) -> any RowReader {
        let strangers = given.names.subtracting(options)
        if let stranger = strangers.min(by: { $0.rawValue < $1.rawValue }) {
            throw FormatError(
                .unsuitableOption,
                "\(source.name): .\(name) takes no \(stranger.rawValue)",
                remedy: "leave it out"
            )
        }
        guard let open else { preconditionFailure("\(name) isn't among the formats that can be read") }
        return try open(source, given)
    }
}

/// The registry. A format is a reader and a writer, or one of them, and a line here.
extension RowFormat {
    private static let registry: [RowFormat] = [
        RowFormat("npy", "a NumPy array", options: [.metadataFile], reader: ArrayRowReader.npy, writing: .npy),
        RowFormat(
            "npz",
            "NumPy arrays as numpy.savez stores them",
            options: [.metadataFile, .table],
            reader: ArrayRowReader.npz
        ),
        RowFormat(
            "fvecs",
            "rows of float32, each after its dimension",
            options: [.metadataFile],
            reader: ArrayRowReader.fvecs,
            writing: .fvecs
        ),
        RowFormat(
            "bvecs",
            "rows of bytes, each after its dimension",
            options: [.metadataFile],
            reader: ArrayRowReader.bvecs
        ),
        RowFormat(
            "jsonl",
            "one JSON object a line",
            options: .fields,
            reader: JSONLinesRowReader.init,
            writing: .jsonl
        ),
        RowFormat(
            "json",
            "an array of JSON objects, or an embeddings API's answer",
            options: .fields.union([.table]),
            reader: JSONRowReader.init
        ),
        RowFormat(
            "csv",
            "columns with commas between them, and a header",
            options: .fields,
            reader: CSVRowReader.commas,
            writing: .csv
        ),
        RowFormat("tsv", "columns with tabs between them, and a header", options: .fields, reader: CSVRowReader.tabs),
        RowFormat(
            "sqlite",
            endings: ["sqlite", "sqlite3", "db"],
            "a table of SQLite, or a vec0 table of sqlite-vec",
            options: .fields.union([.table]),
            reader: SQLiteRowReader.open,
            writing: .sqlite
        ),
        RowFormat("postgres", endings: ["sql"], "a script for PostgreSQL with pgvector", writing: .postgres),
    ]

    /// All formats that can be read.
    public static let all = registry.filter { $0.open != nil }

    /// All formats that an export writes.
    package static let written = registry.filter { $0.writing != nil }
}

extension Set<RowReaderOptions.Name> {
    /// The options of a format whose rows have fields with names.
    fileprivate static let fields: Self = [.vectorField, .idField, .metadataField]
}
