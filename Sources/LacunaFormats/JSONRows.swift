/// The names of the fields of a row in JSON.
package struct JSONRowFields: Sendable {
    /// The names that the vector may have.
    let vector: [String]
    let id: String
    /// Other fields that aren't part of the metadata.
    let ignored: [String]
    /// Nil if the metadata are the field `metadata`, or all other fields if there is none.
    let metadata: String?

    package init(_ options: RowReaderOptions = RowReaderOptions(), ignoring ignored: [String] = []) {
        self.ignored = ignored
        vector = options.vectorField.map { [$0] } ?? Self.vectorNames
        id = options.idField ?? Self.idName
        metadata = options.metadataField
    }

    /// The names that a vector has by default.
    static let vectorNames = ["vector", "embedding"]
    static let idName = "id"
    static let metadataName = "metadata"
}

/// A line of metadata: the row's id, if the object has one, and the rest of the object.
package struct FlatRow {
    package let id: RowID?
    package let metadata: String?

    package init(_ object: JSONObject, at location: String) throws(FormatError) {
        do { try self.init(object) } catch { throw error.at(location) }
    }

    private init(_ object: JSONObject) throws(FormatError) {
        let text = try object.member(named: JSONRowFields.idName)?.rawValue
        id = try text.map { text throws(FormatError) in RowID(try JSONScalar(parsing: text)) }
        // `export` writes exactly this for a row without metadata. `{"id": 5}`, with a space, is a row with empty
        // metadata.
        if let text, object.text.utf8.elementsEqual("{\"id\":\(text)}".utf8) {
            metadata = nil
        } else {
            metadata = JSONObject.singleLine(try object.removing(JSONRowFields.idName))
        }
    }

    /// The line that reads back as exactly this id and these metadata.
    package static func line(idText: String, metadata: String?) throws(FormatError) -> String {
        guard let metadata else { return "{\"id\":\(idText)}" }
        return try JSONObject.flatObject(idText: idText, metadata: metadata)
    }
}

/// A row as one JSON object.
package struct FullRow {
    package let id: RowID?
    package let vector: [Float]
    package let metadata: String?

    /// - Parameters:
    ///   - dimension: The number of components that `what` have; nil for any.
    package init(
        _ object: JSONObject,
        _ fields: JSONRowFields = JSONRowFields(),
        dimension: Int?,
        of what: String = "the store's",
        at location: String
    ) throws(FormatError) {
        do { try self.init(object, fields, dimension: dimension, of: what) } catch { throw error.at(location) }
    }

    init(
        _ object: JSONObject,
        _ fields: JSONRowFields,
        dimension: Int?,
        of what: String = "the store's"
    ) throws(FormatError) {
        let vectorField = try fields.vectorMember(object, dimension)
        vector = try floats(fromJSONArray: vectorField.rawValue)
        if let dimension, vector.count != dimension {
            throw VectorLimits.refusal(of: vector.count, expected: dimension, of: what)
        }
        id = try fields.id(of: object)
        metadata = try fields.metadata(of: object, without: vectorField.key)
    }

    /// The row of an object whose vector was parsed before.
    init(_ object: JSONObject, withVector vectorField: String, _ fields: JSONRowFields) throws(FormatError) {
        vector = []
        id = try fields.id(of: object)
        metadata = try fields.metadata(of: object, without: vectorField)
    }

    package static func line(idText: String, vector: [Float], metadata: String?) throws(FormatError) -> String {
        let metadata = metadata.map { ",\"metadata\":\(JSONObject.singleLine($0))" } ?? ""
        return "{\"id\":\(idText),\"vector\":\(try jsonArray(of: vector))\(metadata)}"
    }
}

extension JSONRowFields {
    fileprivate func vectorMember(_ object: JSONObject, _ dimension: Int?) throws(FormatError) -> JSONObject.Member {
        for name in vector { if let member = try object.member(named: name) { return member } }
        let others = object.members.prefix(5).map { "\"\(excerpt($0.key))\"" }.joined(separator: ", ")
        throw FormatError.invalid(
            "the row has no \"\(vector[0])\"" + (others.isEmpty ? "" : ", but \(others)"),
            remedy: "give it one, an array of \(dimension.map { "\($0) " } ?? "")numbers, or name the field with "
                + "--vector-field"
        )
    }

    fileprivate func id(of object: JSONObject) throws(FormatError) -> RowID? {
        guard let text = try object.member(named: id)?.rawValue else { return nil }
        return RowID(try JSONScalar(parsing: text))
    }

    fileprivate func metadata(of object: JSONObject, without vector: String) throws(FormatError) -> String? {
        let name = metadata ?? Self.metadataName
        if let member = try object.member(named: name) {
            let known = [vector, id, name] + ignored
            let others = object.members.filter { !known.containsSame($0.key) }
            if metadata == nil, let other = others.first {
                throw FormatError.invalid(
                    "the row has \"\(excerpt(other.key))\" beside its \"metadata\"",
                    remedy: "put it into them, or leave it out with --metadata-field metadata"
                )
            }
            if member.rawValue == "null" { return nil }
            do throws(FormatError) { return JSONObject.singleLine(try JSONObject(member.rawValue).text) } catch {
                throw error.at("\"\(name)\"")
            }
        }
        if metadata != nil { return nil }
        let known = [vector, id] + ignored
        let others = object.members.filter { !known.containsSame($0.key) }
        if others.isEmpty { return nil }
        let text = "{" + others.map(\.text).joined(separator: ", ") + "}"
        // A row may be deeper than metadata, unless these members are the metadata.
        if object.isDeep { _ = try JSONObject(text) }
        return JSONObject.singleLine(text)
    }
}

extension RowID {
    package init(_ scalar: JSONScalar) {
        switch scalar {
        case .integer(let integer): self = .integer(integer)
        case .string(let text): self = .text(text)
        }
    }
}
