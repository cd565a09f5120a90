import LacunaFormats

/// The formats of files that rows come from and go to.
enum RowFileFormat: String {
    case npy, fvecs, jsonl

    /// Reads the format from the end of the name, in upper or lower case.
    init?(path: String) {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        self.init(rawValue: path[path.index(after: dot)...].lowercased())
    }
}

/// A file that has only vectors.
protocol VectorRows: AnyObject {
    var rows: Int { get }
    var dimension: Int { get }
    func next(_ maximumRows: Int, into buffer: inout [Float]) throws(FormatError) -> Int
}

extension NPYReader: VectorRows {}
extension FVECSReader: VectorRows {}

/// The files of an import. They are read twice: first to check them against one another, then to write their rows.
struct ImportFiles {
    let vectors: String
    let metadata: String?
    let ids: String?
    let firstID: Int64?
    /// The store's dimension.
    let dimension: Int

    /// Nil for a .jsonl file, whose rows are more than vectors.
    func openVectors() throws -> (any VectorRows)? {
        switch RowFileFormat(path: vectors) {
        case .npy: try NPYReader(path: vectors)
        case .fvecs: try FVECSReader(path: vectors)
        case .jsonl, nil: nil
        }
    }

    /// Opens the files at the first row, after they were checked.
    func open<ID: CommandID>(_ idSource: IDSource) throws -> any ImportSource<ID> {
        let ids = try ImportedIDs<ID>(idSource, self)
        if let rows = try openVectors() { return try ArraySource(rows, metadata, ids) }
        return try JSONSource(vectors, ids, dimension)
    }
}

/// The source of the ids.
enum IDSource: Equatable {
    /// The `id` of each row's JSON object.
    case rows
    /// Lines of `--ids`.
    case lines
    case counting(from: Int64)
}

/// The ids of an import, one after the other.
struct ImportedIDs<ID: CommandID> {
    private let lines: LineReader?
    private var number: Int64?

    init(_ source: IDSource, _ files: ImportFiles) throws {
        lines = source == .lines ? try files.ids.map { path in try LineReader(path: path) } : nil
        if case .counting(let first) = source { number = first }
    }

    /// The next row's id. `json` is the id in the row's JSON, if it has one.
    mutating func next(_ json: String?, at location: String) throws -> ID {
        if let lines {
            guard let line = try lines.next() else { throw changed(location) }
            return try ID(line: line, at: lines.location)
        }
        if let current = number {
            guard let id = ID(.integer(current)) else { throw changed(location) }
            // After the last row there may be no next integer.
            number = current == .max ? nil : current + 1
            return id
        }
        guard let json else { throw changed(location) }
        return try ID(json: json, at: location)
    }

    private func changed(_ location: String) -> CommandError {
        .badData(
            "\(location): a row without an id since the files were checked",
            remedy: "import them when nothing writes them"
        )
    }
}

/// A row of an import without its components.
struct ImportedRow<ID: CommandID> {
    let id: ID
    let metadata: String?
    /// The position of the row's components in the source's `components`.
    let components: Range<Int>
}

protocol ImportSource<ID>: AnyObject {
    associatedtype ID: CommandID
    var components: [Float] { get }
    /// The next row. If there is none, an error: the rows were counted before.
    func next() throws -> ImportedRow<ID>
}
