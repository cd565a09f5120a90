#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

// The id of a model. Metadata don't have the key `id`, since the row has the id: a model that is `Identifiable` is stored
// without its id, and gets it back when it is decoded.

extension MetadataCoding {
    /// Encodes the metadata of a row. If their type is `Identifiable`, and what it encodes under the key `id` is the row's
    /// id, that member is left out.
    ///
    /// - Throws: `invalidMetadata`, also if a model has another id than the row.
    func encode(_ metadata: some Encodable, for id: some VectorID) throws(VectorStoreError) -> String {
        let json = try encode(metadata)
        guard let type = Self.idType(of: Swift.type(of: metadata)) else { return json }
        var cursor = JSONCursor(json)
        guard let range = cursor.findValue(of: "id") else { return json }
        let encoded = cursor.bytes[range]
        guard Self.isSame(encoded, Array(try self.json(id, as: type).utf8), Swift.type(of: id).idKind) else {
            let idText = id.sqlValue.idText
            throw VectorStoreError(
                .invalidMetadata,
                "the value for the id \(idText) has the id \(String(decoding: encoded.prefix(80), as: UTF8.self))",
                remedy: "pass a value that has the id of its row",
                ids: [idText]
            )
        }
        return MetadataPatch(#"{"id":null}"#).applied(to: json)
    }

    /// Decodes a row's metadata, with the row's id under the key `id` if the type is `Identifiable`.
    func decode<M: Decodable>(_ json: String, of id: some VectorID, by decoder: JSONDecoder) throws -> M {
        var cursor = JSONCursor(json)
        guard let type = Self.idType(of: M.self), cursor.skip(UInt8(ascii: "{")) else {
            return try decoder.decode(M.self, from: Data(json.utf8))
        }
        let members = cursor.bytes[cursor.place...]
        cursor.skipSpace()
        var withID = Data("{\"id\":\(try self.json(id, as: type))".utf8)
        if cursor.next != UInt8(ascii: "}") { withID.append(UInt8(ascii: ",")) }
        return try decoder.decode(M.self, from: withID + members)
    }

    /// The type of a model's ids; nil if the type isn't `Identifiable`.
    private static func idType(of type: Any.Type) -> Any.Type? {
        func idType<M: Identifiable>(of type: M.Type) -> Any.Type { M.ID.self }
        return (type as? any Identifiable.Type).map { idType(of: $0) }
    }

    /// A row's id in JSON, as a type of ids encodes itself. A type that the store doesn't know gets an integer or a text.
    private func json(_ id: some VectorID, as type: Any.Type) throws(VectorStoreError) -> String {
        let value = id.sqlValue
        // These types encode themselves as the index stores them, so no encoder is needed.
        if type == Int64.self || type == Int.self || type == String.self || type == UUID.self { return value.jsonText }
        if let type = type as? any (VectorID & Encodable).Type, let own = type.init(sqlValue: value) {
            return try encode(own)
        }
        return value.jsonText
    }

    /// Whether two values in JSON are the same id. A UUID is the same in either case.
    private static func isSame(_ left: ArraySlice<UInt8>, _ right: [UInt8], _ kind: VectorIDKind) -> Bool {
        let quote = UInt8(ascii: "\"")
        guard left.first == quote, right.first == quote else { return left.elementsEqual(right) }
        let texts = [left, right[...]].map { JSONCursor.unescaped($0.dropFirst().dropLast()) }
        guard kind == .uuid else { return texts[0] == texts[1] }
        let uuids = texts.map { UUID(uuidString: String(decoding: $0, as: UTF8.self)) }
        return uuids[0] != nil && uuids[0] == uuids[1]
    }
}
