/// The range of ids that unreadable pages hide: those between the rows that could be read from the beginning of a table
/// and those that could be read from its end.
struct UnreadableIDs {
    /// The last id before the range; nil if nothing could be read from the beginning.
    fileprivate(set) var after: SQLValue?
    /// The first id after the range; nil if nothing could be read from the end.
    fileprivate(set) var before: SQLValue?
    /// The reason why the table couldn't be read to its end.
    let reason: VectorStoreError

    func contains(_ id: SQLValue) -> Bool {
        (after.map { SQLValue.idPrecedes($0, id) } ?? true) && (before.map { SQLValue.idPrecedes(id, $0) } ?? true)
    }
}

/// The place of a row according to its index row.
struct RemainingRow {
    /// A slot's number, or, in an index of an earlier schema, its offset in the file. It may be any number.
    fileprivate let place: Int64
    fileprivate let isOffset: Bool
    /// The checksum, which index rows of an earlier schema have; otherwise nil.
    let checksum: UInt32?

    /// The slot; nil if no slot begins at this place.
    func slot(_ layout: RowLayout) -> Slot? {
        let slot: Int64
        if isOffset {
            guard place >= DataFileHeader.length, (place - DataFileHeader.length) % layout.stride == 0 else {
                return nil
            }
            slot = (place - DataFileHeader.length) / layout.stride
        } else {
            slot = place
        }
        return (0..<Int64(Slot.most)).contains(slot) ? Slot(Int(slot)) : nil
    }
}

/// The remains of an id's metadata.
enum RemainingMetadata {
    case none
    /// The checksum is right, and a put would accept the metadata.
    case sound(String)
    /// The text, with U+FFFD in place of bytes that are no longer UTF-8.
    case bad(String)
    case unreadable

    var soundText: String? { if case .sound(let text) = self { text } else { nil } }
}

/// Reading an index of which nothing is certain: each call returns what it can read, and doesn't trust other tables.
extension StoreIndex {
    /// Opens a copy of the index, since a damaged database may not even be read in place. It doesn't check whether the
    /// database is a store's, because the header may be damaged. Tables that are not as a migration made them can be
    /// read only if they are plain.
    static func openForSalvage(_ directory: Directory) throws(VectorStoreError) -> StoreIndex {
        let index = StoreIndex(try Connection(StorePaths.indexName, in: directory, .readOnly))
        try index.connection.run("PRAGMA query_only = ON")
        try index.connection.run("PRAGMA cell_size_check = ON")
        let schema = try? IndexSchema(index.connection, version: nil)
        let tables = schema?.readableTables(index.connection) ?? []
        index.connection.allowReading(only: tables.union(["sqlite_master", "json_each"]))
        // This doesn't use the version in the database's header, which may be damaged.
        if (try? index.connection.prepare("SELECT offset FROM vectors")) != nil { index.version = slotVersion - 1 }
        return index
    }

    /// Throws unless the database says that it is a store's index of a known version.
    func checkSchema() throws(VectorStoreError) {
        if try !isCreated() { throw .damaged("index.sqlite is empty") }
    }

    /// Whether there is a table `vectors`, in whatever state.
    var hasTableOfRows: Bool { (try? connection.prepare("SELECT \(rowColumns) FROM vectors")) != nil }

    private var rowColumns: String { isOfOffsets ? "id, offset, checksum" : "id, slot, NULL" }

    /// The messages of SQLite's own check; none if all is well.
    func integrityMessages() throws(VectorStoreError) -> [String] {
        // SQLite 3.40 takes their pages for pages that are in use twice.
        connection.forgetIndexTables()
        indexTables = IndexTables()
        var messages: [String] = []
        for check in try IndexSchema(connection, version: nil).integrityChecks {
            try connection.forEach("PRAGMA \(check)") { row throws(VectorStoreError) in
                let message = try row.text(0)
                // SQLite 3.44 can't check a table of FTS5 through a connection that only reads.
                let isUnchecked = message.hasPrefix("unable to validate") && message.contains(TextIndex.table)
                if message != "ok" && !isUnchecked { messages.append(message.replacing("\n", with: ", ")) }
            }
        }
        return messages
    }

    /// Whether a generation has index rows, or may have some that can't be read.
    func hasRemainingRows(_ generation: Int64) -> Bool {
        do throws(VectorStoreError) {
            return try connection.first(
                "SELECT 1 FROM vectors WHERE generation = ? LIMIT 1",
                [.integer(generation)]
            ) { _ in true } ?? false
        } catch { return true }
    }

    /// Calls `body` with the rows of a generation: in id order up to a page that can't be read, then the rows after it
    /// from the end backwards. A row without an id has an invalid one; it still counts.
    ///
    /// - Returns: The ids that couldn't be read; nil if all could be read.
    func forEachRemainingRow(
        _ generation: Int64,
        _ body: (SQLValue?, RemainingRow?) throws -> Void
    ) throws -> UnreadableIDs? {
        try forEachRemaining("SELECT \(rowColumns) FROM vectors WHERE generation = \(generation)") { row, id in
            try body(id, remainingRow(row))
        }
    }

    /// Nil if the place is no number, or if a checksum is missing that should be there.
    private func remainingRow(_ row: Statement) -> RemainingRow? {
        let checksum = isOfOffsets ? UInt32(exactly: row.integer(2)) : nil
        guard row.isInteger(1), !isOfOffsets || checksum != nil else { return nil }
        return RemainingRow(place: row.integer(1), isOffset: isOfOffsets, checksum: checksum)
    }

    /// Calls `body` with the ids that have metadata, in the same way.
    func forEachRemainingMetadataID(_ body: (SQLValue?) throws -> Void) throws -> UnreadableIDs? {
        try forEachRemaining("SELECT id FROM metadata WHERE true") { _, id in try body(id) }
    }

    /// An id's place in a generation; nil if no readable row has the id.
    func remainingRow(of id: SQLValue, _ generation: Int64) -> RemainingRow? {
        let found = try? firstRemaining("SELECT \(rowColumns) FROM vectors WHERE generation = \(generation)", id) {
            remainingRow($0)
        }
        return found ?? nil
    }

    /// Calls `body` with the entries of a generation's runs, as far as they can be read.
    func forEachRemainingEntry(
        _ generation: Int64,
        _ codec: RunCodec,
        _ body: (Slot, SQLValue, UInt32) throws -> Void
    ) throws {
        if isOfOffsets { return }
        var next: Slot? = Slot(0)
        while let slot = next {
            // Reads one run at a time, so that an unreadable page hides only its own runs.
            guard let run = try? firstRun(generation, from: slot) else { return }
            var entries: [LiveRow] = []
            try? run.forEachEntry(codec) { slot, id, checksum in
                if let id { entries.append(LiveRow(id: id, slot: slot, checksum: checksum)) }
            }
            for entry in entries { try body(entry.slot, entry.id, entry.checksum) }
            next = run.end > slot ? run.end : nil
        }
    }

    func remainingMetadata(of id: SQLValue) -> RemainingMetadata {
        do {
            return try firstRemaining("SELECT id, json, checksum FROM metadata WHERE true", id) {
                row throws(VectorStoreError) -> RemainingMetadata in
                guard let json = try? row.text(1), Int64(Self.checksum(of: json, for: id)) == row.integer(2),
                    (try? checkMetadata(json, for: id)) != nil
                else { return .bad(row.repairedText(1)) }
                return .sound(json)
            } ?? .none
        } catch {
            return .unreadable
        }
    }

    /// The row of an id. A row in an inner page, right beside an unreadable page, can be found from one side only: from
    /// the other side, SQLite reads the unreadable page first.
    private func firstRemaining<R>(
        _ select: String,
        _ id: SQLValue,
        _ row: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R? {
        func first(_ range: String) throws(VectorStoreError) -> R? {
            try connection.first("\(select) AND \(range) LIMIT 1", [id]) { statement throws(VectorStoreError) -> R? in
                let found = try statement.id(0)
                if SQLValue.idPrecedes(found, id) || SQLValue.idPrecedes(id, found) { return nil }
                return try row(statement)
            } ?? nil
        }
        do { return try first("id >= ?1 ORDER BY id") } catch { return try first("id <= ?1 ORDER BY id DESC") }
    }

    /// Walks forwards from the first id, and, if that ends in an error, backwards from the last.
    private func forEachRemaining(
        _ select: String,
        _ body: (Statement, SQLValue?) throws -> Void
    ) throws -> UnreadableIDs? {
        let forwards = try walk("\(select) ORDER BY id", [], SQLValue.idPrecedes, body)
        guard let reason = forwards.error else { return nil }
        // The walk back ends at the last id of the walk forwards, so that no row comes twice.
        let beyond = forwards.last == nil ? "" : " AND id > ?1"
        let backwards = try walk(
            "\(select)\(beyond) ORDER BY id DESC",
            forwards.last.map { [$0] } ?? [],
            { SQLValue.idPrecedes($1, $0) },
            body
        )
        return UnreadableIDs(after: forwards.last, before: backwards.last, reason: reason)
    }

    /// Steps through a statement until its end or an error, which is returned; only an error of `body` is thrown.
    ///
    /// Ids must come in their order: a damaged tree may lead to the same page again and again.
    private func walk(
        _ sql: String,
        _ values: [SQLValue],
        _ precedes: (SQLValue, SQLValue) -> Bool,
        _ body: (Statement, SQLValue?) throws -> Void
    ) throws -> (last: SQLValue?, error: VectorStoreError?) {
        var last: SQLValue?
        let statement: Statement
        do {
            statement = try connection.prepare(sql)
            try statement.bind(values)
        } catch { return (nil, error) }
        while true {
            do throws(VectorStoreError) { if try !statement.step() { return (last, nil) } } catch {
                return (last, error)
            }
            let id = try? statement.id(0)
            if let id {
                if let last, !precedes(last, id) { return (last, .damaged("ids in index.sqlite are out of order")) }
                last = id
            }
            try body(statement, id)
        }
    }
}
