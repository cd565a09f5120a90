import LacunaFormats

/// Checks, before the first write, that every row has a vector of the right dimension, an id that no other row has, and
/// metadata if there are any. It reads the text files once, and keeps only the ids.
struct ImportCheck<ID: CommandID> {
    let rows: Int
    let idSource: IDSource
    /// Says, for people, which options the files made pointless.
    private(set) var notes: [String] = []

    init(_ files: ImportFiles) throws {
        var rowIDs = RowIDs<ID>()
        if let vectors = try files.openVectors() {
            rows = vectors.rows
            try Self.check(vectors, files)
            if let metadata = files.metadata {
                try Self.expect(rows, try Self.readMetadata(metadata, &rowIDs), "lines", metadata, files)
            }
        } else {
            rows = try Self.readRows(files, &rowIDs)
        }
        if rowIDs.areThere == true {
            idSource = .rows
        } else if files.ids != nil {
            idSource = .lines
        } else {
            idSource = .counting(from: files.firstID ?? 1)
        }
        if let ids = files.ids {
            let count = try Self.readIDs(ids, isUsed: idSource == .lines)
            try Self.expect(rows, count, "ids", ids, files)
            if idSource == .rows { notes.append("the rows have ids of their own; \(ids) is not used") }
        }
        if files.firstID != nil && idSource != .counting(from: files.firstID ?? 1) {
            notes.append("the ids are given; --first-id is not used")
        }
        if case .counting(let first) = idSource { try Self.checkCounting(first, rows) }
    }

    private static func check(_ vectors: any VectorRows, _ files: ImportFiles) throws {
        guard vectors.dimension == files.dimension else {
            throw CommandError.badData(
                "\(files.vectors): its vectors have \(vectors.dimension) components, the store's have "
                    + "\(files.dimension)",
                remedy: "import vectors of the model that made the store's"
            )
        }
        if let vectors = vectors as? FVECSReader { try vectors.validate() }
    }

    private static func expect(
        _ rows: Int,
        _ count: Int,
        _ what: String,
        _ file: String,
        _ files: ImportFiles
    ) throws(CommandError) {
        guard rows == count else {
            throw .badData(
                "\(file) has \(count) \(what) for the \(rows) rows of \(files.vectors)",
                remedy: "give one for each row"
            )
        }
    }

    private static func readMetadata(_ path: String, _ rowIDs: inout RowIDs<ID>) throws -> Int {
        let lines = try JSONLinesReader(path: path)
        var count = 0
        while let object = try lines.next() {
            try Interrupts.check()
            count += 1
            let id: String?
            do { id = try object.member(named: "id")?.rawValue } catch { throw error.at(lines.location) }
            try rowIDs.add(id, at: lines.location)
        }
        return count
    }

    private static func readRows(_ files: ImportFiles, _ rowIDs: inout RowIDs<ID>) throws -> Int {
        let lines = try JSONLinesReader(path: files.vectors)
        var count = 0
        while let object = try lines.next() {
            try Interrupts.check()
            count += 1
            let row = try FullRow(object, files.dimension, at: lines.location)
            try rowIDs.add(row.id, at: lines.location)
        }
        return count
    }

    private static func readIDs(_ path: String, isUsed: Bool) throws -> Int {
        guard isUsed else { return try LineReader.countLines(path: path) }
        let lines = try LineReader(path: path)
        var ids = UniqueIDs<ID>()
        var count = 0
        while let line = try lines.next() {
            try Interrupts.check()
            count += 1
            try ids.insert(try ID(line: line, at: lines.location), at: lines.location)
        }
        return count
    }

    private static func checkCounting(_ first: Int64, _ rows: Int) throws(CommandError) {
        guard ID(.integer(first)) != nil else {
            throw .usage(
                "the store's ids are \(ID.form), which can't be counted",
                remedy: "give them in the metadata or with --ids"
            )
        }
        guard rows == 0 || !first.addingReportingOverflow(Int64(rows - 1)).overflow else {
            throw .usage(
                "--first-id \(first) and \(rows) rows pass the largest integer of 64 bits",
                remedy: "begin lower"
            )
        }
    }
}

/// The ids in the JSON of the rows: all rows have one, or none has.
struct RowIDs<ID: CommandID> {
    private(set) var areThere: Bool?
    private var ids = UniqueIDs<ID>()

    mutating func add(_ json: String?, at location: String) throws {
        if let areThere, areThere != (json != nil) {
            let what = areThere ? "has no id, and the first one has" : "has an id, and the first one has none"
            throw CommandError.badData("\(location): the row \(what)", remedy: "give all rows an \"id\", or none")
        }
        areThere = json != nil
        if let json { try ids.insert(try ID(json: json, at: location), at: location) }
    }
}

/// The ids seen so far.
struct UniqueIDs<ID: CommandID> {
    private var keys: Set<ID.UniqueKey> = []

    mutating func insert(_ id: ID, at location: String) throws(CommandError) {
        guard keys.insert(id.uniqueKey).inserted else {
            throw .badData("\(location): the id \(id.text) is there twice", remedy: "give every row an id of its own")
        }
    }
}
