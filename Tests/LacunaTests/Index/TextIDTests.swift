import Foundation
import Lacuna
import Testing

/// Text ids are compared by bytes: Swift's `==` merges texts that SQLite keeps apart.
@Suite struct TextIDTests {
    let scratch: Scratch
    let store: VectorStore<String>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 2))
    }

    @Test func composedAndDecomposedAreTwoIDs() throws {
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        try #require(composed == decomposed)
        try store.put([1, 2], for: composed, metadataJSON: #"{"which":1}"#)
        try store.put([3, 4], for: decomposed, metadataJSON: #"{"which":2}"#)
        #expect(try store.count == 2)
        #expect(try store.vector(for: composed) == [1, 2])
        #expect(try store.vector(for: decomposed) == [3, 4])
        #expect(try store.ids().map { Array($0.utf8) } == [Array(decomposed.utf8), Array(composed.utf8)])
        try store.delete(composed)
        try store.compact(.rewrite)
        #expect(try store.vector(for: composed) == nil)
        #expect(try store.metadataJSON(for: decomposed) == #"{"which":2}"#)
        #expect(try store.verify().isSound)
    }

    @Test func orderIsThatOfTheBytes() throws {
        // U+10000 is written with surrogates in UTF-16, which sort before U+FFFF there; its UTF-8 bytes sort after.
        let ordered = ["", " ", "A", "B", "a", "aa", "b", "z", "é", "中", "\u{FFFF}", "\u{10000}"]
        for id in ordered.shuffled() { try store.put([1, 1], for: id) }
        #expect(try store.ids() == ordered)
        #expect(try store.search(for: [1, 1], limit: 20).map(\.id) == ordered)
        #expect(try store.search(for: [1, 1], limit: 5, options: .init(threads: 1)).map(\.id) == Array(ordered[..<5]))
    }

    @Test func emptyAndVeryLongTexts() throws {
        let long = String(repeating: "ab\u{E9}", count: 250_000)
        try store.put([1, 2], for: "")
        try store.put([3, 4], for: long)
        #expect(try store.vector(for: "") == [1, 2])
        #expect(try store.vector(for: long) == [3, 4])
        #expect(try store.vector(for: String(long.dropLast())) == nil)
        #expect(try store.delete([""]) == 1)
        #expect(try store.compact(.rewrite).strategy == .rewrite)
        #expect(try store.ids() == [long])
        #expect(try store.verify().isSound)
    }

    @Test(arguments: ["\0", "a\0", "\0a", "a\0b"]) func nulIsRefused(_ id: String) throws {
        try store.put([1, 2], for: "a")
        expectError(.invalidID) { try store.put([3, 4], for: id) }
        #expect(try store.vector(for: id) == nil)
        #expect(try store.contains(id) == false)
        #expect(try store.delete(id) == false)
        expectError(.unknownID) { try store.setMetadataJSON("{}", for: id) }
        #expect(try store.ids() == ["a"])
    }

    @Test func uuidsAreLowerCaseTexts() throws {
        let scratch = try Scratch()
        let store = try VectorStore<UUID>.create(at: scratch.store, configuration: .init(dimension: 1))
        let id = try #require(UUID(uuidString: "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"))
        try store.put([1], for: id)
        let stored = try rawConnection(scratch.index).value("SELECT id FROM vector_index")
        #expect(stored == "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
        #expect(try store.ids() == [id])
    }
}
