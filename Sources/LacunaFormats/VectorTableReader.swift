import LacunaSQLite

/// The rows of a `vec0` table of sqlite-vec, read from the tables in which it keeps them, without the extension.
///
/// For a table `t`, `t_chunks` has a row for each chunk: its size, the bits of the places that are in use, and the row
/// numbers of all places. `t_vector_chunksNN` has the vectors of vector column NN of a chunk, one after the other, and
/// `t_metadatachunksNN` the values of metadata column NN: 8 bytes each, or a bit, or the length and the first 12 bytes
/// of a text, all of which is in `t_metadatatextNN` if it is longer. `t_rowids` has ids that aren't row numbers, and
/// `t_auxiliary` the auxiliary columns.
final class VectorTableReader: RowReader {
    private static let textHeadBytes = 12
    private static let textEntryBytes = 16

    private let database: SourceDatabase
    private let table: String
    private let definition: VectorTableDefinition
    private let vector: Int
    private let chunks: SourceDatabase.Cursor
    /// A step for each row that the table must have.
    private let listed: SourceDatabase.Cursor
    private var chunk: Chunk?
    private var rows: SQLiteRows
    private var number = 0
    private var lookups: [String: SourceDatabase.Lookup] = [:]

    var rowCount: Int? { nil }
    var dimension: Int? { definition.vectors[vector].dimension }

    private struct Chunk {
        let size: Int
        let validity: [UInt8]
        let rowIDs: [UInt8]
        let vectors: [UInt8]
        let metadata: [[UInt8]]
        let partitions: [ColumnValue]
        var place = 0
    }

    init(
        _ database: SourceDatabase,
        _ table: String,
        _ definition: VectorTableDefinition,
        _ options: RowReaderOptions
    ) throws(FormatError) {
        self.database = database
        self.table = table
        self.definition = definition
        let location = "\(database.path), table '\(excerpt(table))'"
        let names = definition.vectors.map(\.name)
        let wanted =
            options.vectorField.map { field in names.indices.filter { names[$0].equalsInSQL(field) } }
            ?? Array(names.indices)
        guard wanted.count == 1 else {
            throw FormatError.invalid(
                location,
                "the columns of vectors are \(names.map { "'\(excerpt($0))'" }.joined(separator: ", "))",
                remedy: "name one with --vector-field"
            )
        }
        vector = wanted[0]
        let column = definition.vectors[vector]
        guard column.element != .bit else {
            throw FormatError.invalid(
                location,
                "'\(excerpt(column.name))' has vectors of bits",
                remedy: "name another"
            )
        }
        if let dimension = options.dimension, dimension != column.dimension {
            throw VectorLimits.refusal(of: column.dimension, expected: dimension).at(location)
        }
        if options.idField != nil || options.metadataField != nil {
            throw FormatError.invalid(
                location,
                "a vec0 table says itself which columns are the id and the metadata",
                remedy: "leave --id-field and --metadata-field out"
            )
        }
        rows = SQLiteRows(column.dimension)
        chunks = try Self.chunks(database, table, definition, vector)
        let list = "\(table)_rowids"
        try database.checkIsTable(list)
        listed = try database.cursor("SELECT 1 FROM main.\(SourceDatabase.quoted(list)) NOT INDEXED", reading: [list])
    }

    private static func chunks(
        _ database: SourceDatabase,
        _ table: String,
        _ definition: VectorTableDefinition,
        _ vector: Int
    ) throws(FormatError) -> SourceDatabase.Cursor {
        let vectors = "\(table)_vector_chunks\(twoDigits(vector))"
        let metadata = definition.metadata.indices.map { "\(table)_metadatachunks\(twoDigits($0))" }
        let tables = ["\(table)_chunks", vectors] + metadata
        for name in tables { try database.checkIsTable(name) }
        // The joins leave nothing out, so that a missing part is noticed. The text that made these tables gives their
        // rowid a type that SQLite doesn't take for that of a row number.
        let columns =
            ["c.size", "c.validity", "c.rowids", "v.vectors"]
            + metadata.indices.map { "m\($0).data" }
            + definition.partitions.indices.map { "c.partition\(twoDigits($0))" }
        var sql =
            "SELECT \(columns.joined(separator: ", ")) FROM main.\(SourceDatabase.quoted(tables[0])) AS c "
        sql += "LEFT JOIN main.\(SourceDatabase.quoted(vectors)) AS v ON v.rowid = c.chunk_id"
        for (index, name) in metadata.enumerated() {
            sql +=
                " LEFT JOIN main.\(SourceDatabase.quoted(name)) AS m\(index) ON m\(index).rowid = c.chunk_id"
        }
        return try database.cursor(sql, reading: tables)
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = "\(database.path), table '\(excerpt(table))'"
        batch.place = .row
        do throws(FormatError) {
            while batch.hasRoom(for: maximumRows), try nextPlace() {
                guard try listed.next() else { throw damaged() }
                do throws(FormatError) { try addRow(to: &batch) } catch {
                    throw error.at("\(batch.source), row \(number)")
                }
                batch.places.append(number)
                number += 1
            }
        } catch {
            batch.clear()
            throw error
        }
        batch.dimension = rows.dimension ?? 0
        return batch.count
    }

    /// Goes on to the next place in use. Returns false at the end.
    private func nextPlace() throws(FormatError) -> Bool {
        while true {
            if var current = chunk {
                while current.place < current.size {
                    let place = current.place
                    current.place += 1
                    if current.validity[place / 8] >> UInt8(place % 8) & 1 == 1 {
                        chunk = current
                        return true
                    }
                }
            }
            guard try chunks.next() else {
                if try listed.next() { throw damaged() }
                return false
            }
            chunk = try nextChunk()
        }
    }

    /// Checks that each part has as many bytes as the chunk's size asks for.
    private func nextChunk() throws(FormatError) -> Chunk {
        let column = definition.vectors[vector]
        let metadata = definition.metadata.indices.map { chunks.value(4 + $0) }
        guard case .integer(let size) = chunks.value(0), (1...65_536).contains(size),
            case .blob(let validity) = chunks.value(1), case .blob(let rowIDs) = chunks.value(2),
            case .blob(let vectors) = chunks.value(3), validity.count >= (Int(size) + 7) / 8,
            rowIDs.count == 8 * Int(size),
            vectors.count == Int(size) * column.dimension * column.element.bitCount / 8
        else { throw damaged() }
        var data: [[UInt8]] = []
        for (index, value) in metadata.enumerated() {
            guard case .blob(let bytes) = value, bytes.count >= bytesOfMetadata(index, Int(size)) else {
                throw damaged()
            }
            data.append(bytes)
        }
        let partitions = definition.partitions.indices.map { chunks.value(4 + metadata.count + $0) }
        return Chunk(
            size: Int(size),
            validity: validity,
            rowIDs: rowIDs,
            vectors: vectors,
            metadata: data,
            partitions: partitions
        )
    }

    private func bytesOfMetadata(_ index: Int, _ size: Int) -> Int {
        switch definition.metadata[index].type {
        case .integer, .real: 8 * size
        case .text: Self.textEntryBytes * size
        case .boolean: (size + 7) / 8
        }
    }

    private func damaged() -> FormatError {
        .invalid(
            "\(database.path), table '\(excerpt(table))'",
            "a chunk of it isn't as sqlite-vec makes them",
            remedy: "check the database with the program that made it"
        )
    }

    private func addRow(to batch: inout RowBatch) throws(FormatError) {
        guard let chunk else { return }
        let place = chunk.place - 1
        let rowID = Self.integer(chunk.rowIDs, 8 * place)
        var fields: [(String, ColumnValue)] = []
        for (name, value) in zip(definition.partitions, chunk.partitions) {
            fields.append((name, value))
        }
        for (index, column) in definition.metadata.enumerated() {
            fields.append(
                (column.name, try metadata(column.type, index, chunk.metadata[index], place, rowID))
            )
        }
        if !definition.auxiliaries.isEmpty { fields += try auxiliaries(rowID) }
        try rows.add(
            vector: vector(of: chunk, place),
            id: try id(rowID),
            metadata: try SQLiteRows.object(fields),
            to: &batch
        )
    }

    private func vector(of chunk: Chunk, _ place: Int) -> [Float] {
        let column = definition.vectors[vector]
        let bytes = column.dimension * column.element.bitCount / 8
        let part = chunk.vectors[place * bytes..<(place + 1) * bytes]
        return column.element == .int8
            ? part.map { Float(Int8(bitPattern: $0)) } : SQLiteRows.floats(part)
    }

    private func metadata(
        _ type: VectorTableDefinition.MetadataType,
        _ index: Int,
        _ data: [UInt8],
        _ place: Int,
        _ rowID: Int64
    ) throws(FormatError) -> ColumnValue {
        switch type {
        case .integer: return .integer(Self.integer(data, 8 * place))
        case .real: return .real(Double(bitPattern: UInt64(bitPattern: Self.integer(data, 8 * place))))
        case .boolean: return .integer(Int64(data[place / 8] >> UInt8(place % 8) & 1))
        case .text:
            let entry = Self.textEntryBytes * place
            let length = Int(Int32(truncatingIfNeeded: Self.integer(data, entry)))
            if (0...Self.textHeadBytes).contains(length) {
                return .text(Array(data[entry + 4..<entry + 4 + length]))
            }
            return try value("metadatatext\(Self.twoDigits(index))", ["data"], rowID)[0]
        }
    }

    private func auxiliaries(_ rowID: Int64) throws(FormatError) -> [(String, ColumnValue)] {
        let columns = definition.auxiliaries.indices.map { "value\(Self.twoDigits($0))" }
        return Array(zip(definition.auxiliaries, try value("auxiliary", columns, rowID)))
    }

    private func id(_ rowID: Int64) throws(FormatError) -> RowID {
        guard definition.hasTextID else { return .integer(rowID) }
        return try SQLiteRows.id(try value("rowids", ["id"], rowID)[0])
    }

    /// The values of the row of that number in one of the tables.
    private func value(_ suffix: String, _ columns: [String], _ rowID: Int64) throws(FormatError)
        -> [ColumnValue]
    {
        let name = "\(table)_\(suffix)"
        let lookup: SourceDatabase.Lookup
        if let known = lookups[name] {
            lookup = known
        } else {
            try database.checkIsTable(name)
            let names = columns.joined(separator: ", ")
            lookup = try database.lookup(
                "SELECT \(names) FROM main.\(SourceDatabase.quoted(name)) WHERE rowid = ?",
                reading: [name]
            )
            lookups[name] = lookup
        }
        guard let values = try lookup.values(rowID, count: columns.count) else { throw damaged() }
        return values
    }

    /// The little-endian integer of 8 bytes at `offset`, which are there.
    private static func integer(_ bytes: [UInt8], _ offset: Int) -> Int64 {
        unsafe bytes.withUnsafeBytes {
            Int64(littleEndian: unsafe $0.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        }
    }
}
