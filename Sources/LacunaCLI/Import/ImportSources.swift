import LacunaFormats

/// Rows whose vectors are in one file, and whose ids and metadata are lines of other files.
final class ArraySource<ID: CommandID>: ImportSource {
    private(set) var components: [Float] = []
    private let rows: any VectorRows
    private let metadata: JSONLinesReader?
    private var ids: ImportedIDs<ID>
    private var position = 0
    private var rowNumber = 0
    /// The number of components read at a time (1 MiB), unless a row has more.
    private static var chunkComponents: Int { 1 << 18 }

    init(_ rows: any VectorRows, _ metadata: String?, _ ids: ImportedIDs<ID>) throws {
        self.rows = rows
        self.metadata = try metadata.map { path in try JSONLinesReader(path: path) }
        self.ids = ids
    }

    func next() throws -> ImportedRow<ID> {
        if position == components.count {
            let count = try rows.next(max(1, Self.chunkComponents / rows.dimension), into: &components)
            position = 0
            if count == 0 {
                throw CommandError.badData("the vectors end too soon", remedy: "import them when nothing writes them")
            }
        }
        let range = position..<position + rows.dimension
        position = range.upperBound
        rowNumber += 1
        guard let metadata else {
            return ImportedRow(id: try ids.next(nil, at: "row \(rowNumber - 1)"), metadata: nil, components: range)
        }
        guard let object = try metadata.next() else {
            throw CommandError.badData("the metadata end too soon", remedy: "import them when nothing writes them")
        }
        let row = try FlatRow(object, at: metadata.location)
        let id = try ids.next(row.id, at: metadata.location)
        return ImportedRow(id: id, metadata: row.metadata, components: range)
    }
}

/// Rows of a .jsonl file.
final class JSONSource<ID: CommandID>: ImportSource {
    private(set) var components: [Float] = []
    private let lines: JSONLinesReader
    private var ids: ImportedIDs<ID>
    private let dimension: Int

    init(_ path: String, _ ids: ImportedIDs<ID>, _ dimension: Int) throws {
        lines = try JSONLinesReader(path: path)
        self.ids = ids
        self.dimension = dimension
    }

    func next() throws -> ImportedRow<ID> {
        guard let object = try lines.next() else {
            throw CommandError.badData("the rows end too soon", remedy: "import them when nothing writes them")
        }
        let row = try FullRow(object, dimension, at: lines.location)
        components = row.vector
        let id = try ids.next(row.id, at: lines.location)
        return ImportedRow(id: id, metadata: row.metadata, components: components.indices)
    }
}

/// A line of metadata: the row's id, if the object has one, and the rest of the object.
struct FlatRow {
    /// JSON text.
    let id: String?
    let metadata: String?

    init(_ object: JSONObject, at location: String) throws(FormatError) {
        do { try self.init(object) } catch { throw error.at(location) }
    }

    private init(_ object: JSONObject) throws(FormatError) {
        id = try object.member(named: "id")?.rawValue
        // `export` writes exactly this for a row without metadata. `{"id": 5}`, with a space, is a row with empty
        // metadata.
        if let id, object.text.utf8.elementsEqual("{\"id\":\(id)}".utf8) {
            metadata = nil
        } else {
            metadata = JSONObject.singleLine(try object.removing("id"))
        }
    }

    /// The line that reads back as exactly this id and these metadata.
    static func line(idText: String, metadata: String?) throws(FormatError) -> String {
        guard let metadata else { return "{\"id\":\(idText)}" }
        return try JSONObject.flatObject(idText: idText, metadata: metadata)
    }
}

/// A row of a .jsonl file of rows.
struct FullRow {
    /// JSON text.
    let id: String?
    private(set) var vector: [Float] = []
    private(set) var metadata: String?

    /// - Parameter dimension: The number of components that `what` have; nil for any.
    init(
        _ object: JSONObject,
        _ dimension: Int?,
        of what: String = "the store's",
        at location: String
    ) throws {
        do { try self.init(object) } catch { throw error.at(location) }
        if let stranger = object.members.first(where: { !["id", "vector", "metadata"].contains($0.key) }) {
            throw CommandError.badData(
                "\(location): a row has no member '\(stranger.key.prefix(40))'",
                remedy: "put it into \"metadata\", or take it out"
            )
        }
        guard try object.member(named: "vector") != nil else {
            throw CommandError.badData(
                "\(location): the row has no \"vector\"",
                remedy: "give it one, an array of \(dimension.map { "\($0) " } ?? "")numbers"
            )
        }
        if let dimension, vector.count != dimension {
            throw CommandError.badData(
                "\(location): the vector has \(vector.count) components, and \(what) have \(dimension)",
                remedy: "give vectors of the model that made \(what)"
            )
        }
    }

    private init(_ object: JSONObject) throws(FormatError) {
        id = try object.member(named: "id")?.rawValue
        if let member = try object.member(named: "vector") { vector = try floats(fromJSONArray: member.rawValue) }
        if let member = try object.member(named: "metadata"), member.rawValue != "null" {
            do { metadata = JSONObject.singleLine(try JSONObject(member.rawValue).text) } catch {
                throw error.at("\"metadata\"")
            }
        }
    }

    static func line(idText: String, vector: [Float], metadata: String?) throws(FormatError) -> String {
        let metadata = metadata.map { ",\"metadata\":\(JSONObject.singleLine($0))" } ?? ""
        return "{\"id\":\(idText),\"vector\":\(try jsonArray(of: vector))\(metadata)}"
    }
}
