import Foundation
import Lacuna
import Testing

private struct Photo {
    struct ID: RawRepresentable, VectorID, Codable { let rawValue: UUID }
}
private struct Tag: RawRepresentable, VectorID, Codable { let rawValue: String }
private struct Page: RawRepresentable, VectorID, Codable { let rawValue: Int }
private struct Chunk: RawRepresentable, VectorID, Codable { let rawValue: Int64 }
private struct Even: RawRepresentable, VectorID, Codable {
    let rawValue: UUID
    init?(rawValue: UUID) {
        if rawValue.uuid.15 % 2 == 1 { return nil }
        self.rawValue = rawValue
    }
}

/// An id that is stored as any value, and read back as any id, so that it can break each rule.
private struct Odd: VectorID {
    static let idKind = VectorIDKind.text
    let sqlValue: SQLValue

    init(_ sqlValue: SQLValue) { self.sqlValue = sqlValue }

    init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .text("no id"): return nil
        case .text("another id"): self.sqlValue = .text("an id")
        default: self.sqlValue = sqlValue
        }
    }
}

/// An id of the kind `uuid` that is stored as any text.
private struct Name: VectorID {
    static let idKind = VectorIDKind.uuid
    let text: String

    init(_ text: String) { self.text = text }

    init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self.text = text
    }

    var sqlValue: SQLValue { .text(text) }
}

/// Ids of types of one's own, and `Int`.
@Suite struct OwnIDTests {
    /// Checks a store of such ids, and that it is also one of their raw values.
    private func check<ID: VectorID & RawRepresentable & Codable>(
        _: ID.Type,
        _ raws: [ID.RawValue],
        _ kind: VectorIDKind
    ) throws where ID.RawValue: VectorID & Decodable {
        let scratch = try Scratch()
        let ids = try raws.map { try #require(ID(rawValue: $0)) }
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        #expect(try store.info.idKind == kind)
        try store.put([0], for: ids[0], metadata: ["next": ids[1]])
        try store.write { try $0.put([1], for: ids[1]) }
        // The first reads go through the index, and later ones through the cache of ids.
        for _ in 0..<200 { #expect(try store.vector(for: ids[1]) == [1]) }
        #expect(try store.search(for: [1], limit: 9, options: .init(among: ids)).map(\.id) == [ids[1], ids[0]])
        #expect(try store.search(like: [.id(ids[0])], limit: 9, where: .id != ids[0]).map(\.id) == [ids[1]])
        #expect(try store.ids(where: "id IN \(ids) AND id <> \(ids[0])") == [ids[1]])
        // An id in metadata is the raw value, and filters find it.
        #expect(try store.ids(where: .field("next") == ids[1]) == [ids[0]])
        #expect(try store.ids(where: "metadata ->> 'next' IN \(ids)") == [ids[0]])
        #expect(try store.metadata(for: ids[0], as: [String: ID].self) == ["next": ids[1]])
        #expect(try store.metadata(for: ids[0], as: [String: ID.RawValue].self) == ["next": raws[1]])
        try store.close()
        let same = try VectorStore<ID.RawValue>.open(at: scratch.store)
        #expect(try Set(same.ids()) == Set(raws))
        #expect(try same.vector(for: raws[1]) == [1])
        #expect(try same.delete(raws[0]))
        #expect(try same.verify().isSound)
    }

    @Test func idsWithRawValues() throws {
        try check(Photo.ID.self, [UUID(), UUID()], .uuid)
        try check(Tag.self, ["a", ""], .text)
        try check(Page.self, [.min, .max], .integer)
        try check(Chunk.self, [-1, 1 << 62], .integer)
    }

    @Test func idsWithUUIDsAreCodedAsTheseAlone() throws {
        let id = Photo.ID(rawValue: UUID())
        #expect(try JSONEncoder().encode([id]) == JSONEncoder().encode([id.rawValue]))
        #expect(try JSONDecoder().decode([Photo.ID].self, from: JSONEncoder().encode([id])) == [id])
        let odd = Data(#"["E621E1F8-C36C-495A-93FC-0C247A3E6E5F"]"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([Even].self, from: odd) }
    }

    @Test func aRawValueThatIsNoIDIsDamage() throws {
        let scratch = try Scratch()
        let id = try #require(UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"))
        try VectorStore<UUID>.create(at: scratch.store, configuration: .init(dimension: 1)).put([1], for: id)
        let store = try VectorStore<Even>.open(at: scratch.store, access: .readOnly)
        let error = expectError(.damaged) { try store.ids() }
        #expect(error?.ids == ["e621e1f8-c36c-495a-93fc-0c247a3e6e5f"])
    }

    @Test(arguments: [
        SQLValue.null, .real(1), .integer(1), .text("no id"), .text("another id"), .text("with\0NUL"),
    ])
    func anIDThatCannotBeReadBackIsRefused(_ value: SQLValue) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Odd>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.put([1], for: Odd("sound"))
        expectError(.invalidID) { try store.put([2], for: Odd(value)) }
        expectError(.invalidID) { try store.put([2], for: Odd(value), metadata: ["a": 1], replacing: true) }
        // The batch fails, even if the error is caught.
        expectError(.invalidID) {
            try store.write { batch in
                try batch.put([3], for: Odd("also sound"))
                expectError(.invalidID) { try batch.put([2], for: Odd(value)) }
            }
        }
        #expect(try store.ids() == [Odd("sound")])
    }

    @Test(arguments: ["", "text", "E621E1F8-C36C-495A-93FC-0C247A3E6E5F", "e621e1f8c36c495a93fc0c247a3e6e5f"])
    func aTextThatIsNoUUIDIsRefused(_ text: String) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Name>.create(at: scratch.store, configuration: .init(dimension: 1))
        #expect(expectError(.invalidID) { try store.put([2], for: Name(text)) }?.ids == [text])
        try store.put([2], for: Name("e621e1f8-c36c-495a-93fc-0c247a3e6e5f"))
        #expect(try store.count == 1)
    }
}
