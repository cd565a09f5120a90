import Foundation
import Lacuna
import Testing

/// A model whose id is the row's is stored without it, and comes back with it.
@Suite struct ModelIDTests {
    private struct Model<ID: Hashable & Codable & Sendable>: Codable, Identifiable, Equatable, Sendable {
        var id: ID
        var title = "a title"
    }
    private struct PhotoID: RawRepresentable, VectorID, Codable { let rawValue: UUID }
    private struct Slug: VectorID, Codable {
        static let idKind = VectorIDKind.text
        let slug: String
        var sqlValue: SQLValue { .text(slug) }
        init(slug: String) { self.slug = slug }
        init?(sqlValue: SQLValue) {
            guard case .text(let text) = sqlValue else { return nil }
            slug = text
        }
    }

    /// Checks all ways in and out for a model with an id of the row.
    private func check<ID: VectorID, ModelID: Hashable & Codable & Sendable>(
        _ id: ID,
        _ modelID: ModelID,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let scratch = try Scratch()
        let store = try VectorStore<ID>.create(at: scratch.store, configuration: .init(dimension: 1))
        func expect(_ model: Model<ModelID>, json: String? = nil) throws {
            let json = json ?? #"{"title":"\#(model.title)"}"#
            #expect(try store.metadataJSON(for: id) == json, sourceLocation: sourceLocation)
            #expect(try store.metadata(for: id) == model, sourceLocation: sourceLocation)
            let nearest = try store.search(for: [1], limit: 1, as: Model<ModelID>.self)
            #expect(nearest.map(\.metadata) == [model], sourceLocation: sourceLocation)
            let same = try store.search(like: [.vector([1])], limit: 1, as: Model<ModelID>.self)
            #expect(same.map(\.metadata) == [model], sourceLocation: sourceLocation)
        }
        var model = Model(id: modelID)
        try store.put([1], for: id, metadata: model)
        try expect(model)
        model.title = "two"
        try store.put([1], for: id, metadata: model, replacing: true)
        try expect(model)
        model.title = "three"
        try store.write { try $0.put([1], for: id, metadata: model, replacing: true) }
        try expect(model)
        model.title = "four"
        try store.setMetadata(model, for: id)
        try expect(model)
        model.title = "five"
        try store.write { try $0.setMetadata(model, for: id) }
        try expect(model)
        try store.setMetadataJSON(#"{"more":[1]}"#, for: id)
        try store.patchMetadata(model, for: id)
        try expect(model, json: #"{"more":[1],"title":"five"}"#)
        model.title = "six"
        try store.write { try $0.patchMetadata(model, for: id) }
        try expect(model, json: #"{"more":[1],"title":"six"}"#)
    }

    @Test func modelsOfAllKindsOfIDs() throws {
        try check(Int64(7), Int64(7))
        try check(Int64.min, Int(Int64.min))
        try check(7, Int8(7))
        try check(Int64(7), Int64?.some(7))
        try check("a \"quoted\" / é\n", "a \"quoted\" / é\n")
        try check("", "")
        let uuid = UUID()
        try check(uuid, uuid)
        try check(uuid, uuid.uuidString.lowercased())
        try check(PhotoID(rawValue: uuid), PhotoID(rawValue: uuid))
        try check(PhotoID(rawValue: uuid), uuid)
        try check(uuid, PhotoID(rawValue: uuid))
        try check(Slug(slug: "a-b"), Slug(slug: "a-b"))
        try check(Slug(slug: "a-b"), "a-b")
    }

    @Test func aUUIDIsTheSameInUpperCase() throws {
        let scratch = try Scratch()
        let store = try VectorStore<UUID>.create(at: scratch.store, configuration: .init(dimension: 1))
        let uuid = UUID()
        try store.put([1], for: uuid, metadata: Model(id: uuid.uuidString))
        #expect(try store.metadataJSON(for: uuid) == #"{"title":"a title"}"#)
        #expect(try store.metadata(for: uuid, as: Model<String>.self)?.id == uuid.uuidString.lowercased())
        // A text isn't.
        let texts = try VectorStore<String>.create(at: scratch.path + "/texts", configuration: .init(dimension: 1))
        expectError(.invalidMetadata) {
            try texts.put([1], for: uuid.uuidString.lowercased(), metadata: Model(id: uuid.uuidString))
        }
    }

    @Test func anotherIDIsRefused() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.put([1], for: 7, metadataJSON: #"{"kept":true}"#)
        func refused(_ body: () throws -> Void) {
            let error = expectError(.invalidMetadata, "", body)
            #expect(error?.problem.contains("7") == true && error?.problem.contains("851") == true)
            #expect(error?.ids == ["7"])
        }
        let other = Model(id: 851)
        refused { try store.put([2], for: 7, metadata: other, replacing: true) }
        refused { try store.setMetadata(other, for: 7) }
        refused { try store.patchMetadata(other, for: 7) }
        refused { try store.setMetadata(Model(id: "851"), for: 7) }
        // The batch fails, even if the error is caught.
        refused { try store.write { batch in refused { try batch.setMetadata(other, for: 7) } } }
        refused {
            try store.write { batch in refused { try batch.put([2], for: 7, metadata: other, replacing: true) } }
        }
        // A number isn't its text, and null is no id.
        expectError(.invalidMetadata) { try store.setMetadata(Model(id: "7"), for: 7) }
        // There is no one row whose id this could be.
        expectError(.invalidMetadata) { try store.setMetadata(Model(id: 7), where: .id == 7) }
        #expect(try store.metadataJSON(for: 7) == #"{"kept":true}"#)
        #expect(try store.vector(for: 7) == [1])
    }

    @Test func onlyModelsHaveIDs() throws {
        struct NoModel: Codable { var id: Int64 }
        struct ByAnotherKey: Codable, Identifiable, Equatable {
            var id: Int64
            var title: String
            enum CodingKeys: String, CodingKey { case id = "number", title }
        }
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        expectError(.invalidMetadata) { try store.put([1], for: 7, metadata: NoModel(id: 7)) }
        expectError(.invalidMetadata) { try store.put([1], for: 7, metadata: ["id": 7]) }
        expectError(.invalidMetadata) { try store.put([1], for: 7, metadataJSON: #"{"id":7}"#) }
        // An id under another key is a value like any other.
        let model = ByAnotherKey(id: 9, title: "t")
        try store.put([1], for: 7, metadata: model)
        #expect(try store.metadataJSON(for: 7) == #"{"number":9,"title":"t"}"#)
        #expect(try store.metadata(for: 7) == model)
        #expect(throws: DecodingError.self) { try store.metadata(for: 7, as: NoModel.self) }
    }
}
