import LacunaSQLite

/// The rows of a table of an SQLite database: the vector as a blob of float32 or as the text of a JSON array.
final class SQLiteRowReader: RowReader {
    private let database: SourceDatabase
    private let table: String
    private let cursor: SourceDatabase.Cursor
    private let columns: SQLiteColumns
    private var rows: SQLiteRows
    private var number = 0

    var rowCount: Int? { nil }
    var dimension: Int? { rows.dimension }

    static func open(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError)
        -> any RowReader
    {
        let database = try SourceDatabase(source)
        let name = try table(database, options.table)
        if let found = try database.table(name),
            let definition = VectorTableDefinition(found.definition)
        {
            return try VectorTableReader(database, found.name, definition, options)
        }
        return try SQLiteRowReader(database, name, options)
    }

    private init(_ database: SourceDatabase, _ name: String, _ options: RowReaderOptions)
        throws(FormatError)
    {
        guard let found = try database.table(name) else { throw try Self.noTable(database, name) }
        try database.checkIsTable(found.name)
        self.database = database
        table = found.name
        do throws(FormatError) {
            columns = try SQLiteColumns(try database.columns(of: found.name), options)
        } catch { throw error.at("\(database.path), table '\(excerpt(found.name))'") }
        let names = columns.names.map(SourceDatabase.quoted).joined(separator: ", ")
        // An index on an expression isn't asked for what the table has.
        cursor = try database.cursor(
            "SELECT \(names) FROM main.\(SourceDatabase.quoted(table)) NOT INDEXED",
            reading: [found.name]
        )
        rows = SQLiteRows(options.dimension)
    }

    /// The table that was named, or the only one.
    private static func table(_ database: SourceDatabase, _ name: String?) throws(FormatError)
        -> String
    {
        if let name { return name }
        // The tables in which a virtual table keeps its rows have its name in front.
        let tables = try database.tables()
        let heads = tables.filter(\.isVirtual).map { "\($0.name)_" }
        let own = tables.map(\.name).filter { name in !heads.contains { name.utf8.starts(with: $0.utf8) } }
        guard own.count == 1 else {
            let listed = own.prefix(5).map { "'\(excerpt($0))'" }.joined(separator: ", ")
            throw FormatError.invalid(
                database.path,
                own.isEmpty
                    ? "there is no table"
                    : "there are several tables: \(listed)\(own.count > 5 ? ", …" : "")",
                remedy: "name the one with the vectors with --table"
            )
        }
        return own[0]
    }

    private static func noTable(_ database: SourceDatabase, _ name: String) throws(FormatError)
        -> FormatError
    {
        let listed = try database.tables().prefix(5).map { "'\(excerpt($0.name))'" }.joined(separator: ", ")
        return .invalid(
            database.path,
            "there is no table '\(excerpt(name))'" + (listed.isEmpty ? "" : " among \(listed)"),
            remedy: "name one that is there with --table"
        )
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = "\(database.path), table '\(excerpt(table))'"
        batch.place = .row
        do throws(FormatError) {
            while batch.hasRoom(for: maximumRows), try cursor.next() {
                let values = columns.names.indices.map(cursor.value)
                do throws(FormatError) { try rows.add(values, columns, to: &batch) } catch {
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
}

/// The columns of a table that are read, and what they are.
struct SQLiteColumns {
    let names: [String]
    let vector: Int
    private(set) var id: Int?
    private(set) var metadata: Int?
    /// The columns that are fields of the metadata.
    private(set) var fields: [Int] = []

    init(_ columns: [(name: String, isKey: Bool)], _ options: RowReaderOptions) throws(FormatError) {
        names = columns.map(\.name)
        func find(_ given: String?, _ usual: [String]) throws(FormatError) -> Int? {
            for name in given.map({ [$0] }) ?? usual {
                if let index = columns.firstIndex(where: { $0.name.equalsInSQL(name) }) {
                    return index
                }
            }
            guard let given else { return nil }
            throw Self.noColumn(given, columns)
        }
        guard let vector = try find(options.vectorField, JSONRowFields.vectorNames) else {
            throw Self.noColumn(JSONRowFields.vectorNames[0], columns)
        }
        self.vector = vector
        let keys = columns.indices.filter { columns[$0].isKey }
        id = try find(options.idField, [JSONRowFields.idName]) ?? (keys.count == 1 ? keys[0] : nil)
        metadata = try find(options.metadataField, [JSONRowFields.metadataName])
        let others = columns.indices.filter { ![vector, id, metadata].contains($0) }
        if metadata == nil { fields = others }
        if metadata != nil, options.metadataField == nil, let other = others.first {
            throw FormatError.invalid(
                "there is a column '\(excerpt(names[other]))' beside 'metadata'",
                remedy: "leave it out with --metadata-field metadata"
            )
        }
    }

    private static func noColumn(_ name: String, _ columns: [(name: String, isKey: Bool)])
        -> FormatError
    {
        let listed = columns.prefix(8).map { "'\(excerpt($0.name))'" }.joined(separator: ", ")
        return .invalid(
            "there is no column '\(excerpt(name))' among \(listed)\(columns.count > 8 ? ", …" : "")",
            remedy: "name the column with --vector-field, --id-field or --metadata-field"
        )
    }
}

/// Makes rows of SQLite's values.
struct SQLiteRows {
    private(set) var dimension: Int?
    private var rule = RowIDRule()

    init(_ dimension: Int?) { self.dimension = dimension }

    mutating func add(_ values: [ColumnValue], _ columns: SQLiteColumns, to batch: inout RowBatch)
        throws(FormatError)
    {
        let metadata =
            if let column = columns.metadata { try Self.object(values[column]) } else {
                try Self.object(columns.fields.map { (columns.names[$0], values[$0]) })
            }
        try add(
            vector: try Self.vector(values[columns.vector]),
            id: try columns.id.map { column throws(FormatError) in try Self.id(values[column]) },
            metadata: metadata,
            to: &batch
        )
    }

    mutating func add(
        vector: [Float],
        id: RowID?,
        metadata: String?,
        to batch: inout RowBatch
    ) throws(FormatError) {
        if let dimension, vector.count != dimension {
            throw VectorLimits.refusal(of: vector.count, expected: dimension)
        }
        guard VectorLimits.dimensions.contains(vector.count) else {
            throw VectorLimits.refusal(of: vector.count)
        }
        dimension = vector.count
        try rule.add(id, to: &batch)
        batch.components += vector
        batch.metadata.append(metadata)
    }

    private static func vector(_ value: ColumnValue) throws(FormatError) -> [Float] {
        switch value {
        case .blob(let bytes):
            guard bytes.count.isMultiple(of: 4) else {
                throw FormatError.invalid(
                    "the vector's blob has \(counted(bytes.count, "byte")), not 4 for each component",
                    remedy: "store it as little-endian float32, or as a JSON array"
                )
            }
            return floats(bytes[...])
        case .text(let bytes): return try LacunaFormats.floats(fromJSONArray: try text(bytes))
        case .null: throw FormatError.invalid("the vector is NULL", remedy: "leave the row out")
        case .integer, .real:
            throw FormatError.invalid(
                "the vector is a number",
                remedy: "store it as a blob of float32 or a JSON array"
            )
        }
    }

    static func floats(_ bytes: ArraySlice<UInt8>) -> [Float] {
        unsafe bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map {
                Float(bitPattern: unsafe bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
            }
        }
    }

    static func id(_ value: ColumnValue) throws(FormatError) -> RowID {
        switch value {
        case .integer(let integer): return .integer(integer)
        case .text(let bytes): return .text(try text(bytes))
        case .null, .real, .blob:
            throw FormatError.invalid(
                "the id is neither an integer nor a text",
                remedy: "name another with --id-field"
            )
        }
    }

    private static func object(_ value: ColumnValue) throws(FormatError) -> String? {
        if value == .null { return nil }
        do throws(FormatError) {
            guard case .text(let bytes) = value else {
                throw FormatError.invalid("not the text of a JSON object", remedy: "store it as JSON")
            }
            let object = try JSONObject(try text(bytes))
            try object.checkKeys()
            return JSONObject.singleLine(object.text)
        } catch { throw error.at("the metadata") }
    }

    /// A NULL has no member, and a blob none, because JSON can't write it.
    static func object(_ fields: [(name: String, value: ColumnValue)]) throws(FormatError) -> String? {
        var members: [String] = []
        for (name, value) in fields {
            let json: String
            switch value {
            case .null, .blob: continue
            case .integer(let integer): json = "\(integer)"
            case .real(let real):
                guard real.isFinite else {
                    throw FormatError.invalid("'\(excerpt(name))' is \(real)", remedy: "correct it")
                }
                json = "\(real)"
            case .text(let bytes): json = jsonString(try text(bytes))
            }
            members.append("\(jsonString(name)): \(json)")
        }
        return members.isEmpty ? nil : "{\(members.joined(separator: ", "))}"
    }

    private static func text(_ bytes: [UInt8]) throws(FormatError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FormatError.invalid("a text isn't valid UTF-8", remedy: "correct it")
        }
        return text
    }
}
