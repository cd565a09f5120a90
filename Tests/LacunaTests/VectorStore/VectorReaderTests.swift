import Lacuna
import Testing

/// Code that reads either a handle or a snapshot, and vectors that aren't arrays.
@Suite struct VectorReaderTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    struct Note: Codable, Equatable { var title: String }

    init() throws {
        scratch = try Scratch()
        store = try VectorStore.create(at: scratch.store, configuration: .init(dimension: 2, metric: .dot))
        try store.put([1, 0], for: 1, metadata: Note(title: "one"))
        try store.put([2, 0], for: 2, metadata: Note(title: "two"))
    }

    private func titles(_ reader: borrowing some VectorReader<Int64> & ~Copyable) throws -> [String?] {
        try reader.search(for: [1, 0], limit: 2, where: nil, options: .init(), as: Note.self).map { $0.metadata?.title }
    }

    @Test func bothRead() throws {
        #expect(try titles(store) == ["two", "one"])
        let (before, after) = try store.read { snapshot in
            let before = try titles(snapshot)
            return (before, try snapshot.count(where: .id > 1))
        }
        #expect(before == ["two", "one"] && after == 1)
    }

    @Test func vectorsInAnyMemory() throws {
        let vector: ContiguousArray<Float> = [3, 0]
        try store.put(vector.span, for: 3, metadataJSON: #"{"title":"three"}"#)
        #expect(try store.vector(for: 3) == [3, 0])
        #expect(try store.search(for: vector.span, limit: 1).map(\.id) == [3])
        expectError(.duplicateID) { try store.put(vector.span, for: 3) }
        expectError(.invalidVector) { try store.put([1, .nan].span, for: 4) }
    }
}
