import Foundation
import Lacuna
import Testing

private struct Interruption: Error {}

/// A batch is one transaction: all of it is committed, or nothing.
@Suite struct BatchTests {
    let scratch: Scratch
    let store: VectorStore<Int64>
    private var model = StoreModel<Int64>()

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 3))
        for id in Int64(1)...3 {
            let vector = [Float(id), 0, 1]
            try store.put(vector, for: id, metadataJSON: "{\"n\":\(id)}")
            model.put(vector, for: id, json: "{\"n\":\(id)}")
        }
    }

    private func expectUnchanged() throws { try expectSame(store, model, scratch.store) }

    /// Other stores kept the rows of the batch's first half, or leaked their space.
    @Test func aDuplicateInABatchLeaksNoRow() throws {
        let error = expectError(.duplicateID) {
            try store.write { batch in
                for id: Int64 in [10, 11, 12, 10, 13] { try batch.put([1, 2, 3], for: id) }
            }
        }
        #expect(error?.ids == ["10"])
        try expectUnchanged()
        let again = expectError(.duplicateID) {
            try store.write { batch in for id: Int64 in [20, 2, 21] { try batch.put([1, 2, 3], for: id) } }
        }
        #expect(again?.ids == ["2"])
        try expectUnchanged()
    }

    @Test func replacingTheSameIDTwiceInABatchKeepsTheLast() throws {
        try store.write { batch in
            try batch.put([7, 7, 7], for: 1, replacing: true, oldMetadata: .drop)
            try batch.put([8, 8, 8], for: 1, metadataJSON: "{}", replacing: true)
            try batch.put([9, 9, 9], for: 50)
            batch.delete(50)
            try batch.put([10, 10, 10], for: 50)
        }
        var model = model
        model.put([7, 7, 7], for: 1, json: nil)
        model.put([8, 8, 8], for: 1, json: "{}")
        model.put([9, 9, 9], for: 50, json: nil)
        model.put([10, 10, 10], for: 50, json: nil)
        try expectSame(store, model, scratch.store)
    }

    /// One step of a batch fails, at every place in it; the closure catches the error and goes on as if nothing had
    /// happened.
    @Test(arguments: 0..<5, 0..<8) func aCaughtFailureFailsTheBatchAllTheSame(_ place: Int, _ kind: Int) throws {
        let codes: [VectorStoreError.Code] = [
            .invalidVector, .invalidVector, .duplicateID, .invalidMetadata, .unknownID, .invalidMetadata,
            .invalidMetadata, .invalidFilter,
        ]
        expectError(codes[kind]) {
            try store.write { batch in
                for step in 0..<5 {
                    if step != place {
                        // After the failure the batch's own calls fail as well; that, too, is caught.
                        try? batch.put([1, 1, 1], for: Int64(100 + step))
                        batch.delete(3)
                        continue
                    }
                    switch kind {
                    case 0: try? batch.put([1, 2], for: 200)
                    case 1: try? batch.put([1, .infinity, 2], for: 200)
                    case 2: try? batch.put([1, 2, 3], for: 1)
                    case 3: try? batch.put([1, 2, 3], for: 200, metadataJSON: "[]")
                    case 4: try? batch.setMetadataJSON("{}", for: 999)
                    case 5: try? batch.setMetadataJSON("{", for: 2)
                    case 6: try? batch.patchMetadataJSON("[]", for: 2)
                    default: _ = try? batch.patchMetadataJSON("{}", where: "nonsense")
                    }
                }
            }
        }
        try expectUnchanged()
    }

    @Test func theClosuresOwnErrorComesOutAndNothingStays() throws {
        #expect(throws: Interruption.self) {
            try store.write { batch in
                try batch.put([1, 2, 3], for: 70)
                batch.delete(1)
                try batch.setMetadataJSON(nil, for: 2)
                try batch.patchMetadataJSON("{}", where: "true")
                throw Interruption()
            }
        }
        try expectUnchanged()
    }

    @Test func anEmptyBatchChangesNothing() throws {
        #expect(try store.write { _ in 42 } == 42)
        try store.write { $0.delete(12_345) }
        #expect(try store.delete([Int64]()) == 0)
        #expect(try store.delete([9, 9, 9]) == 0)
        try expectUnchanged()
        let sequence = try rawConnection(scratch.index).value("SELECT commit_sequence FROM store")
        #expect(sequence == 3)
    }

    @Test func aReadInsideAWriteSeesTheStateBefore() throws {
        try store.write { batch in
            try batch.put([4, 4, 4], for: 4)
            batch.delete(1)
            try batch.setMetadataJSON(nil, for: 2)
            #expect(try store.count == 3)
            #expect(try store.ids() == [1, 2, 3])
            #expect(try store.vector(for: 4) == nil)
            #expect(try store.vector(for: 1) == [1, 0, 1])
            #expect(try store.metadataJSON(for: 2) == #"{"n":2}"#)
            #expect(try store.search(for: [1, 0, 1], limit: 9).count == 3)
        }
        #expect(try store.ids() == [2, 3, 4])
        #expect(try store.metadataJSON(for: 2) == nil)
    }

    @Test func aDeletedIDIsNilAndNotZeros() throws {
        try store.delete(2)
        #expect(try store.vector(for: 2) == nil)
        #expect(try store.withVector(for: 2) { _ in true } == nil)
        #expect(try store.metadataJSON(for: 2) == nil)
        #expect(try store.contains(2) == false)
        #expect(try store.search(for: [2, 0, 1], limit: 9).map(\.id).sorted() == [1, 3])
        try store.compact(.rewrite)
        #expect(try store.vector(for: 2) == nil)
        #expect(try store.delete(2) == false)
    }

    @Test func aDeletedIDCanBePutAgain() throws {
        try store.delete(2)
        try store.put([6, 6, 6], for: 2)
        #expect(try store.vector(for: 2) == [6, 6, 6])
        #expect(try store.metadataJSON(for: 2) == nil)
    }
}
