import LacunaFormats

/// The ids of an import: those in the rows, or else the lines of a file, or else integers.
struct ImportedIDs<ID: CommandID> {
    private let file: String?
    private let lines: LineReader?
    private var usesLines: Bool
    private let first: Int64?
    private var number: Int64?
    private var unique = UniqueIDs<ID>()
    /// Says, for people, which options the rows made pointless; set with the first row.
    private(set) var notes: [String] = []
    private var count = 0

    /// - Parameters:
    ///   - file: The file of `--ids`.
    ///   - first: `--first-id`.
    ///   - rows: The number of rows, if the source tells it. Then the file's lines are counted before the first write.
    init(file: String?, first: Int64?, rows: Int?, of source: String) throws {
        self.file = file
        self.first = first
        number = first ?? 1
        if let file, let rows {
            let lines = try LineReader.countLines(path: file)
            guard lines == rows else { throw Self.differentCounts(file, "\(lines)", source, "\(rows)") }
        }
        lines = try file.map { file throws(FormatError) in try LineReader(path: file) }
        usesLines = lines != nil
        if let rows, let number, rows > 0, number.addingReportingOverflow(Int64(rows - 1)).overflow {
            throw Self.passesLargest(number)
        }
    }

    /// The id of a row.
    mutating func next(_ batch: RowBatch, _ row: Int, of source: String) throws -> ID {
        if count == 0 { try begin(hasIDs: !batch.ids.isEmpty) }
        count += 1
        if !batch.ids.isEmpty {
            let location = batch.location(of: row)
            return try unique.insert(try ID(batch.ids[row], at: location), at: location)
        }
        if let lines, let file {
            guard let line = try lines.next() else {
                throw Self.differentCounts(file, "\(count - 1)", source, "more")
            }
            return try unique.insert(try ID(line: line, at: lines.location), at: lines.location)
        }
        guard let current = number, let id = ID(.integer(current)) else { throw Self.passesLargest(first ?? 1) }
        // After the last row there may be no next integer.
        number = current == .max ? nil : current + 1
        return id
    }

    /// Throws if the file of `--ids` has more lines than there were rows.
    func checkEnd(of source: String) throws {
        guard usesLines, let lines, let file, try lines.next() != nil else { return }
        throw Self.differentCounts(file, "more", source, "\(count)")
    }

    private mutating func begin(hasIDs: Bool) throws(CommandError) {
        if hasIDs {
            usesLines = false
            if let file { notes.append("the rows have ids of their own; \(file) is not used") }
        } else if lines == nil, ID(.integer(1)) == nil {
            throw .usage(
                "the store's ids are \(ID.form), which can't be counted",
                remedy: "give them in the rows, in the metadata or with --ids"
            )
        }
        if first != nil && (hasIDs || lines != nil) { notes.append("the ids are given; --first-id is not used") }
    }

    private static func differentCounts(
        _ file: String,
        _ lines: String,
        _ source: String,
        _ rows: String
    ) -> CommandError {
        let (ids, ofRows) = (lines == "1" ? "id" : "ids", rows == "1" ? "row" : "rows")
        return .badData(
            "\(file) has \(lines) \(ids) for the \(rows) \(ofRows) of \(source)",
            remedy: "give one for each row"
        )
    }

    private static func passesLargest(_ first: Int64) -> CommandError {
        .usage("the ids from --first-id \(first) pass the largest integer of 64 bits", remedy: "begin lower")
    }
}

/// The ids so far, each of them once.
struct UniqueIDs<ID: CommandID> {
    private var keys: Set<ID.UniqueKey> = []

    mutating func insert(_ id: ID, at location: String) throws(CommandError) -> ID {
        guard keys.insert(id.uniqueKey).inserted else {
            throw .badData("\(location): the id \(id.text) is there twice", remedy: "give every row an id of its own")
        }
        return id
    }
}

extension CommandID {
    /// Reads an id of a file's row.
    fileprivate init(_ id: RowID, at location: @autoclosure () -> String) throws(CommandError) {
        let found: Self?
        let spelling: String
        switch id {
        case .integer(let integer): (found, spelling) = (Self(.integer(integer)), "\(integer)")
        case .text(let text): (found, spelling) = (Self(.string(text)), JSONScalar.string(text).jsonText)
        case .untyped(let text): (found, spelling) = (Self(spelling: text), "'\(text)'")
        }
        guard let found else {
            throw .badData(
                "\(location()): \(spelling.prefix(80)) is not an id of this store",
                remedy: "give \(Self.form), or make the store with another kind: `lacuna create STORE --ids text`"
            )
        }
        self = found
    }
}
