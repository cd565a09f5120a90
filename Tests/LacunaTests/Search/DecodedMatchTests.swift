import TestSupport
import Testing

@testable import Lacuna

/// Matches bring their metadata along, from the state that was searched.
@Suite struct DecodedMatchTests {
    private struct Note: Codable, Equatable { var title: String }
    private struct Other: Codable { var number: Int }

    private func make(_ scratch: Scratch) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.put([1], for: 1, metadata: Note(title: "one"))
        try store.put([2], for: 2)
        try store.put([3], for: 3, metadata: Note(title: "three"))
        return store
    }

    private static let all = [
        DecodedMatch(match: Match<Int64>(id: 1, distance: 0), metadata: Note(title: "one")),
        DecodedMatch(match: Match(id: 2, distance: 1), metadata: nil),
        DecodedMatch(match: Match(id: 3, distance: 2), metadata: Note(title: "three")),
    ]

    @Test func withAndWithoutMetadata() throws {
        let scratch = try Scratch()
        let store = try make(scratch)
        #expect(try store.search(for: [1], limit: 9, as: Note.self) == Self.all)
        let far = try store.search(for: [1], limit: 9, where: "id > 1", options: .init(radius: 1), as: Note.self)
        #expect(far == [Self.all[1]])
        #expect(try store.search(like: [.id(1)], limit: 9, as: Note.self) == Array(Self.all[1...]))
        #expect(throws: DecodingError.self) { try store.search(for: [1], limit: 1, as: Other.self) }
    }

    @Test("metadata that are changed, and rows that are deleted after a snapshot began, don't show in it")
    func oneState() throws {
        let scratch = try Scratch()
        let writer = try make(scratch)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.read { snapshot in
            try writer.setMetadata(Note(title: "later"), for: 1)
            try writer.delete([2])
            #expect(try snapshot.search(for: [1], limit: 9, as: Note.self) == Self.all)
            #expect(
                try snapshot.search(like: [.id(2)], limit: 1, as: Note.self).map(\.metadata) == [Note(title: "one")]
            )
        }
        let now = try reader.search(for: [1], limit: 9, as: Note.self)
        #expect(now.map(\.metadata?.title) == ["later", "three"])
    }
}
